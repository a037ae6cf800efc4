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
