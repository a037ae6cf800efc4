package import DNSRecords

/// Decides what a question gets: an answer from the records, a refusal, or the servers to ask.
///
/// What a client sees are the networks of the container whose address it asks from, and nothing else; the host itself
/// (which asks from the address that it asks) sees that one network.
package struct Resolver {
  package let catalogue: Catalogue
  /// Several containers under one name are answered in turn.
  private var turn = 0
  private var matches: [(network: ServedNetwork, container: Int)] = []
  private var visible: [ServedNetwork] = []

  /// Suffixes under which nothing but our own names exists.
  static let ownSuffixes = [DomainName.wire("dns.berth") ?? [], DomainName.wire("dns.podman") ?? []]

  package enum Outcome: Equatable {
    /// The reply's bytes, written into the room that was given.
    case reply(Int)
    case silence
    /// Nothing of ours: ask these, or the host's where nil. Empty where there is nobody to ask.
    case forward(Query, [HostAddress]?)
  }

  package init(_ catalogue: Catalogue) { self.catalogue = catalogue }

  /// - Parameters:
  ///   - client: 4 or 16 bytes.
  ///   - local: the address that was asked, likewise.
  ///   - isStream: by TCP: the reply may fill the room whatever EDNS says.
  package mutating func respond(
    to packet: UnsafeRawBufferPointer, from client: ArraySlice<UInt8>, at local: HostAddress,
    of network: ServedNetwork, isStream: Bool, room: UnsafeMutableRawBufferPointer
  ) -> Outcome {
    let query: Query
    switch Query.parse(packet) {
    case .ignored: return .silence
    case .malformed(let code): return .reply(Reply.refusal(of: packet, code, room: room))
    case .query(let parsed): query = parsed
    }
    let size = isStream ? room.count : min(room.count, query.datagramBytesMax, Reply.Limit.datagramBytes)
    let writer = Reply(packet, query, room: UnsafeMutableRawBufferPointer(rebasing: room[..<size]))
    if query.extensionVersion != 0 { return .reply(writer.finish(query, isOurs: false, extended: 1)) }  // BADVERS
    let container = network.container(at: client)
    guard container != nil || client.elementsEqual(local.bytes), query.recordClass == Query.internet,
      query.type != RecordType.transfer, query.type != RecordType.incrementalTransfer
    else { return .reply(writer.finish(query, .refused, isOurs: false)) }
    see(container, network)
    switch find(query) {
    case .found: return .reply(answer(writer, query))
    case .reverse: return .reply(names(writer, query))
    case .missing: return .reply(writer.finish(query, .nameError))
    case .foreign:
      let canLeave = visible.contains { !$0.isInternal }
      return canLeave
        ? .forward(query, upstreams(query, container, network)) : .reply(writer.finish(query, .nameError))
    }
  }

  private mutating func see(_ container: Int?, _ network: ServedNetwork) {
    visible.removeAll(keepingCapacity: true)
    visible.append(network)
    guard let container, network.containers[container].isShared else { return }
    let id = network.containers[container].id
    for other in catalogue.networks(ofContainer: id) where other !== network { visible.append(other) }
  }

  private enum Finding {
    /// `matches` have the name.
    case found
    /// `matches` have the address.
    case reverse
    /// A name that only we could know.
    case missing
    case foreign
  }

  private mutating func find(_ query: Query) -> Finding {
    matches.removeAll(keepingCapacity: true)
    let name = query.name[...]
    for suffix in Self.ownSuffixes {
      if let rest = DomainName.removing(suffix: suffix, from: name) {
        match(rest)
        return matches.isEmpty ? .missing : .found
      }
      if name.elementsEqual(suffix) { return .missing }
    }
    match(name)
    if !matches.isEmpty { return .found }
    if query.type == RecordType.pointer, let address = DomainName.address(inReverse: name) {
      for network in visible {
        network.forEachContainer(at: address.bytes[...]) { matches.append((network, $0)) }
      }
      return matches.isEmpty ? .foreign : .reverse
    }
    guard DomainName.isOneLabel(name) else { return .foreign }
    // One label is a container that is not there, unless somebody looks at a top-level domain itself.
    switch query.type {
    case RecordType.nameServer, RecordType.authority, RecordType.signer, RecordType.key: return .foreign
    default: return .missing
    }
  }

  private mutating func match(_ name: ArraySlice<UInt8>) {
    for network in visible { network.forEachContainer(named: name) { matches.append((network, $0)) } }
    if !matches.isEmpty { return }
    for network in visible where !network.suffix.isEmpty {
      guard let rest = DomainName.removing(suffix: network.suffix, from: name) else { continue }
      network.forEachContainer(named: rest) { matches.append((network, $0)) }
    }
  }

  private mutating func answer(_ writer: consuming Reply, _ query: Query) -> Int {
    turn &+= 1
    let start = matches.count > 1 ? (turn & 0xffff) % matches.count : 0
    for offset in matches.indices {
      let (network, number) = matches[(start + offset) % matches.count]
      if query.type == RecordType.a || query.type == RecordType.any {
        Self.append(network.containers[number].ipv4, 4, RecordType.a, &writer)
      }
      if query.type == RecordType.aaaa || query.type == RecordType.any {
        Self.append(network.containers[number].ipv6, 16, RecordType.aaaa, &writer)
      }
    }
    return writer.finish(query)
  }
  private static func append(_ addresses: [UInt8], _ size: Int, _ type: UInt16, _ writer: inout Reply) {
    var place = 0
    while place < addresses.count {
      writer.append(type, addresses[place..<(place + size)])
      place += size
    }
  }

  private func names(_ writer: consuming Reply, _ query: Query) -> Int {
    for (network, number) in matches {
      if let name = network.containers[number].name { writer.append(RecordType.pointer, name + [0]) }
    }
    return writer.finish(query)
  }

  /// The servers of the name's zone, else the container's own, else its networks'; never ourselves.
  private func upstreams(_ query: Query, _ container: Int?, _ network: ServedNetwork) -> [HostAddress]? {
    // An internal network names no way out; the client's other networks may.
    let open = visible.filter { !$0.isInternal }
    let zones = open.flatMap(\.zones).filter { DomainName.lies(query.name[...], in: $0.suffix) }
    let own = container.map { network.containers[$0].upstreams } ?? []
    let zone = zones.max { $0.suffix.count < $1.suffix.count }
    let candidates = [zone?.servers ?? [], own] + open.map(\.upstreams)
    return candidates.first { !$0.isEmpty }?.filter { catalogue.ownAddresses[$0] == nil }
  }
}
