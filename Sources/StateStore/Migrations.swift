package import Problems
import Sys

/// The schema, as the steps that lead to it: `steps[n]` makes version n + 1. A step that was released never changes.
package enum Migrations {
  package static let steps = [
    Step(version1), Step(networks), Step(idRanges), Step(pluginAttachments), networkChoice,
  ]

  package struct Step: Sendable {
    let sql: String
    /// Fills what the statements made from what was there before.
    let fill: (@Sendable (Database) throws(Problem) -> Void)?
    init(_ sql: String, fill: (@Sendable (Database) throws(Problem) -> Void)? = nil) {
      self.sql = sql
      self.fill = fill
    }
  }

  /// Brings a database to the newest version; costs one `PRAGMA user_version` where it is there already.
  ///
  /// - Parameter lockPath: taken exclusively while steps run, so that two commands never migrate at once.
  package static func apply(to database: Database, lockPath: String?) throws(Problem) {
    let found = try version(of: database)
    if found == steps.count { return }
    guard found < steps.count else {
      throw Problem(
        code: .unsupported,
        message: "the state database \(database.path) has version \(found), newer than this berth's \(steps.count)",
        hint: "use the berth that wrote it, or another --root")
    }
    guard let lockPath else { return try run(on: database) }
    let lock = try doing("lock \(lockPath)") { () throws(Errno) in try FileLock(lockPath) }
    try run(on: database)
    _ = consume lock
  }

  private static func run(on database: Database) throws(Problem) {
    if try database.row("PRAGMA journal_mode", [], { row in row.text(0) }) == "delete" {
      // The first command after an idle time reads the log as a whole: small pages keep it small.
      try database.execute("PRAGMA page_size=\(Database.Limit.pageSize)")
      try database.execute("PRAGMA journal_mode=WAL")
    }
    for step in try version(of: database)..<steps.count {
      try database.transaction(durable: true) { () throws(Problem) in
        try database.execute(steps[step].sql)
        try steps[step].fill?(database)
        try database.execute("PRAGMA user_version=\(step + 1)")
      }
    }
  }

  static func version(of database: Database) throws(Problem) -> Int {
    try database.row("PRAGMA user_version", []) { row in Int(row.integer(0)) } ?? 0
  }

  /// Times are nanoseconds since 1970, 0 for "never"; IDs and digests of layers and images are 64 hex digits without
  /// "sha256:"; digests of manifests carry it; JSON columns are text.
  private static let version1 = """
    CREATE TABLE settings(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

    CREATE TABLE intents(id TEXT PRIMARY KEY, kind TEXT NOT NULL, payload TEXT NOT NULL, created INTEGER NOT NULL)
      WITHOUT ROWID;

    CREATE TABLE images(
      id TEXT PRIMARY KEY, manifest_digest TEXT NOT NULL, created INTEGER NOT NULL, pulled INTEGER NOT NULL,
      size INTEGER NOT NULL, architecture TEXT NOT NULL, os TEXT NOT NULL, variant TEXT NOT NULL,
      config TEXT NOT NULL, layers TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE image_names(
      name TEXT PRIMARY KEY, image_id TEXT NOT NULL REFERENCES images(id), manifest_digest TEXT NOT NULL,
      created INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX image_names_image ON image_names(image_id);
    CREATE TABLE layers(
      diff_id TEXT PRIMARY KEY, compressed_digest TEXT NOT NULL, compressed_size INTEGER NOT NULL,
      size INTEGER NOT NULL, entries INTEGER NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX layers_compressed ON layers(compressed_digest);
    CREATE TABLE image_layers(
      image_id TEXT NOT NULL REFERENCES images(id) ON DELETE CASCADE, position INTEGER NOT NULL,
      diff_id TEXT NOT NULL REFERENCES layers(diff_id), PRIMARY KEY(image_id, position)) WITHOUT ROWID;
    CREATE INDEX image_layers_layer ON image_layers(diff_id);

    CREATE TABLE names(name TEXT PRIMARY KEY, owner TEXT NOT NULL, kind TEXT NOT NULL) WITHOUT ROWID;
    CREATE INDEX names_owner ON names(owner);
    CREATE TABLE containers(
      id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, image_id TEXT REFERENCES images(id), created INTEGER NOT NULL,
      image_name TEXT NOT NULL, command TEXT NOT NULL, labels TEXT NOT NULL, summary TEXT NOT NULL,
      auto_remove INTEGER NOT NULL, config TEXT NOT NULL,
      state TEXT NOT NULL, pid INTEGER NOT NULL DEFAULT 0, start_time INTEGER NOT NULL DEFAULT 0,
      monitor_pid INTEGER NOT NULL DEFAULT 0, monitor_start_time INTEGER NOT NULL DEFAULT 0,
      exited INTEGER NOT NULL DEFAULT 0, exit_code INTEGER NOT NULL DEFAULT 0, started INTEGER NOT NULL DEFAULT 0,
      finished INTEGER NOT NULL DEFAULT 0, oom INTEGER NOT NULL DEFAULT 0, stopped_by_user INTEGER NOT NULL DEFAULT 0,
      restart_count INTEGER NOT NULL DEFAULT 0, error TEXT NOT NULL DEFAULT '');
    CREATE INDEX containers_image ON containers(image_id);
    CREATE INDEX containers_created ON containers(created);

    CREATE TABLE volumes(
      name TEXT PRIMARY KEY, driver TEXT NOT NULL, labels TEXT NOT NULL, options TEXT NOT NULL,
      created INTEGER NOT NULL, anonymous INTEGER NOT NULL, uid INTEGER NOT NULL, gid INTEGER NOT NULL,
      needs_copy_up INTEGER NOT NULL, needs_chown INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE container_volumes(
      container_id TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE,
      volume TEXT NOT NULL REFERENCES volumes(name), destination TEXT NOT NULL,
      PRIMARY KEY(container_id, destination)) WITHOUT ROWID;
    CREATE INDEX container_volumes_volume ON container_volumes(volume);

    CREATE TABLE exec_sessions(
      id TEXT PRIMARY KEY, container_id TEXT NOT NULL REFERENCES containers(id), created INTEGER NOT NULL,
      config TEXT NOT NULL, state TEXT NOT NULL, pid INTEGER NOT NULL DEFAULT 0, start_time INTEGER NOT NULL DEFAULT 0,
      exit_code INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
    CREATE INDEX exec_sessions_container ON exec_sessions(container_id);
    """

  /// Ids that containers' user namespaces have of the engine's; first and count as in a map.
  private static let idRanges = """
    CREATE TABLE id_ranges(
      container_id TEXT NOT NULL REFERENCES containers(id) ON DELETE CASCADE, kind TEXT NOT NULL,
      first INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY(container_id, kind, first)) WITHOUT ROWID;
    CREATE INDEX id_ranges_first ON id_ranges(kind, first);
    """
}
