package import Problems

/// A published port as the database knows it; addresses are text of any form, "" is all of the host's.
package struct PortRecord: Hashable, Sendable {
  package var transport: String
  package var hostPort: UInt16
  package var host: String
  package var container: String
  package var containerPort: UInt16
  package init(transport: String, hostPort: UInt16, host: String, container: String, containerPort: UInt16) {
    self.transport = transport
    self.hostPort = hostPort
    self.host = host
    self.container = container
    self.containerPort = containerPort
  }
  static let columns = "protocol, port, host, container, container_port"
  init(_ row: Row) {
    transport = row.text(0)
    hostPort = UInt16(truncatingIfNeeded: row.integer(1))
    host = row.text(2)
    container = row.text(3)
    containerPort = UInt16(truncatingIfNeeded: row.integer(4))
  }
}

/// Leases and ports: each belongs to at most one owner, whatever happens.
extension NetworkTable {
  /// Whose an address is; nil where it is free. - Parameter address: hex digits of fixed width.
  package func leaseOwner(_ network: String, _ address: String) throws(Problem) -> String? {
    try database.row(
      "SELECT owner FROM leases WHERE network_id = ? AND address = ?", [.text(network), .text(address)]
    ) { row in row.text(0) }
  }
  /// Inside the caller's transaction. - Throws: `.conflict` where it is taken.
  package func lease(_ network: String, _ address: String, owner: String) throws(Problem) {
    _ = try database.run(
      "INSERT INTO leases(network_id, address, owner) VALUES(?, ?, ?)", [.text(network), .text(address), .text(owner)])
  }
  package func leaseCount(_ network: String) throws(Problem) -> Int {
    try database.row("SELECT COUNT(*) FROM leases WHERE network_id = ?", [.text(network)]) { row in
      Int(row.integer(0))
    } ?? 0
  }

  /// The address that was given last; nil before the first.
  package func leaseMark(_ network: String, _ subnet: String) throws(Problem) -> String? {
    try database.row(
      "SELECT last FROM lease_marks WHERE network_id = ? AND subnet = ?", [.text(network), .text(subnet)]
    ) { row in row.text(0) }
  }
  package func setLeaseMark(_ network: String, _ subnet: String, _ last: String) throws(Problem) {
    _ = try database.run(
      "INSERT OR REPLACE INTO lease_marks(network_id, subnet, last) VALUES(?, ?, ?)",
      [.text(network), .text(subnet), .text(last)])
  }

  /// Takes a port of the host, inside the caller's transaction.
  /// - Returns: whose it is, where somebody else has it; then nothing was written.
  package func take(_ port: PortRecord, owner: String) throws(Problem) -> String? {
    let holder = try database.row(
      """
      SELECT owner FROM ports WHERE protocol = ?1 AND port = ?2 AND owner <> ?4
        AND (host = ?3 OR host = '' OR ?3 = '') LIMIT 1
      """, [.text(port.transport), SQLValue(port.hostPort), .text(port.host), .text(owner)]
    ) { row in row.text(0) }
    if let holder { return holder }
    _ = try database.run(
      "INSERT INTO ports(\(PortRecord.columns), owner) VALUES(?, ?, ?, ?, ?, ?)",
      [
        .text(port.transport), SQLValue(port.hostPort), .text(port.host), .text(port.container),
        SQLValue(port.containerPort), .text(owner),
      ])
    return nil
  }
  package func giveBack(_ port: PortRecord, owner: String) throws(Problem) {
    _ = try database.run(
      "DELETE FROM ports WHERE protocol = ? AND port = ? AND host = ? AND container = ? AND owner = ?",
      [
        .text(port.transport), SQLValue(port.hostPort), .text(port.host), .text(port.container), .text(owner),
      ])
  }
  package func ports(of owner: String) throws(Problem) -> [PortRecord] {
    try database.rows(
      "SELECT \(PortRecord.columns) FROM ports WHERE owner = ? ORDER BY protocol, container_port, port, host",
      [.text(owner)]
    ) { row in PortRecord(row) }
  }
  package func allPorts() throws(Problem) -> [(port: PortRecord, owner: String)] {
    try database.rows("SELECT \(PortRecord.columns), owner FROM ports ORDER BY owner, protocol, port") { row in
      (PortRecord(row), row.text(5))
    }
  }

  /// Whether an owner holds anything.
  package func holds(_ owner: String) throws(Problem) -> Bool {
    try database.row(
      "SELECT 1 FROM leases WHERE owner = ?1 UNION ALL SELECT 1 FROM plugin_attachments WHERE owner = ?1 LIMIT 1",
      [.text(owner)]
    ) { _ in true } ?? false
  }
  /// Whether anybody holds an address.
  package func hasLeases() throws(Problem) -> Bool {
    try database.row("SELECT 1 FROM leases LIMIT 1", []) { _ in true } ?? false
  }
  /// Gives back all addresses and ports of an owner; its memberships stay.
  package func release(_ owner: String) throws(Problem) {
    try database.transaction(durable: false) { () throws(Problem) in
      _ = try database.run("DELETE FROM leases WHERE owner = ?", [.text(owner)])
      _ = try database.run("DELETE FROM ports WHERE owner = ?", [.text(owner)])
      _ = try database.run("UPDATE container_networks SET status = '' WHERE container_id = ?", [.text(owner)])
    }
  }
}
