import Glibc
import JSON
package import Problems

extension Migrations {
  /// What a new network is compared with, so that it need not read all others: their subnets, which overlap nowhere,
  /// and where to begin to look for a free number.
  static let networkChoice = Step(
    """
    CREATE TABLE network_subnets(
      first TEXT PRIMARY KEY, last TEXT NOT NULL,
      network_id TEXT NOT NULL REFERENCES networks(id) ON DELETE CASCADE) WITHOUT ROWID;
    CREATE INDEX network_subnets_network ON network_subnets(network_id);
    CREATE TABLE network_marks(kind TEXT PRIMARY KEY, next INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX networks_plugins ON networks(name) WHERE driver = 'cni';
    """
  ) { (database) throws(Problem) in
    let networks = try database.rows("SELECT id, config FROM networks WHERE driver <> 'cni'") { row in
      (row.text(0), row.text(1))
    }
    for (id, config) in networks {
      for block in (try? JSON.parse(config))?["subnets"]?.array ?? [] {
        guard let range = block["subnet"]?.string.flatMap({ AddressRange(subnet: $0) }) else { continue }
        try database.run(
          "INSERT OR IGNORE INTO network_subnets(first, last, network_id) VALUES(?, ?, ?)",
          [.text(range.first), .text(range.last), .text(id)])
      }
    }
  }
}

/// The addresses of a subnet as text whose order is theirs: the family, then hex digits of fixed width.
package struct AddressRange: Hashable, Sendable {
  let first: String
  let last: String

  /// - Parameters: 4 or 16 bytes each, in network order.
  package init(first: [UInt8], last: [UInt8]) {
    self.first = Self.key(first)
    self.last = Self.key(last)
  }
  /// "10.89.0.0/24".
  init?(subnet: String) {
    let parts = subnet.split(separator: "/")
    guard parts.count == 2, let prefix = Int(parts[1]) else { return nil }
    let isV4 = !parts[0].contains(":")
    var room = in6_addr()
    guard inet_pton(isV4 ? AF_INET : AF_INET6, String(parts[0]), &room) == 1 else { return nil }
    let base = withUnsafeBytes(of: room) { Array($0.prefix(isV4 ? 4 : 16)) }
    let free = (0..<base.count).map { UInt8(truncatingIfNeeded: 0xff >> min(8, max(0, prefix - $0 * 8))) }
    self.init(first: zip(base, free).map { $0 & ~$1 }, last: zip(base, free).map { $0 | $1 })
  }
  private static func key(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text = [UInt8(ascii: bytes.count == 4 ? "4" : "6")]
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
  }
}

/// What a network gets a number for, where nobody chose.
package enum NetworkNumber: String, CaseIterable, Sendable {
  case name, bridge, subnet
}

extension NetworkTable {
  /// The network whose subnet has an address of this range; nil where there is none.
  package func holder(of range: AddressRange) throws(Problem) -> NetworkRecord? {
    // Subnets overlap nowhere: of those that begin before the range's end, the last is the only one that can reach it.
    let id = try database.row(
      "SELECT network_id, last FROM network_subnets WHERE first <= ? ORDER BY first DESC LIMIT 1", [.text(range.last)]
    ) { row in row.text(1) >= range.first ? row.text(0) : "" }
    guard let id, !id.isEmpty else { return nil }
    return try get(id)
  }
  package func isBridge(_ interface: String) throws(Problem) -> Bool {
    try database.row("SELECT 1 FROM networks WHERE driver = 'bridge' AND interface = ?", [.text(interface)]) { _ in
      true
    } ?? false
  }
  /// Networks of plugins, by name.
  package func ofPlugins() throws(Problem) -> [NetworkRecord] {
    try database.rows("SELECT \(NetworkRecord.columns) FROM networks WHERE driver = 'cni' ORDER BY name") { row in
      NetworkRecord(row)
    }
  }

  /// Below it all numbers are taken.
  package func mark(_ kind: NetworkNumber) throws(Problem) -> Int {
    try database.row("SELECT next FROM network_marks WHERE kind = ?", [.text(kind.rawValue)]) { row in
      Int(row.integer(0))
    } ?? 0
  }
  /// Inside the transaction of a new network, as what follows.
  func setMark(_ kind: NetworkNumber, _ next: Int) throws(Problem) {
    try database.run(
      "INSERT OR REPLACE INTO network_marks(kind, next) VALUES(?, ?)", [.text(kind.rawValue), SQLValue(next)])
  }
  /// A number below the mark is free.
  func lowerMark(_ kind: NetworkNumber, to freed: Int) throws(Problem) {
    try database.run(
      "UPDATE network_marks SET next = ?2 WHERE kind = ?1 AND next > ?2", [.text(kind.rawValue), SQLValue(freed)])
  }
  func keep(_ range: AddressRange, of network: String) throws(Problem) {
    try database.run(
      "INSERT INTO network_subnets(first, last, network_id) VALUES(?, ?, ?)",
      [.text(range.first), .text(range.last), .text(network)])
  }
}
