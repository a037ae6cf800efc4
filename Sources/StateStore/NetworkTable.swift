package import Problems

extension Store {
  package var networks: NetworkTable { NetworkTable(database: database) }
}

/// A network as the database knows it.
package struct NetworkRecord: Sendable {
  /// 64 hex digits.
  package let id: String
  package let name: String
  package let driver: String
  package let interface: String
  /// Nanoseconds since 1970.
  package let created: Int64
  /// The engine's own JSON.
  package let config: String

  package init(id: String, name: String, driver: String, interface: String, created: Int64, config: String) {
    self.id = id
    self.name = name
    self.driver = driver
    self.interface = interface
    self.created = created
    self.config = config
  }
  static let columns = "networks.id, networks.name, driver, interface, networks.created, networks.config"
  init(_ row: Row) {
    id = row.text(0)
    name = row.text(1)
    driver = row.text(2)
    interface = row.text(3)
    created = row.integer(4)
    config = row.text(5)
  }
}

/// That a container belongs to a network, running or not.
package struct NetworkMembership: Sendable {
  package var networkID: String
  /// From 0; its interface is called after it.
  package var position: Int
  /// What the user asked for: the engine's own JSON.
  package var request: String
  /// What it has while it runs: the engine's own JSON; "" where it does not run.
  package var status: String
  package init(networkID: String, position: Int, request: String, status: String = "") {
    self.networkID = networkID
    self.position = position
    self.request = request
    self.status = status
  }
}

/// The networks of a store, their members, leases and ports.
package struct NetworkTable {
  let database: Database

  /// - Parameters:
  ///   - ranges: of its subnets, which overlap no other network's.
  ///   - marks: where to begin to look for the next number of each kind that was chosen.
  /// - Throws: `.conflict` when the name or the bridge is in use.
  package func insert(
    _ network: NetworkRecord, ranges: [AddressRange] = [], marks: [NetworkNumber: Int] = [:]
  ) throws(Problem) {
    try database.transaction(durable: true) { () throws(Problem) in
      if try get(named: network.name) != nil {
        throw Problem(code: .conflict, message: "network name \(network.name) already used: network already exists")
      }
      let sharing = try database.row(
        "SELECT name FROM networks WHERE driver = 'bridge' AND interface = ? AND ? = 'bridge'",
        [.text(network.interface), .text(network.driver)]
      ) { row in row.text(0) }
      if let sharing {
        throw Problem(
          code: .conflict, message: "bridge name \(network.interface) already in use by network \(sharing)")
      }
      try database.run(
        "INSERT INTO networks(id, name, driver, interface, created, config) VALUES(?, ?, ?, ?, ?, ?)",
        [
          .text(network.id), .text(network.name), .text(network.driver), .text(network.interface),
          .integer(network.created), .text(network.config),
        ])
      for range in ranges { try keep(range, of: network.id) }
      for (kind, next) in marks { try setMark(kind, next) }
    }
  }

  package func update(_ id: String, config: String) throws(Problem) {
    try database.transaction(durable: true) { () throws(Problem) in
      _ = try database.run("UPDATE networks SET config = ? WHERE id = ?", [.text(config), .text(id)])
    }
  }

  package func get(named name: String) throws(Problem) -> NetworkRecord? {
    try database.row("SELECT \(NetworkRecord.columns) FROM networks WHERE name = ?", [.text(name)]) { row in
      NetworkRecord(row)
    }
  }
  package func get(_ id: String) throws(Problem) -> NetworkRecord? {
    try database.row("SELECT \(NetworkRecord.columns) FROM networks WHERE id = ?", [.text(id)]) { row in
      NetworkRecord(row)
    }
  }

  /// The network that a user means: full name, full ID, or unique prefix of an ID.
  /// - Throws: `.notFound`; `.conflict` listing the candidates of an ambiguous prefix; `.invalid` for "".
  package func lookup(_ text: String) throws(Problem) -> NetworkRecord {
    if text.isEmpty { throw Problem(code: .invalid, message: "a network's name must not be empty") }
    if let exact = try get(named: text) { return exact }
    if let exact = try get(text) { return exact }
    if let end = hexPrefixEnd(text) {
      let found = try database.rows(
        "SELECT \(NetworkRecord.columns) FROM networks WHERE id >= ? AND id < ?", [.text(text), .text(end)]
      ) { row in NetworkRecord(row) }
      if found.count == 1 { return found[0] }
      if found.count > 1 { throw ambiguous("network", text, found.map { "\($0.id.prefix(12)) (\($0.name))" }) }
    }
    throw Problem(
      code: .notFound, message: "unable to find network with name or ID \(text): network not found",
      hint: "list the networks with: berth network ls")
  }

  /// All networks by name.
  package func list() throws(Problem) -> [NetworkRecord] {
    try database.rows("SELECT \(NetworkRecord.columns) FROM networks ORDER BY name") { row in NetworkRecord(row) }
  }

  /// Removes a network without members. - Parameter freed: the numbers that are free then.
  /// - Throws: `.conflict` listing the containers that belong to it; `.notFound`.
  package func delete(_ id: String, name: String, freed: [NetworkNumber: Int] = [:]) throws(Problem) {
    try database.transaction(durable: true) { () throws(Problem) in
      let users = try members(of: id)
      if !users.isEmpty {
        let list = users.map { String($0.container.prefix(12)) }.joined(separator: ", ")
        throw Problem(
          code: .conflict, message: "network \(name) has associated containers with it: \(list): network is being used",
          hint: "remove them first, or use --force")
      }
      _ = try database.run("DELETE FROM leases WHERE network_id = ?", [.text(id)])
      if try database.run("DELETE FROM networks WHERE id = ?", [.text(id)]) == 0 {
        throw Problem(code: .notFound, message: "network \(name) has been removed")
      }
      for (kind, number) in freed { try lowerMark(kind, to: number) }
    }
  }
}

/// Members.
extension NetworkTable {
  /// - Throws: `.conflict` when the container belongs to it already; `.notFound` when the network has gone.
  package func join(_ container: String, _ membership: NetworkMembership) throws(Problem) {
    try database.transaction(durable: true) { () throws(Problem) in
      guard let network = try get(membership.networkID) else {
        throw Problem(code: .notFound, message: "network \(membership.networkID.prefix(12)) has been removed")
      }
      let isMember = try database.row(
        "SELECT 1 FROM container_networks WHERE container_id = ? AND network_id = ?",
        [.text(container), .text(membership.networkID)]
      ) { _ in true }
      if isMember == true {
        throw Problem(
          code: .conflict,
          message: "container \(container.prefix(12)) is already connected to network \"\(network.name)\"")
      }
      try database.run(
        "INSERT INTO container_networks(container_id, network_id, position, request, status) VALUES(?, ?, ?, ?, ?)",
        [
          .text(container), .text(membership.networkID), SQLValue(membership.position), .text(membership.request),
          .text(membership.status),
        ])
    }
  }
  /// - Returns: whether it was a member.
  @discardableResult
  package func leave(_ container: String, _ network: String) throws(Problem) -> Bool {
    try database.transaction(durable: true) { () throws(Problem) in
      _ = try database.run(
        "DELETE FROM leases WHERE owner = ? AND network_id = ?", [.text(container), .text(network)])
      return try database.run(
        "DELETE FROM container_networks WHERE container_id = ? AND network_id = ?", [.text(container), .text(network)])
        > 0
    }
  }
  package func setStatus(_ container: String, _ network: String, _ status: String) throws(Problem) {
    try database.transaction(durable: false) { () throws(Problem) in
      _ = try database.run(
        "UPDATE container_networks SET status = ? WHERE container_id = ? AND network_id = ?",
        [.text(status), .text(container), .text(network)])
    }
  }

  /// The networks of a container in its own order, with what it has there.
  package func memberships(of container: String) throws(Problem) -> [(
    membership: NetworkMembership, network: NetworkRecord
  )] {
    try database.rows(
      """
      SELECT \(NetworkRecord.columns), position, request, status FROM container_networks
        JOIN networks ON networks.id = network_id WHERE container_id = ? ORDER BY position
      """, [.text(container)]
    ) { row in
      (
        NetworkMembership(
          networkID: row.text(0), position: Int(row.integer(6)), request: row.text(7), status: row.text(8)),
        NetworkRecord(row)
      )
    }
  }
  /// The containers of a network, with their names and what they have there.
  package func members(of network: String) throws(Problem) -> [(
    container: String, name: String, state: ContainerState, membership: NetworkMembership
  )] {
    try database.rows(
      """
      SELECT container_id, containers.name, state, network_id, position, request, status FROM container_networks
        JOIN containers ON containers.id = container_id WHERE network_id = ? ORDER BY containers.created, container_id
      """, [.text(network)]
    ) { row in
      (
        row.text(0), row.text(1), ContainerState(rawValue: row.text(2)) ?? .unknown,
        NetworkMembership(
          networkID: row.text(3), position: Int(row.integer(4)), request: row.text(5), status: row.text(6))
      )
    }
  }
  /// Those of them that hold something there: what the name service needs.
  package func running(on network: String) throws(Problem) -> [(
    container: String, name: String, membership: NetworkMembership
  )] {
    try database.rows(
      """
      SELECT container_id, containers.name, network_id, position, request, status FROM container_networks
        JOIN containers ON containers.id = container_id WHERE network_id = ? AND status <> ''
      """, [.text(network)]
    ) { row in
      (
        row.text(0), row.text(1),
        NetworkMembership(
          networkID: row.text(2), position: Int(row.integer(3)), request: row.text(4), status: row.text(5))
      )
    }
  }
  /// Which networks containers belong to: for listings, in one query.
  package func namesByContainer() throws(Problem) -> [String: [String]] {
    let rows = try database.rows(
      """
      SELECT container_id, networks.name FROM container_networks JOIN networks ON networks.id = network_id
        ORDER BY container_id, position
      """
    ) { row in (row.text(0), [row.text(1)]) }
    return Dictionary(rows, uniquingKeysWith: +)
  }
}
