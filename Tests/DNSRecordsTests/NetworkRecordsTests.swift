import DNSRecords
import Problems
import Testing

func address(_ text: String) throws -> HostAddress { try #require(HostAddress(text), "\(text)") }

@Suite struct NetworkRecordsTests {
  static let golden = """
    berth-dns 1
    network front
    internal
    listen 10.89.0.1
    listen fd00::1
    upstream 9.9.9.9
    zone example.org 192.0.2.1
    zone example.org fd00::53
    container 4f5e web
    hostname web1
    alias www
    alias db.example.com
    address 10.89.0.2
    address fd00::2
    upstream 1.1.1.1
    container 77aa idle
    end

    """
  static func full() throws -> NetworkRecords {
    NetworkRecords(
      name: "front", isInternal: true, listenAddresses: [try address("10.89.0.1"), try address("fd00::1")],
      upstreams: [try address("9.9.9.9")],
      zones: [
        .init(name: "example.org", server: try address("192.0.2.1")),
        .init(name: "example.org", server: try address("fd00::53")),
      ],
      containers: [
        .init(
          id: "4f5e", name: "web", hostname: "web1", aliases: ["www", "db.example.com"],
          addresses: [try address("10.89.0.2"), try address("fd00:0::2")], upstreams: [try address("1.1.1.1")]),
        .init(id: "77aa", name: "idle"),
      ])
  }

  @Test func theTextIsGolden() throws {
    #expect(String(decoding: try Self.full().text(), as: UTF8.self) == Self.golden)
  }

  @Test func survivesTheRoundTrip() throws {
    let records = try Self.full()
    #expect(try NetworkRecords(text: records.text()) == records)
    let small = NetworkRecords(name: "n")
    #expect(try NetworkRecords(text: small.text()) == small)
  }

  @Test func aNewerWritersWordsAreIgnored() throws {
    let text = "berth-dns 1\nnetwork n\nlater a b c\ncontainer 1 a\ncolour red\naddress ::1\nend\n"
    let records = try NetworkRecords(text: Array(text.utf8))
    #expect(records.containers == [.init(id: "1", name: "a", addresses: [try address("::1")])])
  }

  @Test(arguments: [
    ("", "line 1 of the network's records: not \"berth-dns 1\""),
    ("berth-dns 2\nend\n", "line 1 of the network's records: not \"berth-dns 1\""),
    ("berth-dns 1\nend\n", "line 3 of the network's records: no network line"),
    ("berth-dns 1\nnetwork n\n", "line 3 of the network's records: an empty word"),
    ("berth-dns 1\nnetwork n", "line 2 of the network's records: cut off: the last line is not \"end\""),
    ("berth-dns 1\nnetwork n\nend\nend\n", "line 4 of the network's records: text behind the end"),
    ("berth-dns 1\nnetwork n m\nend\n", "line 2 of the network's records: network with 2 arguments"),
    ("berth-dns 1\nnetwork  n\nend\n", "line 2 of the network's records: an empty word"),
    ("berth-dns 1\nalias a\nend\n", "line 2 of the network's records: alias before the first container"),
    ("berth-dns 1\nlisten 1.2.3\nend\n", "line 2 of the network's records: 1.2.3 is no address"),
    ("berth-dns 1\nlisten fe80::1%lo\nend\n", "line 2 of the network's records: fe80::1%lo is no address"),
    ("berth-dns 1\nnetwork \u{7f}\nend\n", "line 2 of the network's records: a byte that is not printable ASCII"),
    ("berth-dns 1\nnetwork ü\nend\n", "line 2 of the network's records: a byte that is not printable ASCII"),
    ("berth-dns 1\r\nnetwork n\r\nend\r\n", "line 1 of the network's records: not \"berth-dns 1\""),
  ]) func wrongTextIsRefusedByLine(_ text: String, _ message: String) throws {
    let problem = #expect(throws: Problem.self) { try NetworkRecords(text: Array(text.utf8)) }
    #expect(problem?.message == message)
    #expect(problem?.code == .invalid)
  }

  @Test func limitsHold() throws {
    let listen = String(repeating: "listen 10.0.0.1\n", count: NetworkRecords.Limit.listenAddressesMax + 1)
    #expect(throws: Problem.self) { try NetworkRecords(text: Array("berth-dns 1\nnetwork n\n\(listen)end\n".utf8)) }
    let word = String(repeating: "a", count: NetworkRecords.Limit.wordBytesMax + 1)
    #expect(throws: Problem.self) { try NetworkRecords(text: Array("berth-dns 1\nnetwork \(word)\nend\n".utf8)) }
    #expect(throws: Problem.self) { try NetworkRecords(name: "a b").text() }
    #expect(throws: Problem.self) { try NetworkRecords(name: "n", containers: [.init(id: "1", name: "")]).text() }
    let aliases = [String](repeating: "a", count: NetworkRecords.Limit.aliasesMax + 1)
    #expect(throws: Problem.self) {
      try NetworkRecords(name: "n", containers: [.init(id: "1", name: "a", aliases: aliases)]).text()
    }
  }

  /// Every single byte changed to every other of a few, and every cut: read or refused, never a trap.
  @Test func hostileFilesAreReadOrRefused() throws {
    let text = Array(Self.golden.utf8)
    for place in text.indices.dropLast() {
      for byte: UInt8 in [0, 10, 32, 0x2f, 0x3a, 0x80, 0xff] {
        var changed = text
        changed[place] = byte
        if let records = try? NetworkRecords(text: changed) { _ = try records.text() }
      }
      #expect(throws: Problem.self) { try NetworkRecords(text: Array(text[..<place])) }
    }
  }

  @Test(arguments: [
    ("10.0.0.1", "10.0.0.1"), ("::", "::"), ("fd00:0:0::a", "fd00::a"), ("::ffff:10.0.0.1", "10.0.0.1"),
  ]) func addressesHaveOneText(_ text: String, _ canonical: String) throws {
    #expect(try address(text).description == canonical)
  }
  @Test(arguments: ["", "1", "10.0.0.256", "010.0.0.1", "::1%eth0", "10.0.0.1/8", "[::1]"])
  func whatIsNoAddress(_ text: String) { #expect(HostAddress(text) == nil) }
}
