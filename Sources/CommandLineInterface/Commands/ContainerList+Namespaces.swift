import Engine
import JSON
import Sys

extension ContainerList {
  /// `ps --ns`. Source: podman ps 4.3; the numbers are those of namespaces(7).
  func namespaceListing(_ containers: [ContainerSummary]) -> Listing {
    let rows = containers.map { container -> JSON in
      var row = JSON.Object([
        ("ID", .string(shortened(container.id))), ("Names", .string(container.name)), ("Pid", JSON(container.pid)),
      ])
      putNamespaces(of: container, into: &row)
      return .object(row)
    }
    return Listing(
      columns: [.init("ID", "CONTAINER ID"), .init("Names", "NAMES"), .init("Pid", "PID")]
        + Self.kinds.map { .init($0.0, $0.0) },
      rows: rows, document: .array(rows))
  }

  /// What heads a column, and what the kernel calls the namespace.
  private static let kinds = [
    ("CGROUPNS", "cgroup"), ("IPC", "ipc"), ("MNT", "mnt"), ("NET", "net"), ("PIDNS", "pid"), ("USERNS", "user"),
    ("UTS", "uts"),
  ]

  /// For templates without `--ns`, too. Source: podman ps 4.3, whose fields are empty there.
  func putNamespaces(of container: ContainerSummary, into row: inout JSON.Object) {
    var all = JSON.Object()
    for (header, kind) in Self.kinds {
      let number = JSON.string(Self.namespace(kind, of: container.pid))
      row[header] = number
      all[header] = number
    }
    row["Cgroup"] = row["CGROUPNS"]
    row["Namespaces"] = .object(all)
  }

  /// "4026531835"; "" where there is no such process.
  private static func namespace(_ kind: String, of pid: Int32) -> String {
    guard pid > 0, let text = try? readLink("/proc/\(pid)/ns/\(kind)") else { return "" }
    return text.filter(\.isNumber)
  }
}
