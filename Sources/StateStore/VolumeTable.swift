package import Problems

extension Store {
  package var volumes: VolumeTable { VolumeTable(database: database) }
}

/// A named volume as the database knows it.
package struct VolumeRecord: Sendable {
  package let name: String
  package var driver: String
  /// JSON objects of strings.
  package var labels: String
  package var options: String
  /// Nanoseconds since 1970.
  package var created: Int64
  /// Made for one container, and removed with it (`rm -v`, `--rm`).
  package var anonymous: Bool
  package var uid: UInt32
  package var gid: UInt32
  /// The first mount copies the image's files up, and takes over the owner of the mount point.
  package var needsCopyUp: Bool
  package var needsChown: Bool

  package init(
    name: String, driver: String = "local", labels: String = "{}", options: String = "{}", created: Int64,
    anonymous: Bool = false, uid: UInt32 = 0, gid: UInt32 = 0, needsCopyUp: Bool = true, needsChown: Bool = true
  ) {
    self.name = name
    self.driver = driver
    self.labels = labels
    self.options = options
    self.created = created
    self.anonymous = anonymous
    self.uid = uid
    self.gid = gid
    self.needsCopyUp = needsCopyUp
    self.needsChown = needsChown
  }

  static let columns = "name, driver, labels, options, created, anonymous, uid, gid, needs_copy_up, needs_chown"
  init(_ row: Row) {
    name = row.text(0)
    driver = row.text(1)
    labels = row.text(2)
    options = row.text(3)
    created = row.integer(4)
    anonymous = row.bool(5)
    uid = UInt32(truncatingIfNeeded: row.integer(6))
    gid = UInt32(truncatingIfNeeded: row.integer(7))
    needsCopyUp = row.bool(8)
    needsChown = row.bool(9)
  }
}

/// The volumes of a store.
package struct VolumeTable {
  let database: Database

  /// - Throws: `.conflict` when the name is in use.
  package func insert(_ volume: VolumeRecord, durable: Bool = true) throws(Problem) {
    try database.transaction(durable: durable) { () throws(Problem) in
      if try get(volume.name) != nil {
        throw Problem(
          code: .conflict, message: "a volume with the name \(volume.name) exists already",
          hint: "take another name, or --ignore to use the one that is there")
      }
      try database.run(
        "INSERT INTO volumes(\(VolumeRecord.columns)) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
          .text(volume.name), .text(volume.driver), .text(volume.labels), .text(volume.options),
          .integer(volume.created), SQLValue(volume.anonymous), SQLValue(volume.uid), SQLValue(volume.gid),
          SQLValue(volume.needsCopyUp), SQLValue(volume.needsChown),
        ])
    }
  }

  /// Writes what changes in a volume: owner, and what its first mount still has to do.
  package func update(_ volume: VolumeRecord) throws(Problem) {
    let changed = try database.transaction(durable: true) { () throws(Problem) in
      try database.run(
        "UPDATE volumes SET uid = ?, gid = ?, needs_copy_up = ?, needs_chown = ? WHERE name = ?",
        [
          SQLValue(volume.uid), SQLValue(volume.gid), SQLValue(volume.needsCopyUp), SQLValue(volume.needsChown),
          .text(volume.name),
        ])
    }
    if changed == 0 { throw Problem(code: .notFound, message: "volume \(volume.name) has been removed") }
  }

  package func get(_ name: String) throws(Problem) -> VolumeRecord? {
    try database.row("SELECT \(VolumeRecord.columns) FROM volumes WHERE name = ?", [.text(name)]) { row in
      VolumeRecord(row)
    }
  }

  /// The volume that a user means: full name, or unique prefix of one.
  /// - Throws: `.notFound`; `.conflict` listing the candidates of an ambiguous prefix; `.invalid` for "".
  package func lookup(_ text: String) throws(Problem) -> VolumeRecord {
    if text.isEmpty { throw Problem(code: .invalid, message: "a volume's name must not be empty") }
    if let exact = try get(text) { return exact }
    let found = try database.rows(
      "SELECT \(VolumeRecord.columns) FROM volumes WHERE substr(name, 1, length(?1)) = ?1 ORDER BY name", [.text(text)]
    ) { row in VolumeRecord(row) }
    if found.count == 1 { return found[0] }
    if found.count > 1 { throw ambiguous("volume", text, found.map(\.name)) }
    throw Problem(
      code: .notFound, message: "no such volume \(text)", hint: "list the volumes with: berth volume ls")
  }

  /// All volumes by name.
  package func list() throws(Problem) -> [VolumeRecord] {
    try database.rows("SELECT \(VolumeRecord.columns) FROM volumes ORDER BY name") { row in VolumeRecord(row) }
  }

  /// The volumes that a container mounts, by name.
  package func list(ofContainer id: String) throws(Problem) -> [VolumeRecord] {
    try database.rows(
      """
      SELECT \(VolumeRecord.columns) FROM volumes
        WHERE name IN (SELECT volume FROM container_volumes WHERE container_id = ?) ORDER BY name
      """, [.text(id)]
    ) { row in VolumeRecord(row) }
  }

  /// Removes a volume's row.
  /// - Throws: `.conflict` listing the containers that use it; `.notFound`.
  package func delete(_ name: String, durable: Bool = true) throws(Problem) {
    try database.transaction(durable: durable) { () throws(Problem) in
      let users = try ContainerTable(database: database).list(usingVolume: name)
      if !users.isEmpty {
        let list = users.map { String($0.id.prefix(12)) }.joined(separator: ", ")
        throw Problem(
          code: .conflict, message: "volume \(name) is being used by the following container(s): \(list)",
          hint: "remove them first, or use --force")
      }
      if try database.run("DELETE FROM volumes WHERE name = ?", [.text(name)]) == 0 {
        throw Problem(code: .notFound, message: "no such volume \(name)")
      }
    }
  }
}
