package import Problems

extension Store {
  package var containers: ContainerTable { ContainerTable(database: database) }
}

/// The containers of a store.
package struct ContainerTable {
  let database: Database

  /// Adds a container and takes its name, in one transaction (PD-26).
  ///
  /// - Parameter replacing: nothing yet may carry the ID or the name.
  /// - Throws: `.conflict` naming the owner when the name or ID is in use.
  package func insert(
    _ record: ContainerRecord, volumes: [(name: String, destination: String)] = [],
    networks: [NetworkMembership] = []
  ) throws(Problem) {
    try database.transaction(durable: !record.autoRemove) { () throws(Problem) in
      let taken = try database.row("SELECT 1 FROM containers WHERE id = ?", [.text(record.id)]) { _ in true } ?? false
      if taken { throw Problem(code: .conflict, message: "container ID \(record.id) is in use") }
      try NameTable(database: database).take(record.name, owner: record.id, kind: .container)
      let status = record.status
      try database.run(
        """
        INSERT INTO containers(id, name, image_id, image_name, command, created, labels, summary, auto_remove, config,
          state) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        """,
        [
          .text(record.id), .text(record.name), SQLValue(record.imageID), .text(record.imageName),
          .text(record.command), .integer(record.created), .text(record.labels), .text(record.summary),
          SQLValue(record.autoRemove), .text(record.config), .text(status.state.rawValue),
        ])
      if status != ContainerStatus(state: status.state) {
        try update(record.id, status, durable: false)
      }
      for (name, destination) in volumes {
        try database.run(
          "INSERT INTO container_volumes VALUES(?, ?, ?)", [.text(record.id), .text(name), .text(destination)])
      }
      for network in networks { try NetworkTable(database: database).join(record.id, network) }
    }
  }

  /// Writes a container's status.
  /// - Parameter durable: survives a power cut; transient states need not.
  /// - Throws: `.notFound` when the container was removed meanwhile (PD-166).
  package func update(_ id: String, _ status: ContainerStatus, durable: Bool) throws(Problem) {
    try change(
      id, durable: durable,
      """
      UPDATE containers SET state = ?, pid = ?, start_time = ?, monitor_pid = ?, monitor_start_time = ?, exited = ?,
        exit_code = ?, started = ?, finished = ?, oom = ?, stopped_by_user = ?, restart_count = ?, error = ?
        WHERE id = ?
      """,
      [
        .text(status.state.rawValue), SQLValue(status.pid), SQLValue(Int64(bitPattern: status.startTime)),
        SQLValue(status.monitorPid), SQLValue(Int64(bitPattern: status.monitorStartTime)), SQLValue(status.exited),
        SQLValue(status.exitCode), .integer(status.started), .integer(status.finished), SQLValue(status.outOfMemory),
        SQLValue(status.stoppedByUser), SQLValue(status.restartCount), .text(status.error), .text(id),
      ])
  }

  /// Replaces the configuration (and what listings show of it): `update`, `rename` of other members.
  package func update(_ id: String, config: String, summary: String) throws(Problem) {
    try change(
      id, durable: true, "UPDATE containers SET config = ?, summary = ? WHERE id = ?",
      [.text(config), .text(summary), .text(id)])
  }

  /// Gives a container another name.
  /// - Throws: `.conflict` when it is in use.
  package func rename(_ id: String, to name: String) throws(Problem) {
    try database.transaction(durable: true) { () throws(Problem) in
      let names = NameTable(database: database)
      try names.take(name, owner: id, kind: .container)
      try database.run("DELETE FROM names WHERE owner = ? AND name <> ?", [.text(id), .text(name)])
      try change(id, durable: true, "UPDATE containers SET name = ? WHERE id = ?", [.text(name), .text(id)])
    }
  }

  /// Removes a container's rows and frees its name; its exec sessions go with it.
  package func delete(_ id: String, durable: Bool) throws(Problem) {
    try database.transaction(durable: durable) { () throws(Problem) in
      try database.run("DELETE FROM exec_sessions WHERE container_id = ?", [.text(id)])
      try NetworkTable(database: database).release(id)
      try database.run("DELETE FROM plugin_attachments WHERE owner = ?", [.text(id)])
      let removed = try database.run("DELETE FROM containers WHERE id = ?", [.text(id)])
      try database.run("DELETE FROM names WHERE owner = ?", [.text(id)])
      if removed == 0 { throw gone(id) }
    }
  }

  private func change(_ id: String, durable: Bool, _ sql: String, _ values: [SQLValue]) throws(Problem) {
    let changed = try database.transaction(durable: durable) { () throws(Problem) in try database.run(sql, values) }
    if changed == 0 { throw gone(id) }
  }

  private func gone(_ id: String) -> Problem {
    Problem(code: .notFound, message: "container \(id.prefix(12)) has been removed")
  }
}

extension ContainerTable {
  /// The container with this full ID, or nil.
  package func get(_ id: String) throws(Problem) -> ContainerRecord? {
    try database.row("SELECT \(ContainerRecord.columns), config FROM containers WHERE id = ?", [.text(id)]) { row in
      ContainerRecord(row, withConfig: true)
    }
  }

  /// Whether a container has this full ID (PD-167).
  package func has(_ id: String) throws(Problem) -> Bool {
    try database.row("SELECT 1 FROM containers WHERE id = ?", [.text(id)]) { _ in true } ?? false
  }

  /// The container that a user means: full name, full ID, or unique prefix of an ID, in this order (PD-27).
  ///
  /// - Throws: `.notFound`; `.conflict` listing the candidates of an ambiguous prefix; `.invalid` for "" and for a pod.
  package func lookup(_ text: String) throws(Problem) -> ContainerRecord {
    if text.isEmpty { throw Problem(code: .invalid, message: "a container's name or ID must not be empty") }
    let columns = "SELECT \(ContainerRecord.columns), config FROM containers"
    let exact = try database.row(columns + " WHERE name = ?1 OR id = ?1 ORDER BY name <> ?1", [.text(text)]) { row in
      ContainerRecord(row, withConfig: true)
    }
    if let exact { return exact }
    if let end = hexPrefixEnd(text) {
      let found = try database.rows(columns + " WHERE id >= ? AND id < ?", [.text(text), .text(end)]) { row in
        ContainerRecord(row, withConfig: true)
      }
      if found.count == 1 { return found[0] }
      if found.count > 1 {
        throw ambiguous("container", text, found.map { "\($0.id.prefix(12)) (\($0.name))" })
      }
    }
    let pod = try database.row(
      "SELECT owner FROM names WHERE kind = 'pod' AND (name = ?1 OR owner = ?1)", [.text(text)]
    ) { row in row.text(0) }
    if pod != nil { throw Problem(code: .invalid, message: "\(text) is a pod, not a container") }
    throw Problem(
      code: .notFound, message: "no container with name or ID \"\(text)\" found: no such container",
      hint: "list all containers with: berth ps -a")
  }

  /// All containers, oldest first.
  /// - Parameter withConfig: also read the configuration; listings do without.
  package func list(withConfig: Bool = false) throws(Problem) -> [ContainerRecord] {
    let config = withConfig ? ", config" : ""
    return try database.rows("SELECT \(ContainerRecord.columns)\(config) FROM containers ORDER BY created, id") { row in
      ContainerRecord(row, withConfig: withConfig)
    }
  }

  /// Those in one of `states`, oldest first: what `ps` without `-a` reads.
  package func list(in states: [ContainerState], withConfig: Bool = false) throws(Problem) -> [ContainerRecord] {
    let marks = Array(repeating: "?", count: states.count).joined(separator: ", ")
    let config = withConfig ? ", config" : ""
    return try database.rows(
      "SELECT \(ContainerRecord.columns)\(config) FROM containers WHERE state IN (\(marks)) ORDER BY created, id",
      states.map { .text($0.rawValue) }
    ) { row in ContainerRecord(row, withConfig: withConfig) }
  }

  /// The containers made from an image, oldest first.
  package func list(ofImage imageID: String) throws(Problem) -> [ContainerRecord] {
    try database.rows(
      "SELECT \(ContainerRecord.columns) FROM containers WHERE image_id = ? ORDER BY created, id", [.text(imageID)]
    ) { row in ContainerRecord(row, withConfig: false) }
  }

  /// The containers that mount a volume, oldest first (PD-32).
  package func list(usingVolume name: String) throws(Problem) -> [ContainerRecord] {
    try database.rows(
      """
      SELECT \(ContainerRecord.columns) FROM containers
        WHERE id IN (SELECT container_id FROM container_volumes WHERE volume = ?) ORDER BY created, id
      """, [.text(name)]
    ) { row in ContainerRecord(row, withConfig: false) }
  }

  /// How many containers there are in each state.
  package func counts() throws(Problem) -> [ContainerState: Int] {
    let rows = try database.rows("SELECT state, COUNT(*) FROM containers GROUP BY state") { row in
      (ContainerState(rawValue: row.text(0)) ?? .unknown, Int(row.integer(1)))
    }
    return Dictionary(rows, uniquingKeysWith: +)
  }
}

/// The first text after all that begin with `text`, if that can be the beginning of an ID.
func hexPrefixEnd(_ text: String) -> String? {
  let bytes = Array(text.utf8)
  guard !bytes.isEmpty, bytes.count <= 64 else { return nil }
  for byte in bytes where !(0x30...0x39).contains(byte) && !(0x61...0x66).contains(byte) { return nil }
  return text + "g"
}

/// An ambiguous prefix, with what it may mean.
func ambiguous(_ kind: String, _ text: String, _ candidates: [String]) -> Problem {
  let shown = candidates.prefix(10).joined(separator: ", ") + (candidates.count > 10 ? ", …" : "")
  return Problem(
    code: .conflict, message: "more than one result for \(kind) ID \(text): \(shown)",
    hint: "give more digits of the ID")
}
