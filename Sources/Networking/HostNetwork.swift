import CSys
import Glibc
import Netlink
public import Problems
import Sys

/// The network stack of the namespace that the caller is in: bridges, rules, and containers' way in.
public struct HostNetwork: ~Copyable {
  private var route: NetlinkSocket
  private var filter: NetlinkSocket?
  /// Of nf_tables, family inet: ours alone.
  private let table: String

  public init(table: String = Firewall.table) throws(Problem) {
    self.table = table
    route = try asking("open a netlink socket") { () throws(NetlinkFailure) in try NetlinkSocket(.route) }
  }

  // MARK: looking

  /// Subnets to which routes of this host lead, but for the default route.
  public mutating func routedSubnets(_ family: IPAddress.Family) throws(Problem) -> [Subnet] {
    try asking("read the routes") { () throws(NetlinkFailure) in
      try route.destinations(UInt8(family == .v4 ? AF_INET : AF_INET6)).compactMap(Subnet.init)
    }
  }
  /// Subnets in which this host has an address.
  public mutating func ownSubnets() throws(Problem) -> [Subnet] {
    try asking("read the addresses") { () throws(NetlinkFailure) in
      try route.addressPrefixes().compactMap(Subnet.init)
    }
  }
  public mutating func hasInterface(_ name: String) throws(Problem) -> Bool {
    try asking("look for interface \(name)") { () throws(NetlinkFailure) in try route.link(named: name) != nil }
  }
  /// Name of the interface of the default route; nil where there is none.
  public mutating func defaultInterface() throws(Problem) -> String? {
    try asking("read the routes") { () throws(NetlinkFailure) in
      guard let index = try defaultRoutes().first?.interface else { return nil }
      return try route.links().first { $0.index == index }?.name
    }
  }
  /// Name of the one interface that the default routes of both families go through; nil where there is no such one.
  public mutating func sharedDefaultInterface() throws(Problem) -> String? {
    try asking("read the routes") { () throws(NetlinkFailure) in
      let routes = try defaultRoutes()  // the preferred one of a family comes first
      guard let index = routes.first?.interface,
        routes.first(where: { $0.family != routes[0].family })?.interface == index
      else { return nil }
      return try route.links().first { $0.index == index }?.name
    }
  }
  /// Those of the main table. Source: rtnetlink(7), RT_TABLE_MAIN.
  private mutating func defaultRoutes() throws(NetlinkFailure) -> [Route] {
    try route.routes().filter { $0.prefix == 0 && $0.interface > 0 && $0.table == 254 }
  }

  /// What is no bridge is left alone: somebody else's interface got the name.
  private mutating func removeBridge(_ name: String) throws(Problem) {
    let what = "remove bridge \(name)"
    let link = try asking(what) { () throws(NetlinkFailure) in try route.link(named: name) }
    guard link?.kind == "bridge" else { return }
    do throws(NetlinkFailure) { try route.exchange([.deleteLink(named: name)]) } catch {
      if error.errno.rawValue != ENODEV {
        throw Problem(code: Problem.Code(error.errno), message: what, cause: error)
      }
    }
  }

  mutating func index(of name: String) throws(Problem) -> Int32? {
    try asking("look for interface \(name)") { () throws(NetlinkFailure) in try route.link(named: name)?.index }
  }
  /// - Returns: what the kernel answers, if anything.
  @discardableResult
  mutating func send(_ requests: [NetlinkRequest], _ what: String) throws(Problem) -> [NetlinkMessage] {
    try asking(what) { () throws(NetlinkFailure) in try route.exchange(requests) }
  }

  // MARK: bridges

  /// Index of a network's bridge; nil where there is none, or it is not complete.
  public mutating func readyBridge(_ network: NetworkConfiguration) throws(Problem) -> Int32? {
    let link = try asking("look for bridge \(network.interface)") { () throws(NetlinkFailure) in
      try route.link(named: network.interface)
    }
    guard let link else { return nil }
    guard link.kind == "bridge" else {
      throw Problem(
        code: .conflict,
        message: "interface \(network.interface) of network \(network.name) is a \(link.kind), no bridge",
        hint: "rename that interface, or remove the network and make it anew")
    }
    return link.isUp ? link.index : nil
  }
  /// Makes a network's bridge with its addresses, settings and rules. What is there already stays. The caller keeps
  /// others from doing the same at the same time.
  /// - Returns: its index.
  public mutating func setUp(_ network: NetworkConfiguration) throws(Problem) -> Int32 {
    let what = "make bridge \(network.interface) of network \(network.name)"
    var settings = LinkSettings(network.interface)
    settings.mtu = network.mtu
    // A bridge without one takes the least of its ports' addresses, and changes it as they come and go.
    if let gateway = network.subnets.compactMap(\.gateway).first { settings.address = MACAddress(of: gateway).bytes }
    do throws(NetlinkFailure) {
      try route.exchange([.addBridge(settings, filtersVLANs: network.vlan != nil)])
    } catch {
      guard error.errno == .exists else {
        throw Problem(code: Problem.Code(error.errno), message: what, cause: error)
      }
    }
    let link = try asking(what) { () throws(NetlinkFailure) in try route.link(named: network.interface) }
    guard let link else { throw Problem(code: .unavailable, message: "\(what): it has gone again") }
    try configure(network)
    var requests: [NetlinkRequest] = []
    for block in network.subnets {
      guard let gateway = block.gateway else { continue }
      requests.append(Self.address(gateway, in: block.subnet, index: link.index))
    }
    // The gateway, names and published ports are of the containers' VLAN.
    if let vlan = network.vlan { requests.append(.setVLAN(vlan, index: link.index, isBridge: true)) }
    requests.append(.setUp(index: link.index))
    try fence([network])
    let all = requests
    try asking(what) { () throws(NetlinkFailure) in _ = try route.exchange(all) }
    return link.index
  }

  static func address(_ address: IPAddress, in subnet: Subnet, index: Int32) -> NetlinkRequest {
    .addAddress(
      index: index, address.bytes, prefix: UInt8(subnet.prefix),
      broadcast: subnet.family == .v4 && subnet.prefix < 31 ? subnet.last.bytes : [])
  }

  private func configure(_ network: NetworkConfiguration) throws(Problem) {
    let name = network.interface
    if !NetworkSetting.isOne("ipv4/ip_forward") { try NetworkSetting.write("ipv4/ip_forward", "1") }
    try NetworkSetting.write("ipv4/conf/\(name)/route_localnet", "1")
    if network.subnets.contains(where: { $0.subnet.family == .v6 }) {
      if !NetworkSetting.isOne("ipv6/conf/all/forwarding") { try NetworkSetting.write("ipv6/conf/all/forwarding", "1") }
      try NetworkSetting.write("ipv6/conf/\(name)/accept_dad", "0")
      try NetworkSetting.write("ipv6/conf/\(name)/accept_ra", "0")
    } else {
      try NetworkSetting.writeIfThere("ipv6/conf/\(name)/disable_ipv6", "1")
    }
  }

  /// Removes a network's bridge and its names in the rules. What is not there is fine.
  public mutating func tearDown(_ network: NetworkConfiguration) throws(Problem) {
    try removeBridge(network.interface)
    var batch = NFTBatch(table: table)
    Firewall.remove(network, from: &batch)
    try commitIgnoringAbsence(batch, "remove the rules of network \(network.name)")
  }

  // MARK: rules

  private mutating func commit(_ batch: NFTBatch) throws(NetlinkFailure) {
    if filter == nil { filter = try NetlinkSocket(.netfilter) }
    try filter?.commit(batch)
  }

  /// Brings the rules in, and these networks into them.
  private mutating func fence(_ networks: [NetworkConfiguration]) throws(Problem) {
    var batch = Firewall.base(table: table)
    for network in networks { Firewall.add(network, to: &batch) }
    let all = batch
    try asking("write the firewall rules", hint: "nf_tables with nat is needed: modprobe nft_nat nft_masq nft_fib_inet")
    {
      () throws(NetlinkFailure) in try commit(all)
    }
  }

  /// Whether the rules are as this module writes them; a flush of the firewall takes them away.
  public mutating func rulesAreThere() throws(Problem) -> Bool {
    try asking("read the firewall rules") { () throws(NetlinkFailure) in
      if filter == nil { filter = try NetlinkSocket(.netfilter) }
      let count = try filter?.ruleCount(ofChain: Firewall.witness.name, table: table) ?? nil
      return count == UInt32(Firewall.witness.rules.count)
    }
  }

  /// Writes all rules anew: those of these networks and ports, and no others, in one step.
  public mutating func rewriteRules(_ networks: [NetworkConfiguration], _ ports: [PublishedPort]) throws(Problem) {
    var batch = Firewall.base(table: table)
    for set in Firewall.NetworkSet.allCases { batch.flushSet(set.rawValue) }
    batch.flushSet(Firewall.pairs)
    for map in PortMap.all { batch.flushSet(map.name) }
    for network in networks where network.driver == .bridge { Firewall.add(network, to: &batch) }
    Firewall.add(ports, to: &batch)
    let all = batch
    try asking("write the firewall rules") { () throws(NetlinkFailure) in try commit(all) }
  }

  public mutating func publish(_ ports: [PublishedPort]) throws(Problem) {
    if ports.isEmpty { return }
    var batch = NFTBatch(table: table)
    Firewall.add(ports, to: &batch)
    let all = batch
    try asking("publish ports") { () throws(NetlinkFailure) in try commit(all) }
  }
  /// What is not there is fine.
  public mutating func withdraw(_ ports: [PublishedPort]) throws(Problem) {
    if ports.isEmpty { return }
    var batch = NFTBatch(table: table)
    Firewall.remove(ports, from: &batch)
    do throws(Problem) { try commitOnce(batch) } catch {
      // Some are gone already, so that nothing was done: one by one.
      guard error.code == .notFound, ports.count > 1 else {
        if error.code == .notFound { return }
        throw error
      }
      for port in ports {
        var single = NFTBatch(table: table)
        Firewall.remove([port], from: &single)
        try commitIgnoringAbsence(single, "withdraw port \(port.hostPort)")
      }
    }
  }
  private mutating func commitOnce(_ batch: NFTBatch) throws(Problem) {
    try asking("withdraw ports") { () throws(NetlinkFailure) in try commit(batch) }
  }
  private mutating func commitIgnoringAbsence(_ batch: NFTBatch, _ what: String) throws(Problem) {
    do throws(NetlinkFailure) { try commit(batch) } catch {
      if error.errno != .notFound { throw Problem(code: Problem.Code(error.errno), message: what, cause: error) }
    }
  }

  // MARK: containers

  /// Gives a namespace an interface on a network's bridge, with its addresses and routes.
  public mutating func attach(
    _ attachment: Attachment, to network: NetworkConfiguration, bridge: Int32, _ namespace: borrowing NetworkNamespace
  ) throws(Problem) {
    let what = "join network \(network.name)"
    var outside = LinkSettings(Self.interfaceName())
    outside.mtu = network.mtu
    outside.master = bridge
    outside.isUp = true
    var inside = LinkSettings(attachment.interface)
    inside.mtu = network.mtu
    inside.address = attachment.mac.bytes
    let request = NetlinkRequest.addVeth(outside, peer: inside, namespace: namespace.fd.borrowed)
    let made = try send([request, .setHairpin(port: outside.name)], what).compactMap(Link.init).first
    do throws(Problem) {
      if let vlan = network.vlan { try setVLAN(vlan, port: outside.name) }
      try namespace.configure(attachment, network, index: made?.peer)
    } catch {
      let failure = error
      // The pair goes as a whole; the namespace may live on.
      do throws(NetlinkFailure) { try route.exchange([.deleteLink(named: outside.name)]) } catch {}
      throw failure
    }
  }
  private mutating func setVLAN(_ id: UInt16, port: String) throws(Problem) {
    try asking("set VLAN \(id) on \(port)") { () throws(NetlinkFailure) in
      guard let link = try route.link(named: port) else { return }
      _ = try route.exchange([.setVLAN(id, index: link.index, isBridge: false)])
    }
  }

  /// Nobody needs to know the name: the interface goes with the container's.
  private static func interfaceName() -> String {
    let digits = String(UInt32.random(in: 0...UInt32.max), radix: 16)
    return "veth" + String(repeating: "0", count: 8 - digits.utf8.count) + digits
  }

  /// Takes an interface out of a namespace. One that is not there is fine.
  public func detach(_ interface: String, _ namespace: borrowing NetworkNamespace) throws(Problem) {
    try namespace.inside { () throws(Problem) in
      do throws(NetlinkFailure) {
        var socket = try NetlinkSocket(.route)
        try socket.exchange([.deleteLink(named: interface)])
      } catch {
        if error.errno.rawValue != ENODEV {
          throw Problem(code: Problem.Code(error.errno), message: "remove interface \(interface)", cause: error)
        }
      }
    }
  }
}

extension Subnet {
  init?(_ prefix: Prefix) {
    self.init(IPAddress(prefix.isV6 ? .v6 : .v4, prefix.value), prefix: Int(prefix.length))
  }
}
