import Engine
import JSON
import Sys

extension ContainerList {
  /// `ps --ns`. Source: podman ps 4.3; the numbers are those of namespaces(7).
  func namespaceListing(_ containers: [ContainerSummary]) -> Listing {
    let kinds = [
      ("CGROUPNS", "cgroup"), ("IPC", "ipc"), ("MNT", "mnt"), ("NET", "net"), ("PIDNS", "pid"), ("USERNS", "user"),
      ("UTS", "uts"),
    ]
    let rows = containers.map { container -> JSON in
      var row = JSON.Object([
        ("ID", .string(shortened(container.id))), ("Names", .string(container.name)), ("Pid", JSON(container.pid)),
      ])
      for (header, kind) in kinds { row[header] = .string(Self.namespace(kind, of: container.pid)) }
      return .object(row)
    }
    return Listing(
      columns: [.init("ID", "CONTAINER ID"), .init("Names", "NAMES"), .init("Pid", "PID")]
        + kinds.map { .init($0.0, $0.0) },
      rows: rows, document: .array(rows))
  }

  /// "4026531835"; "" where there is no such process.
  private static func namespace(_ kind: String, of pid: Int32) -> String {
    guard pid > 0, let text = try? readLink("/proc/\(pid)/ns/\(kind)") else { return "" }
    return text.filter(\.isNumber)
  }
}
