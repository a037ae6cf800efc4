import Netlink
import Problems
import Sys

/// A container's interface on one network.
public struct Attachment: Hashable, Sendable {
  /// In the container: "eth0".
  public var interface: String
  public var mac: MACAddress
  /// With the prefix of their subnet.
  public var addresses: [Address]
  /// An address in its subnet.
  public struct Address: Hashable, Sendable {
    public var address: IPAddress
    public var subnet: Subnet
    /// Where plugins say so; else it is the network's.
    public var gateway: IPAddress?
    public init(_ address: IPAddress, in subnet: Subnet) {
      self.address = address
      self.subnet = subnet
    }
  }
  /// Added to the metric of its routes, so that the first network's come first.
  public var rank: UInt32 = 0
  /// What plugins say of name servers.
  public var nameServers = NameServers()
  public init(interface: String, mac: MACAddress, addresses: [Address]) {
    self.interface = interface
    self.mac = mac
    self.addresses = addresses
  }

  /// Brings up the interface in the namespace where the caller is: what it needs goes out in one send.
  /// - Parameters:
  ///   - index: its own, where that is known.
  ///   - first: what is to be done before it.
  func configure(_ network: NetworkConfiguration, index: Int32?, first: [NetlinkRequest]) throws(Problem) {
    let what = "configure \(interface) of network \(network.name)"
    if network.subnets.contains(where: { $0.subnet.family == .v6 }) {
      try NetworkSetting.writeIfThere("ipv6/conf/\(interface)/accept_ra", "0")
    }
    do throws(NetlinkFailure) {
      var socket = try NetlinkSocket(.route)
      var index = index
      if index == nil { index = try socket.link(named: interface)?.index }
      guard let index else { throw NetlinkFailure(.notFound, text: "the interface has gone") }
      try socket.exchange(first + requests(network, index: index))
    } catch { throw Problem(code: Problem.Code(error.errno), message: what, cause: error) }
  }

  /// Addresses, up, routes: in this order, because a route needs an interface that is up.
  func requests(_ network: NetworkConfiguration, index: Int32) -> [NetlinkRequest] {
    var requests = addresses.map { HostNetwork.address($0.address, in: $0.subnet, index: index) }
    requests.append(.setUp(index: index))
    if network.hasDefaultRoute {
      var routed: Set<IPAddress.Family> = []
      for block in network.subnets {
        guard let gateway = block.gateway, addresses.contains(where: { $0.subnet == block.subnet }),
          routed.insert(gateway.family).inserted  // the first of each family
        else { continue }
        requests.append(.addRoute(via: gateway.bytes, index: index, metric: network.metric + rank))
      }
    }
    for route in network.routes where addresses.contains(where: { $0.subnet.contains(route.gateway) }) {
      requests.append(
        .addRoute(
          to: route.destination.base.bytes, prefix: UInt8(route.destination.prefix), via: route.gateway.bytes,
          metric: route.metric ?? network.metric + rank))
    }
    return requests
  }
}
