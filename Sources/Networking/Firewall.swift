import CSys
import Glibc
import Netlink

/// The rules of all networks: one table of our own, whose chains never change. Networks are names in its sets and
/// published ports are entries of its maps, so that a packet's way and a change cost the same with one network
/// or with hundreds.
///
/// In nft(8)'s words (the tests compare with its own listing):
/// ```
/// guard        iifname @bridges ip daddr 127.0.0.0/8 drop
/// prerouting   fib daddr type local jump publish             (output the same)
/// publish      dnat ip to ip daddr . meta l4proto . th dport map @port4; then @any4; the same for IPv6
/// postrouting  iifname . oifname @pairs ct status dnat masquerade
///              iif 0 oifname @bridges ct status dnat fib saddr type != local masquerade
///              ip saddr 127.0.0.0/8 oifname @bridges masquerade
///              iifname @masquerading oifname != @bridges masquerade
/// forward      jump user; ct state established,related accept; iifname . oifname @pairs accept; …
/// ```
public enum Firewall {
  /// Of the usual root directory; an engine with another one has a table of its own.
  public static let table = "berth"
  /// For the administrator's own rules: made empty, asked first about what is forwarded, and never changed.
  public static let userChain = "user"

  enum NetworkSet: String, CaseIterable {
    case bridges, masquerading, isolated, strict, closed
  }
  static let pairs = "pairs"

  /// Table, chains, rules and sets. Whatever of it is there already stays or is made anew; nothing in between is seen.
  static func base(table: String) -> NFTBatch {
    var batch = NFTBatch(table: table)
    batch.addTable()
    for set in NetworkSet.allCases { batch.addSet(set.rawValue, key: [.interfaceName]) }
    batch.addSet(pairs, key: [.interfaceName, .interfaceName])
    for map in PortMap.all { batch.addSet(map.name, key: map.key, value: map.value) }
    batch.addChain(userChain)
    for chain in Chain.all {
      batch.addChain(chain.name, hook: chain.hook)
      batch.flushChain(chain.name)
      for rule in chain.rules { batch.addRule(chain.name, rule) }
    }
    return batch
  }

  /// A chain and its rules.
  struct Chain {
    let name: String
    var hook: NFTBatch.Hook?
    let rules: [NFTExpressions]

    static var all: [Chain] { [guard_, publish, prerouting, output, postrouting, forward] }

    private static var start: NFTExpressions { NFTExpressions() }
    private static var fromBridge: NFTExpressions { start.meta(NFT_META_IIFNAME).isMember(of: "bridges") }
    private static var pair: NFTExpressions {
      start.meta(NFT_META_IIFNAME).meta(NFT_META_OIFNAME, into: 4).isMember(of: Firewall.pairs)
    }
    private static func family(_ family: CInt, _ rule: NFTExpressions = NFTExpressions()) -> NFTExpressions {
      rule.meta(NFT_META_NFPROTO).equals([UInt8(family)])
    }
    private static func through(_ key: nft_meta_keys, _ set: NetworkSet) -> NFTExpressions {
      start.meta(key).isMember(of: set.rawValue)
    }

    /// `route_localnet` opens the host's loopback to packets from a bridge: these never had any business there.
    private static var guard_: Chain {
      Chain(
        name: "guard",
        hook: .init(type: "filter", number: UInt32(CSYS_NF_INET_PRE_ROUTING), priority: -300),
        rules: [
          family(AF_INET, fromBridge).payload(.network, offset: 16, count: 1).equals([127]).verdict(.drop)
        ])
    }
    private static var publish: Chain { Chain(name: "publish", rules: PortMap.all.map(\.rule)) }
    private static var toOwnAddress: NFTExpressions {
      start.destinationKind().equals(word(UInt32(RTN_LOCAL))).verdict(.jump("publish"))
    }
    private static var prerouting: Chain {
      Chain(
        name: "prerouting", hook: .init(type: "nat", number: UInt32(CSYS_NF_INET_PRE_ROUTING), priority: -100),
        rules: [toOwnAddress])
    }
    private static var output: Chain {
      Chain(
        name: "output", hook: .init(type: "nat", number: UInt32(CSYS_NF_INET_LOCAL_OUT), priority: -100),
        rules: [toOwnAddress])
    }
    private static var postrouting: Chain {
      Chain(
        name: "postrouting", hook: .init(type: "nat", number: UInt32(CSYS_NF_INET_POST_ROUTING), priority: 100),
        rules: [
          // To a published port of the own network: the answer must come back this way.
          pair.conntrack(NFT_CT_STATUS).hasOne(of: ConntrackBit.destinationNAT).masquerade(),
          // The same where bridges' packets pass the firewall (br_netfilter): there the way in is not known.
          start.meta(NFT_META_IIF).equals(word(0)).meta(NFT_META_OIFNAME).isMember(of: "bridges")
            .conntrack(NFT_CT_STATUS).hasOne(of: ConntrackBit.destinationNAT)
            .sourceKind().differs(from: word(UInt32(RTN_LOCAL))).masquerade(),
          // From the host's loopback.
          family(AF_INET).payload(.network, offset: 12, count: 1).equals([127])
            .meta(NFT_META_OIFNAME).isMember(of: "bridges").masquerade(),
          through(NFT_META_IIFNAME, .masquerading)
            .meta(NFT_META_OIFNAME).isMember(of: "bridges", inverted: true).masquerade(),
        ])
    }
    private static var forward: Chain {
      Chain(
        name: "forward", hook: .init(type: "filter", number: UInt32(CSYS_NF_INET_FORWARD), priority: 0),
        rules: [
          start.verdict(.jump(userChain)),
          start.conntrack(NFT_CT_STATE).hasOne(of: ConntrackBit.established | ConntrackBit.related).verdict(.accept),
          pair.verdict(.accept),
          through(NFT_META_IIFNAME, .isolated).meta(NFT_META_OIFNAME).isMember(of: "isolated").verdict(.drop),
          through(NFT_META_IIFNAME, .strict).meta(NFT_META_OIFNAME).isMember(of: "bridges").verdict(.drop),
          fromBridge.meta(NFT_META_OIFNAME).isMember(of: "strict").verdict(.drop),
          through(NFT_META_IIFNAME, .closed).verdict(.drop),
          through(NFT_META_OIFNAME, .closed).verdict(.drop),
        ])
    }
  }

  /// Source: linux/netfilter/nf_conntrack_common.h.
  private enum ConntrackBit {
    static let established: UInt32 = 2
    static let related: UInt32 = 4
    static let destinationNAT: UInt32 = 1 << 5
  }

  /// A chain by whose rules one sees whether somebody flushed the table.
  static let witness = Chain.all[5]

  // MARK: networks

  /// The sets in which a bridge network stands.
  static func sets(of network: NetworkConfiguration) -> [NetworkSet] {
    var sets: [NetworkSet] = [.bridges]
    sets.append(network.isInternal ? .closed : .masquerading)
    switch network.isolation {
    case .none: break
    case .isolated: sets.append(.isolated)
    case .strict: sets.append(.strict)
    }
    return sets
  }
  static func add(_ network: NetworkConfiguration, to batch: inout NFTBatch) {
    let name = interfaceKey(network.interface)
    for set in sets(of: network) { batch.addElements(set.rawValue, [.init(key: name)]) }
    batch.addElements(pairs, [.init(key: name + name)])
  }
  static func remove(_ network: NetworkConfiguration, from batch: inout NFTBatch) {
    let name = interfaceKey(network.interface)
    for set in sets(of: network) { batch.deleteElements(set.rawValue, [.init(key: name)]) }
    batch.deleteElements(pairs, [.init(key: name + name)])
  }
  /// Sixteen bytes, as the kernel's registers hold a name.
  private static func interfaceKey(_ name: String) -> [UInt8] {
    let bytes = Array(name.utf8.prefix(16))
    return bytes + [UInt8](repeating: 0, count: 16 - bytes.count)
  }

  // MARK: ports

  static func add(_ ports: [PublishedPort], to batch: inout NFTBatch) {
    for (map, elements) in grouped(ports) { batch.addElements(map, elements) }
  }
  static func remove(_ ports: [PublishedPort], from batch: inout NFTBatch) {
    for (map, elements) in grouped(ports) { batch.deleteElements(map, elements) }
  }
  private static func grouped(_ ports: [PublishedPort]) -> [(map: String, elements: [NFTBatch.Element])] {
    PortMap.all.compactMap { map in
      let elements = ports.filter(map.holds).map(map.element)
      return elements.isEmpty ? nil : (map.name, elements)
    }
  }
}

/// A word in the host's order.
func word(_ value: UInt32) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }

/// One of the maps from published ports to containers' addresses.
struct PortMap: Sendable {
  let name: String
  let family: IPAddress.Family
  /// The key has the host's address, too.
  let hasAddress: Bool

  static let all = [
    PortMap(name: "port4", family: .v4, hasAddress: true), PortMap(name: "any4", family: .v4, hasAddress: false),
    PortMap(name: "port6", family: .v6, hasAddress: true), PortMap(name: "any6", family: .v6, hasAddress: false),
  ]

  private var address: NFTBatch.Datatype { family == .v4 ? .ipv4 : .ipv6 }
  var key: [NFTBatch.Datatype] { (hasAddress ? [address] : []) + [.transport, .port] }
  var value: [NFTBatch.Datatype] { [address, .port] }

  var rule: NFTExpressions {
    let isV4 = family == .v4
    let words = UInt32(isV4 ? 1 : 4)
    var rule = NFTExpressions().meta(NFT_META_NFPROTO).equals([UInt8(isV4 ? AF_INET : AF_INET6)])
    var next: UInt32 = 0
    if hasAddress {
      rule = rule.payload(.network, offset: isV4 ? 16 : 24, count: words * 4)
      next = words
    }
    return rule.meta(NFT_META_L4PROTO, into: next).payload(.transport, offset: 2, count: 2, into: next + 1)
      .value(in: name).redirect(family: UInt32(isV4 ? AF_INET : AF_INET6), address: 0, port: words)
  }

  func holds(_ port: PublishedPort) -> Bool {
    port.container.family == family && (port.specificHost != nil) == hasAddress
  }
  func element(_ port: PublishedPort) -> NFTBatch.Element {
    func part(_ bytes: [UInt8]) -> [UInt8] { bytes + [UInt8](repeating: 0, count: (4 - bytes.count % 4) % 4) }
    func number(_ value: UInt16) -> [UInt8] { part([UInt8(value >> 8), UInt8(value & 0xff)]) }
    return NFTBatch.Element(
      key: (port.specificHost?.bytes ?? []) + part([port.transport.number]) + number(port.hostPort),
      value: port.container.bytes + number(port.containerPort))
  }
}
