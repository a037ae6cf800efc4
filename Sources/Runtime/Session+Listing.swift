import CSys
import Cgroups
import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

extension Session {
  func list(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    let flags = try anyFlags(rest, ["format|f=", "quiet|q"])
    var records: [ContainerRecord] = []
    for id in try store.identifiers() {
      if let record = try? store.load(id) { records.append(record) }  // one that is just made or removed
    }
    if flags.has("quiet") { return RuntimeProgram.show(records.map { $0.id + "\n" }.joined()) }
    switch flags["format"] ?? "table" {
    case "json":
      return RuntimeProgram.show(JSON.array(records.map { stateJSON($0, owner: owner(of: $0)) }).text() + "\n")
    case "table":
      let rows = records.map { record in
        let state = record.state(in: store)
        return [
          record.id, String(state.pid ?? 0), state.status.rawValue, record.bundle, record.created, owner(of: record),
        ]
      }
      return RuntimeProgram.show(Table.text([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]] + rows))
    case let other: throw Problem(code: .invalid, message: "invalid format option \"\(other)\"")
    }
  }

  /// Who made the container: the name of the user that owns its directory, or "#" and the number.
  private func owner(of record: ContainerRecord) -> String {
    guard let uid = (try? status(store.directory(of: record.id)))?.st_uid else { return "" }
    let text = (try? readText("/etc/passwd")) ?? ""
    return Passwd.name(of: uid, in: text) ?? "#\(uid)"
  }

  func stateJSON(_ record: ContainerRecord, owner: String = "") -> JSON {
    let state = record.state(in: store)
    var object = JSON.Object()
    object["ociVersion"] = .string(state.ociVersion)
    object["id"] = .string(state.id)
    object["pid"] = JSON(state.pid ?? 0)
    object["status"] = .string(state.status.rawValue)
    object["bundle"] = .string(state.bundle)
    object["rootfs"] = .string(record.rootPath)
    object["created"] = .string(record.created)
    if let annotations = state.annotations {
      object["annotations"] = .object(
        JSON.Object(annotations.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    }
    object["owner"] = .string(owner)
    return .object(object)
  }

  func pause(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    let record = try store.load(try flags(rest, []).id)
    let status = record.status(in: store)
    guard status == .running || status == .created else {
      throw Problem(code: .conflict, message: "container not running: \(record.id) is \(status.rawValue)")
    }
    try record.cgroup.freeze()
    return 0
  }
  func resume(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    let record = try store.load(try flags(rest, []).id)
    guard record.isAlive, try record.cgroup.isFrozen() else {
      throw Problem(code: .conflict, message: "container not paused: \(record.id)")
    }
    try record.cgroup.thaw()
    return 0
  }
}

/// Columns of text.
enum Table {
  static func text(_ rows: [[String]]) -> String {
    let columns = rows.map(\.count).max() ?? 0
    let widths = (0..<columns).map { column in rows.map { column < $0.count ? $0[column].count : 0 }.max() ?? 0 }
    return rows.map { row in
      var line = ""
      for (column, cell) in row.enumerated() {
        line += cell
        if column + 1 < row.count { line += String(repeating: " ", count: widths[column] - cell.count + 3) }
      }
      return line + "\n"
    }.joined()
  }
}
