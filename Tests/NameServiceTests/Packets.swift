import DNSRecords
import NameService

/// A question in its wire form. `name` is dotted.
func question(
  _ name: String, _ type: UInt16 = 1, id: UInt16 = 0x1234, recordClass: UInt16 = 1, extensionBytes: UInt16? = nil,
  version: UInt8 = 0
) -> [UInt8] {
  func pair(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(truncatingIfNeeded: value)] }
  var packet = pair(id) + [1, 0] + pair(1) + pair(0) + pair(0) + pair(extensionBytes == nil ? 0 : 1)
  packet += (name.isEmpty ? [] : DomainName.wire(name) ?? [0xff]) + [0] + pair(type) + pair(recordClass)
  if let extensionBytes { packet += [0] + pair(41) + pair(extensionBytes) + [0, version, 0, 0] + pair(0) }
  return packet
}

func hex(_ bytes: some Sequence<UInt8>) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

func parse(_ packet: [UInt8]) -> Query.Outcome { packet.withUnsafeBytes { Query.parse($0) } }

/// What came back, as far as a test asks.
enum Answered: Equatable {
  /// Response code and the answers' data in hexadecimal.
  case reply(Int, [String])
  case silence
  case forward([String]?)
}

/// Two networks: `front` with web and two called www, `back` (internal) with web and db; outside is on neither.
struct World {
  var resolver = Resolver(Catalogue())
  let front: ServedNetwork
  let back: ServedNetwork
  static func address(_ text: String) -> HostAddress { HostAddress(text) ?? HostAddress(bytes: [0, 0, 0, 0])! }

  init(upstreams: [String] = [], zones: [(String, String)] = []) {
    typealias Container = NetworkRecords.Container
    let web = String(repeating: "a", count: 64)
    front = ServedNetwork(
      "f1",
      NetworkRecords(
        name: "front", listenAddresses: [Self.address("10.1.0.1"), Self.address("fd01::1")],
        upstreams: upstreams.map(Self.address), zones: zones.map { .init(name: $0.0, server: Self.address($0.1)) },
        containers: [
          Container(
            id: web, name: "web", hostname: "host1", aliases: ["www"],
            addresses: [Self.address("10.1.0.2"), Self.address("fd01::2")]),
          Container(
            id: "b0b0b0b0b0b0b0b0", name: "Web-2", aliases: ["www", "a.b.c"], addresses: [Self.address("10.1.0.3")],
            upstreams: [Self.address("9.9.9.9"), Self.address("10.1.0.1")]),
        ]))
    back = ServedNetwork(
      "b1",
      NetworkRecords(
        name: "back", isInternal: true, listenAddresses: [Self.address("10.2.0.1")],
        containers: [
          Container(id: web, name: "web", addresses: [Self.address("10.2.0.2")]),
          Container(id: "dbdbdbdbdbdb", name: "db", addresses: [Self.address("10.2.0.3")]),
        ]))
    resolver.catalogue.replace("f1", with: front)
    resolver.catalogue.replace("b1", with: back)
  }

  mutating func ask(
    _ packet: [UInt8], from client: String = "10.1.0.2", at local: String = "10.1.0.1", isStream: Bool = false,
    room: Int = 4096
  ) -> (answer: Answered, bytes: [UInt8]) {
    var reply = [UInt8](repeating: 0xee, count: room)
    let network = local.hasPrefix("10.2") ? back : front
    let outcome = packet.withUnsafeBytes { packet in
      reply.withUnsafeMutableBytes {
        resolver.respond(
          to: packet, from: Self.address(client).bytes[...], at: Self.address(local), of: network, isStream: isStream,
          room: $0)
      }
    }
    switch outcome {
    case .silence: return (.silence, [])
    case .forward(_, let servers): return (.forward(servers?.map(\.description)), [])
    case .reply(let count):
      let bytes = Array(reply[..<count])
      return (.reply(Int(bytes[3] & 15), Self.answers(bytes)), bytes)
    }
  }

  private static func answers(_ reply: [UInt8]) -> [String] {
    guard reply.count > 12, case .query(let query) = parse([0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] + questionPart(reply))
    else { return [] }
    var place = query.questionEnd
    return (0..<(Int(reply[6]) << 8 | Int(reply[7]))).map { _ in
      let size = Int(reply[place + 10]) << 8 | Int(reply[place + 11])
      defer { place += 12 + size }
      return hex(reply[(place + 12)..<(place + 12 + size)])
    }
  }
  private static func questionPart(_ reply: [UInt8]) -> [UInt8] {
    var end = 12
    while reply[end] != 0 { end += Int(reply[end]) + 1 }
    return Array(reply[12..<(end + 5)])
  }
}
