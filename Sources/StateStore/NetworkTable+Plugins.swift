package import Problems

extension Migrations {
  /// What plugins have made for containers and sandboxes, or are about to: the engine's own text of each.
  static let pluginAttachments = """
    CREATE TABLE plugin_attachments(
      owner TEXT NOT NULL, network_id TEXT NOT NULL REFERENCES networks(id) ON DELETE CASCADE, state TEXT NOT NULL,
      PRIMARY KEY(owner, network_id)) WITHOUT ROWID;
    """
}

/// Networks of plugins: a row is there before the first plugin runs, and goes after the last has undone its part.
extension NetworkTable {
  /// Knows a network that a file describes, as the file is now.
  package func adopt(_ network: NetworkRecord) throws(Problem) {
    if let known = try get(network.id), known.config == network.config { return }
    try database.transaction(durable: true) { () throws(Problem) in
      _ = try database.run(
        """
        INSERT INTO networks(id, name, driver, interface, created, config) VALUES(?, ?, ?, ?, ?, ?)
          ON CONFLICT(id) DO UPDATE SET interface = excluded.interface, created = excluded.created,
            config = excluded.config
        """,
        [
          .text(network.id), .text(network.name), .text(network.driver), .text(network.interface),
          .integer(network.created), .text(network.config),
        ])
    }
  }

  package func pluginAttachments(of owner: String) throws(Problem) -> [(network: String, state: String)] {
    try database.rows("SELECT network_id, state FROM plugin_attachments WHERE owner = ?", [.text(owner)]) { row in
      (row.text(0), row.text(1))
    }
  }
  package func keepPluginAttachment(_ owner: String, _ network: String, _ state: String) throws(Problem) {
    try database.transaction(durable: false) { () throws(Problem) in
      _ = try database.run(
        "INSERT OR REPLACE INTO plugin_attachments(owner, network_id, state) VALUES(?, ?, ?)",
        [.text(owner), .text(network), .text(state)])
    }
  }
  package func dropPluginAttachment(_ owner: String, _ network: String) throws(Problem) {
    try database.transaction(durable: false) { () throws(Problem) in
      _ = try database.run(
        "DELETE FROM plugin_attachments WHERE owner = ? AND network_id = ?", [.text(owner), .text(network)])
    }
  }
}
