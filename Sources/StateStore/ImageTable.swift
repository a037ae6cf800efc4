package import Problems

extension Store {
  package var images: ImageTable { ImageTable(database: database) }
}

/// An image as the database knows it.
package struct ImageRecord: Hashable, Sendable {
  /// The digest of its configuration, 64 hex digits.
  package let id: String
  /// "sha256:…" of its manifest, whose bytes are in the blob store.
  package var manifestDigest: String
  /// When it was built, and when it came here: nanoseconds since 1970.
  package var created: Int64
  package var pulled: Int64
  /// Bytes of its unpacked layers.
  package var size: Int64
  package var architecture: String
  package var os: String
  package var variant: String
  /// `config` of the image configuration as JSON, ready for `create` and `run`.
  package var config: String
  /// Diff IDs, 64 hex digits each, the lowest first.
  package var layers: [String]

  package init(
    id: String, manifestDigest: String, created: Int64, pulled: Int64, size: Int64, architecture: String, os: String,
    variant: String = "", config: String, layers: [String]
  ) {
    self.id = id
    self.manifestDigest = manifestDigest
    self.created = created
    self.pulled = pulled
    self.size = size
    self.architecture = architecture
    self.os = os
    self.variant = variant
    self.config = config
    self.layers = layers
  }

  static let columns = "id, manifest_digest, created, pulled, size, architecture, os, variant, config, layers"
  init(_ row: Row) {
    id = row.text(0)
    manifestDigest = row.text(1)
    created = row.integer(2)
    pulled = row.integer(3)
    size = row.integer(4)
    architecture = row.text(5)
    os = row.text(6)
    variant = row.text(7)
    config = row.text(8)
    layers = row.text(9).split(separator: " ").map(String.init)
  }
}

/// A name of an image: `docker.io/library/busybox:latest`, or with `@sha256:…` in the tag's place.
package struct ImageNameRecord: Hashable, Sendable {
  package let name: String
  package let imageID: String
  /// "sha256:…" of what the registry gave for the name: the manifest or the index that led to it.
  package let digest: String
  package init(name: String, imageID: String, digest: String) {
    self.name = name
    self.imageID = imageID
    self.digest = digest
  }
}

/// One unpacked layer.
package struct LayerRecord: Hashable, Sendable {
  /// 64 hex digits, as the directory is named.
  package let diffID: String
  /// "sha256:…" and bytes, as it came.
  package var compressedDigest: String
  package var compressedSize: Int64
  /// Bytes of its tar, and its entries.
  package var size: Int64
  package var entries: Int
  package init(diffID: String, compressedDigest: String, compressedSize: Int64, size: Int64, entries: Int) {
    self.diffID = diffID
    self.compressedDigest = compressedDigest
    self.compressedSize = compressedSize
    self.size = size
    self.entries = entries
  }

  static let columns = "diff_id, compressed_digest, compressed_size, size, entries"
  init(_ row: Row) {
    diffID = row.text(0)
    compressedDigest = row.text(1)
    compressedSize = row.integer(2)
    size = row.integer(3)
    entries = Int(row.integer(4))
  }
}

/// Images, their names and their layers. Changes run inside the caller's transaction.
package struct ImageTable {
  let database: Database

  package func get(_ id: String) throws(Problem) -> ImageRecord? {
    try database.row("SELECT \(ImageRecord.columns) FROM images WHERE id = ?", [.text(id)]) { row in ImageRecord(row) }
  }

  /// The newest first.
  package func list() throws(Problem) -> [ImageRecord] {
    try database.rows("SELECT \(ImageRecord.columns) FROM images ORDER BY created DESC, id") { row in ImageRecord(row) }
  }

  /// Those whose ID begins with `prefix`; none if that cannot be the beginning of an ID.
  package func list(idPrefix prefix: String) throws(Problem) -> [ImageRecord] {
    guard let end = hexPrefixEnd(prefix) else { return [] }
    return try database.rows(
      "SELECT \(ImageRecord.columns) FROM images WHERE id >= ? AND id < ?", [.text(prefix), .text(end)]
    ) { row in ImageRecord(row) }
  }

  package func name(_ name: String) throws(Problem) -> ImageNameRecord? {
    try database.row("SELECT name, image_id, manifest_digest FROM image_names WHERE name = ?", [.text(name)]) { row in
      ImageNameRecord(row)
    }
  }
  package func names() throws(Problem) -> [ImageNameRecord] {
    try database.rows("SELECT name, image_id, manifest_digest FROM image_names ORDER BY name") { row in
      ImageNameRecord(row)
    }
  }
  package func names(of imageID: String) throws(Problem) -> [ImageNameRecord] {
    try database.rows(
      "SELECT name, image_id, manifest_digest FROM image_names WHERE image_id = ? ORDER BY name", [.text(imageID)]
    ) { row in ImageNameRecord(row) }
  }

  /// Adds an image, or brings what is known of it up to date, with rows for its layers.
  package func save(_ image: ImageRecord, newLayers: [LayerRecord]) throws(Problem) {
    for layer in newLayers {
      try database.run(
        """
        INSERT INTO layers VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(diff_id) DO UPDATE SET
          compressed_digest = excluded.compressed_digest, compressed_size = excluded.compressed_size
        """,
        [
          .text(layer.diffID), .text(layer.compressedDigest), .integer(layer.compressedSize), .integer(layer.size),
          SQLValue(layer.entries), .integer(nanosecondsNow()),
        ])
    }
    try database.run(
      """
      INSERT INTO images(\(ImageRecord.columns)) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET
        manifest_digest = excluded.manifest_digest, pulled = excluded.pulled
      """,
      [
        .text(image.id), .text(image.manifestDigest), .integer(image.created), .integer(image.pulled),
        .integer(image.size), .text(image.architecture), .text(image.os), .text(image.variant), .text(image.config),
        .text(image.layers.joined(separator: " ")),
      ])
    for (position, layer) in image.layers.enumerated() {
      try database.run(
        "INSERT OR IGNORE INTO image_layers VALUES(?, ?, ?)", [.text(image.id), SQLValue(position), .text(layer)])
    }
  }

  /// Gives an image a name, taking it from the one that had it.
  package func setName(_ name: ImageNameRecord) throws(Problem) {
    try database.run(
      "INSERT OR REPLACE INTO image_names VALUES(?, ?, ?, ?)",
      [.text(name.name), .text(name.imageID), .text(name.digest), .integer(nanosecondsNow())])
  }

  /// - Returns: whether there was such a name.
  package func deleteName(_ name: String) throws(Problem) -> Bool {
    try database.run("DELETE FROM image_names WHERE name = ?", [.text(name)]) > 0
  }

  /// Removes an image with its names, and the rows of layers that nobody else has.
  ///
  /// - Returns: the diff IDs of those layers; their directories are the caller's.
  package func delete(_ id: String) throws(Problem) -> [String] {
    try database.run("DELETE FROM image_names WHERE image_id = ?", [.text(id)])
    let layers = try orphans(ifGone: id)
    try database.run("DELETE FROM images WHERE id = ?", [.text(id)])
    for layer in layers { try database.run("DELETE FROM layers WHERE diff_id = ?", [.text(layer)]) }
    return layers
  }

  /// The layers that only this image has, sorted.
  package func orphans(ifGone id: String) throws(Problem) -> [String] {
    try database.rows(
      """
      SELECT DISTINCT diff_id FROM image_layers AS mine WHERE image_id = ?1 AND NOT EXISTS
        (SELECT 1 FROM image_layers AS other WHERE other.diff_id = mine.diff_id AND other.image_id <> ?1)
        ORDER BY diff_id
      """, [.text(id)]
    ) { row in row.text(0) }
  }

  package func layer(_ diffID: String) throws(Problem) -> LayerRecord? {
    try database.row("SELECT \(LayerRecord.columns) FROM layers WHERE diff_id = ?", [.text(diffID)]) { row in
      LayerRecord(row)
    }
  }
  package func layers() throws(Problem) -> [LayerRecord] {
    try database.rows("SELECT \(LayerRecord.columns) FROM layers ORDER BY diff_id") { row in LayerRecord(row) }
  }

  /// Whether an image has this configuration (its ID) or this manifest.
  package func usesBlob(hex: String) throws(Problem) -> Bool {
    let sql = "SELECT 1 FROM images WHERE id = ?1 OR manifest_digest = 'sha256:' || ?1 LIMIT 1"
    return try database.row(sql, [.text(hex)]) { _ in true } ?? false
  }
}

extension ImageNameRecord {
  init(_ row: Row) {
    name = row.text(0)
    imageID = row.text(1)
    digest = row.text(2)
  }
}
