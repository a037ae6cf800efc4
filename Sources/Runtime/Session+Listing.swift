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
    case "json": return RuntimeProgram.show(JSON.array(records.map(stateJSON)).text() + "\n")
    case "table":
      let rows = records.map { record in
        let state = record.state(in: store)
        return [record.id, String(state.pid ?? 0), state.status.rawValue, record.bundle, record.created, "root"]
      }
      return RuntimeProgram.show(Table.text([["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"]] + rows))
    case let other: throw Problem(code: .invalid, message: "invalid format option \"\(other)\"")
    }
  }

  func stateJSON(_ record: ContainerRecord) -> JSON {
    var object = record.state(in: store).json.object ?? JSON.Object()
    object["rootfs"] = .string(record.rootPath)
    object["created"] = .string(record.created)
    object["owner"] = ""
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
