import NameService
import Testing

private let a: UInt16 = 1
private let aaaa: UInt16 = 28
private let mail: UInt16 = 15

/// covers PD-144
@Suite struct ResolverTests {
  @Test func answersAreGolden() {
    var world = World()
    let plain = world.ask(question("Web", a), from: "10.1.0.3")
    #expect(
      hex(plain.bytes) == "123485800001000100000000" + "0357656200" + "00010001" + "c00c0001000100000000"
        + "00040a010002")
    let extended = world.ask(question("nobody", a, extensionBytes: 4096))
    #expect(
      hex(extended.bytes) == "123485830001000000000001" + "066e6f626f647900" + "00010001" + "00002904d0000000000000")
  }

  static let known: [(String, UInt16, [String])] = [
    ("web", a, ["0a010002"]), ("WEB", a, ["0a010002"]), ("web", aaaa, ["fd010000000000000000000000000002"]),
    ("web.dns.berth", a, ["0a010002"]), ("web.dns.podman", a, ["0a010002"]), ("web.front", a, ["0a010002"]),
    ("host1", a, ["0a010002"]), ("aaaaaaaaaaaa", a, ["0a010002"]), ("web-2", a, ["0a010003"]),
    ("a.b.c", a, ["0a010003"]), ("b0b0b0b0b0b0.dns.berth", a, ["0a010003"]), ("web-2", aaaa, []), ("web", mail, []),
    ("2.0.1.10.in-addr.arpa", 12, ["0377656200"]), ("3.0.1.10.IN-ADDR.ARPA", 12, ["055765622d3200"]),
    ("2." + String(repeating: "0.", count: 27) + "1.0.d.f.ip6.arpa", 12, ["0377656200"]),
    ("web", 255, ["0a010002", "fd010000000000000000000000000002"]),
  ]
  @Test(arguments: known.indices) func namesAreFound(_ number: Int) {
    let (name, type, data) = Self.known[number]
    var world = World()
    // the container that is on the front network only
    #expect(world.ask(question(name, type), from: "10.1.0.3").answer == .reply(0, data), "\(name)")
  }

  @Test(arguments: ["nobody", "nobody.dns.berth", "a.web.dns.podman", "dns.berth", "dns.podman", "db", "www2"])
  func whatOnlyWeCouldKnowIsNotForwarded(_ name: String) {
    var world = World()
    #expect(world.ask(question(name), from: "10.1.0.3").answer == .reply(3, []))
  }

  // covers BX-40: several servers of a zone accumulate; the longest zone wins, also over a container's own servers
  @Test func zonesHaveServersOfTheirOwn() {
    let zones = [("Example.org", "192.0.2.1"), ("sub.example.org", "192.0.2.3"), ("example.org", "192.0.2.2")]
    var world = World(upstreams: ["192.0.2.53"], zones: zones + [("ours.test", "10.1.0.1")])
    for (name, servers) in [
      ("a.example.org", ["192.0.2.1", "192.0.2.2"]), ("EXAMPLE.org", ["192.0.2.1", "192.0.2.2"]),
      ("a.sub.example.org", ["192.0.2.3"]), ("badexample.org", ["192.0.2.53"]), ("org.test", ["192.0.2.53"]),
      ("a.ours.test", []),
    ] { #expect(world.ask(question(name)).answer == .forward(servers), "\(name)") }
    #expect(
      world.ask(question("a.example.org"), from: "10.1.0.3").answer
        == .forward(zones.filter { $0.0 != "sub.example.org" }.map(\.1)))
    #expect(world.ask(question("a.test"), from: "10.1.0.3").answer == .forward(["9.9.9.9"]))
    #expect(world.ask(question("a.example.org"), from: "10.2.0.3", at: "10.2.0.1").answer == .reply(3, []))  // internal
  }

  @Test func severalUnderOneNameTakeTurns() {
    var world = World()
    let answers = (0..<4).map { _ in world.ask(question("www"), from: "10.1.0.3").answer }
    #expect(answers[0] != answers[1] && answers[0] == answers[2] && answers[1] == answers[3])
    #expect(
      Set([answers[0], answers[1]].map { "\($0)" }) == [
        "\(Answered.reply(0, ["0a010002", "0a010003"]))", "\(Answered.reply(0, ["0a010003", "0a010002"]))",
      ])
  }

  @Test func theSourceAddressDecidesWhatIsSeen() {
    var world = World()
    #expect(world.ask(question("db")).answer == .reply(0, ["0a020003"]))  // web is on both networks
    #expect(world.ask(question("db"), from: "10.1.0.3").answer == .reply(3, []))
    #expect(world.ask(question("web-2"), from: "10.2.0.3", at: "10.2.0.1").answer == .reply(3, []))
    #expect(world.ask(question("db"), from: "10.2.0.1", at: "10.2.0.1").answer == .reply(0, ["0a020003"]))  // the host
    #expect(world.ask(question("db"), from: "10.1.0.3", at: "10.2.0.1").answer == .reply(5, []))  // another network's
    #expect(world.ask(question("web"), from: "192.0.2.1").answer == .reply(5, []))
    #expect(world.ask(question("debian.org"), from: "192.0.2.1").answer == .reply(5, []))
  }

  @Test func changesOfMembershipAreSeenAtOnce() {
    var world = World()
    world.resolver.catalogue.replace("b1", with: nil)
    #expect(world.ask(question("db")).answer == .reply(3, []))
    world.resolver.catalogue.replace("b1", with: world.back)
    #expect(world.ask(question("db")).answer == .reply(0, ["0a020003"]))
    world.resolver.catalogue.replace("f1", with: nil)
    #expect(world.ask(question("debian.org"), from: "10.2.0.2", at: "10.2.0.1").answer == .reply(3, []))
  }

  @Test func everythingElseIsForwarded() {
    var world = World(upstreams: ["192.0.2.53", "fd01::1"])
    #expect(world.ask(question("debian.org")).answer == .forward(["192.0.2.53"]))  // never to ourselves
    #expect(world.ask(question("debian.org"), from: "10.1.0.3").answer == .forward(["9.9.9.9"]))
    #expect(world.ask(question("8.8.8.8.in-addr.arpa", 12)).answer == .forward(["192.0.2.53"]))
    #expect(world.ask(question("org", 2)).answer == .forward(["192.0.2.53"]))
    #expect(world.ask(question("", 2)).answer == .forward(["192.0.2.53"]))
    var plain = World()
    #expect(plain.ask(question("debian.org")).answer == .forward(nil))
  }

  @Test func anInternalNetworkHasNoWayOut() {
    var world = World()
    #expect(world.ask(question("debian.org"), from: "10.2.0.3", at: "10.2.0.1").answer == .reply(3, []))
    // the other network of the same container has one
    #expect(world.ask(question("debian.org"), from: "10.2.0.2", at: "10.2.0.1").answer == .forward(nil))
  }

  @Test func transfersAndOtherClassesAreRefused() {
    var world = World()
    #expect(world.ask(question("web", 252)).answer == .reply(5, []))
    #expect(world.ask(question("web", 251), isStream: true).answer == .reply(5, []))
    #expect(world.ask(question("version.bind", 16, recordClass: 3)).answer == .reply(5, []))
  }

  @Test func whatDoesNotFitIsTruncatedAndWholeByStream() {
    var world = World()
    let many = NetworkRecordsFactory.crowd(100)
    world.resolver.catalogue.replace("f1", with: nil)
    var reply = [UInt8](repeating: 0, count: 65_535)
    func ask(_ packet: [UInt8], isStream: Bool) -> (count: Int, answers: Int, isTruncated: Bool) {
      let outcome = packet.withUnsafeBytes { packet in
        reply.withUnsafeMutableBytes {
          world.resolver.respond(
            to: packet, from: [10, 3, 0, 1], at: World.address("10.3.0.1"), of: many, isStream: isStream, room: $0)
        }
      }
      guard case .reply(let count) = outcome else { return (0, 0, false) }
      return (count, Int(reply[6]) << 8 | Int(reply[7]), reply[2] & 2 != 0)
    }
    #expect(ask(question("all"), isStream: false) == (501, 30, true))
    #expect(ask(question("all", extensionBytes: 4096), isStream: false) == (1232, 75, true))
    #expect(ask(question("all"), isStream: true) == (1621, 100, false))
  }

  @Test func strangeVersionsOfEDNSAreTold() {
    var world = World()
    let bytes = world.ask(question("web", extensionBytes: 1232, version: 1)).bytes
    #expect(bytes[3] & 15 == 0 && hex(bytes.suffix(11)) == "00002904d0" + "01000000" + "0000")
  }
}
