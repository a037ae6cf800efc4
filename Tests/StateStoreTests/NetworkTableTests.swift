import Problems
import Testing

@testable import StateStore

/// No address and no port is given twice, whatever the callers do.
@Suite struct NetworkTableTests {
  private func store() throws -> Store {
    let store = try Store(inMemory: "/nonexistent")
    for id in ["c1", "c2"] {
      try store.containers.insert(ContainerRecord(id: id, name: "name-\(id)", imageID: nil, created: 1, config: "{}"))
    }
    try store.networks.insert(
      NetworkRecord(id: "aa11", name: "n", driver: "bridge", interface: "br0", created: 1, config: "{}"))
    return store
  }

  @Test func namesAndBridgesAreUnique() throws {
    let store = try store()
    func refused(_ name: String, _ interface: String, _ word: String) {
      do {
        try store.networks.insert(
          NetworkRecord(id: "bb", name: name, driver: "bridge", interface: interface, created: 1, config: "{}"))
        Issue.record("\(word): not refused")
      } catch { #expect(error.code == .conflict && error.message.contains(word)) }
    }
    refused("n", "br1", "already exists")
    refused("m", "br0", "br0")
    #expect(try store.networks.lookup("aa").name == "n")
    #expect(throws: Problem.self) { try store.networks.lookup("b") }
    #expect(throws: Problem.self) { try store.networks.lookup("") }
  }

  @Test func aLeaseHasOneOwner() throws {
    let store = try store()
    try store.networks.lease("aa11", "0a590002", owner: "c1")
    #expect(throws: Problem.self) { try store.networks.lease("aa11", "0a590002", owner: "c2") }
    #expect(try store.networks.leaseOwner("aa11", "0a590002") == "c1")
    try store.containers.delete("c1", durable: false)
    #expect(try store.networks.leaseOwner("aa11", "0a590002") == nil, "it went with its container")
  }

  @Test func aPortHasOneOwner() throws {
    let store = try store()
    func port(_ host: String, _ container: String = "10.0.0.2") -> PortRecord {
      PortRecord(transport: "tcp", hostPort: 80, host: host, container: container, containerPort: 80)
    }
    #expect(try store.networks.take(port(""), owner: "c1") == nil)
    #expect(try store.networks.take(port("", "fd00::2"), owner: "c1") == nil, "both families of one container")
    #expect(try store.networks.take(port("127.0.0.1"), owner: "c2") == "c1")
    try store.networks.release("c1")
    #expect(try store.networks.take(port("127.0.0.1"), owner: "c2") == nil)
    #expect(try store.networks.take(port("127.0.0.2"), owner: "c1") == nil)
    #expect(try store.networks.take(port(""), owner: "c1") == "c2")
    #expect(try store.networks.ports(of: "c2").map(\.host) == ["127.0.0.1"])
  }

  private func range(_ subnet: String) throws -> AddressRange { try #require(AddressRange(subnet: subnet)) }

  @Test func subnetsAreLookedUp() throws {
    let store = try store()
    #expect(
      try range("10.89.1.0/24") == AddressRange(first: [10, 89, 1, 0], last: [10, 89, 1, 255]), "as the engine makes it"
    )
    for bad in ["10.89.1.0", "10.89.1/24", "x/24", ""] { #expect(AddressRange(subnet: bad) == nil) }
    try store.networks.insert(
      NetworkRecord(id: "bb22", name: "m", driver: "bridge", interface: "br1", created: 1, config: "{}"),
      ranges: [range("10.89.1.0/24"), range("10.91.0.0/16"), range("fd00:1::/64")])
    for (subnet, isTaken) in [
      ("10.89.1.128/25", true), ("10.0.0.0/8", true), ("0.0.0.0/0", true), ("10.91.3.4/32", true), ("::/0", true),
      ("fd00:1::5/128", true), ("10.89.0.0/24", false), ("10.89.2.0/24", false), ("10.92.0.0/16", false),
      ("fd00:2::/64", false), ("fd00::/64", false),
    ] {
      #expect(try (store.networks.holder(of: range(subnet))?.name == "m") == isTaken, "\(subnet)")
    }
    try store.networks.delete("bb22", name: "m")
    #expect(try store.networks.holder(of: range("0.0.0.0/0")) == nil)
  }

  @Test func marksFollowWhatIsFree() throws {
    let store = try store()
    #expect(try store.networks.mark(.bridge) == 0)
    try store.networks.insert(
      NetworkRecord(id: "bb22", name: "m", driver: "bridge", interface: "br1", created: 1, config: "{}"),
      marks: [.bridge: 5, .name: 3])
    try store.networks.delete("bb22", name: "m", freed: [.bridge: 2, .name: 9, .subnet: 1])
    #expect(try NetworkNumber.allCases.map { try store.networks.mark($0) } == [3, 2, 0])
  }

  @Test func networksOfAnOlderBerthAreFound() throws {
    let database = try Database(path: ":memory:")
    for step in Migrations.steps.dropLast() {
      try database.execute(step.sql)
      try step.fill?(database)
    }
    try database.execute("PRAGMA user_version=\(Migrations.steps.count - 1)")
    let config = #"{"subnets":[{"subnet":"10.89.7.0/24","gateway":"10.89.7.1"},{"subnet":"fd00:7::/64"}]}"#
    try NetworkTable(database: database).insert(
      NetworkRecord(id: "aa", name: "old", driver: "bridge", interface: "br0", created: 1, config: config))
    try Migrations.apply(to: database, lockPath: nil)
    let networks = NetworkTable(database: database)
    #expect(try networks.holder(of: range("10.89.0.0/16"))?.name == "old")
    #expect(try networks.holder(of: range("fd00:7::1/128"))?.name == "old")
    #expect(try networks.holder(of: range("10.89.8.0/24")) == nil)
  }

  @Test func membersKeepTheirNetwork() throws {
    let store = try store()
    try store.networks.join("c1", NetworkMembership(networkID: "aa11", position: 0, request: "{}"))
    #expect(throws: Problem.self) {
      try store.networks.join("c1", NetworkMembership(networkID: "aa11", position: 1, request: "{}"))
    }
    #expect(throws: Problem.self) { try store.networks.delete("aa11", name: "n") }
    #expect(try store.networks.namesByContainer() == ["c1": ["n"]])
    #expect(try store.networks.leave("c1", "aa11"))
    #expect(try !store.networks.leave("c1", "aa11"))
    try store.networks.delete("aa11", name: "n")
  }
}
