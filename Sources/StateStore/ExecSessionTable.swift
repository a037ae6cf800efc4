package import Problems

extension Store {
  package var execSessions: ExecSessionTable { ExecSessionTable(database: database) }
}

/// A further process in a container, as the database knows it.
package struct ExecSessionRecord: Sendable {
  /// 64 hex digits.
  package let id: String
  package let containerID: String
  /// Nanoseconds since 1970.
  package let created: Int64
  /// The engine's own JSON.
  package let config: String
  /// "created", "running", "stopped".
  package var state: String
  package var pid: Int32 = 0
  package var startTime: UInt64 = 0
  package var exitCode: Int32 = 0

  package init(id: String, containerID: String, created: Int64, config: String, state: String = "created") {
    self.id = id
    self.containerID = containerID
    self.created = created
    self.config = config
    self.state = state
  }

  static let columns = "id, container_id, created, config, state, pid, start_time, exit_code"
  init(_ row: Row) {
    id = row.text(0)
    containerID = row.text(1)
    created = row.integer(2)
    config = row.text(3)
    state = row.text(4)
    pid = Int32(truncatingIfNeeded: row.integer(5))
    startTime = UInt64(bitPattern: row.integer(6))
    exitCode = Int32(truncatingIfNeeded: row.integer(7))
  }
}

/// The exec sessions of a store. None is worth an fsync: a reboot ends them all.
package struct ExecSessionTable {
  let database: Database

  /// - Throws: `.conflict` when the ID is in use; `.notFound` when the container was removed.
  package func insert(_ session: ExecSessionRecord) throws(Problem) {
    try database.transaction(durable: false) { () throws(Problem) in
      if try get(session.id) != nil {
        throw Problem(code: .conflict, message: "an exec session with ID \(session.id) exists already")
      }
      guard try ContainerTable(database: database).has(session.containerID) else {
        throw Problem(code: .notFound, message: "container \(session.containerID.prefix(12)) has been removed")
      }
      try database.run(
        "INSERT INTO exec_sessions(\(ExecSessionRecord.columns)) VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
        [
          .text(session.id), .text(session.containerID), .integer(session.created), .text(session.config),
          .text(session.state), SQLValue(session.pid), SQLValue(Int64(bitPattern: session.startTime)),
          SQLValue(session.exitCode),
        ])
    }
  }

  package func update(_ session: ExecSessionRecord) throws(Problem) {
    let changed = try database.transaction(durable: false) { () throws(Problem) in
      try database.run(
        "UPDATE exec_sessions SET state = ?, pid = ?, start_time = ?, exit_code = ? WHERE id = ?",
        [
          .text(session.state), SQLValue(session.pid), SQLValue(Int64(bitPattern: session.startTime)),
          SQLValue(session.exitCode), .text(session.id),
        ])
    }
    if changed == 0 {
      throw Problem(code: .notFound, message: "exec session \(session.id.prefix(12)) has been removed")
    }
  }

  package func get(_ id: String) throws(Problem) -> ExecSessionRecord? {
    try database.row("SELECT \(ExecSessionRecord.columns) FROM exec_sessions WHERE id = ?", [.text(id)]) { row in
      ExecSessionRecord(row)
    }
  }

  /// The sessions of a container, oldest first.
  package func list(ofContainer id: String) throws(Problem) -> [ExecSessionRecord] {
    try database.rows(
      "SELECT \(ExecSessionRecord.columns) FROM exec_sessions WHERE container_id = ? ORDER BY created, id", [.text(id)]
    ) { row in ExecSessionRecord(row) }
  }

  package func delete(_ id: String) throws(Problem) {
    try database.transaction(durable: false) { () throws(Problem) in
      _ = try database.run("DELETE FROM exec_sessions WHERE id = ?", [.text(id)])
    }
  }
}
