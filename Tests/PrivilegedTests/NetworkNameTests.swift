import Sys
import TestKit
import Testing

/// Names of containers on networks with a name service.
@Suite(.serialized, .needs(.root), .needs(.installed), .needs(.program("nft"))) struct NetworkNameTests {
  private func lookup(_ engine: TestEngine, _ from: String, _ name: String) throws -> String {
    try engine.berth("exec", from, "nslookup", name).text
  }

  // covers PD-140, PD-144: names and aliases both ways, and gone with their containers
  @Test func containersFindEachOther() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("network", "create", "--ipv6", "n")
      try engine.ok(
        "run", "-d", "--name", "a", "--network", "n", "--network-alias", "first", "busybox", "sleep", "1000")
      try engine.ok("run", "-d", "--name", "b", "--network", "n:alias=second", "busybox", "sleep", "1000")
      let gateway = try engine.address(of: "a", "n", field: "Gateway")
      #expect(try engine.ok("exec", "a", "cat", "/etc/resolv.conf").contains("nameserver \(gateway)"))
      for (from, name, of) in [
        ("a", "b", "b"), ("b", "a", "a"), ("a", "second", "b"), ("b", "first", "a"), ("a", "b.dns.berth", "b"),
      ] {
        let address = try engine.address(of: of, "n")
        #expect(try lookup(engine, from, name).contains(address), "\(from) asks for \(name)")
      }
      #expect(try lookup(engine, "a", "b").contains(engine.address(of: "b", "n", field: "GlobalIPv6Address")))
      #expect(try lookup(engine, "a", engine.address(of: "b", "n")).contains("b"), "and by its address")
      try engine.ok("rename", "b", "c")
      let address = try engine.address(of: "c", "n")
      #expect(try lookup(engine, "a", "c").contains(address))
      try engine.ok("network", "create", "other")
      try engine.ok("network", "connect", "--alias", "here", "other", "a")
      try engine.ok("run", "-d", "--name", "d", "--network", "other", "busybox", "sleep", "1000")
      #expect(try lookup(engine, "d", "here").contains(engine.address(of: "a", "other")))
      #expect(try !lookup(engine, "d", "c").contains(address), "who is on another network is not found")
      try engine.ok("rm", "-f", "-t", "0", "c")
      #expect(try eventually(5) { try !lookup(engine, "a", "c").contains(address) })
      try engine.ok("network", "create", "--disable-dns", "quiet")
      try engine.ok("run", "-d", "--name", "q", "--network", "quiet", "busybox", "sleep", "1000")
      #expect(try !engine.ok("exec", "q", "cat", "/etc/resolv.conf").contains("dns.berth"))
    }
  }
}
