import JSON
import Networking
import Problems
import StateStore

extension Engine {
  /// The networks that a new container belongs to; what the user said for "the one network" goes into its request.
  /// Source: capability lines PD-136, PD-138, PD-140.
  func memberships(of options: inout ContainerOptions) throws(Problem) -> [NetworkMembership] {
    if case .pasta = options.network, try !isRootless() {
      throw Problem(
        code: .unsupported, message: "--network pasta is for users without privilege", hint: "root has bridges")
    }
    guard options.network == .bridge else { return [] }
    if options.networks.isEmpty, try isRootless() {
      for (flag, isGiven) in [
        ("--ip", options.ipAddress != nil), ("--ip6", options.ip6Address != nil),
        ("--mac-address", options.macAddress != nil), ("--network-alias", !options.networkAliases.isEmpty),
      ] where isGiven {
        throw Problem(
          code: .invalid, message: "\(flag) does not fit --network pasta, which an ordinary user has without --network",
          hint: "name a network: --network bridge, or one of: berth network create")
      }
      // What is quickest where nobody asks for a network by name (G.11).
      options.network = .pasta([])
      return []
    }
    var requests = options.networks.isEmpty ? [NetworkRequest(Self.defaultNetwork)] : options.networks
    let single = [options.ipAddress, options.ip6Address].compactMap { $0 }
    if !single.isEmpty || options.macAddress != nil {
      guard requests.count == 1 else {
        throw Problem(
          code: .invalid, message: "--ip, --ip6 and --mac-address can only be set for a single network",
          hint: "say it for each network: --network NAME:ip=ADDRESS,mac=ADDRESS")
      }
      requests[0].addresses += single
      if let mac = options.macAddress { requests[0].mac = mac }
    }
    guard requests.count <= NetworkLimit.networksMax else {
      throw Problem(code: .invalid, message: "\(requests.count) networks: at most \(NetworkLimit.networksMax)")
    }
    var result: [NetworkMembership] = []
    var interfaces: Set<String> = []
    for (position, request) in requests.enumerated() {
      var request = request
      for alias in options.networkAliases where !request.aliases.contains(alias) { request.aliases.append(alias) }
      if options.dnsServers != ["none"] { request.dnsServers = options.dnsServers }
      request.hostname = options.hostname
      let network = try self.network(request.network)
      if result.contains(where: { $0.networkID == network.id }) {
        throw Problem(code: .invalid, message: "network \(network.name) is given twice")
      }
      try checkRequest(request, network)
      if !interfaces.insert(request.interface ?? "eth\(position)").inserted {
        throw Problem(code: .invalid, message: "interface \(request.interface ?? "eth\(position)") is given twice")
      }
      if network.driver == .cni { try store().networks.adopt(network.record) }
      result.append(NetworkMembership(networkID: network.id, position: position, request: request.json.text()))
    }
    options.networks = []
    return result
  }

  func checkRequest(_ request: NetworkRequest, _ network: NetworkConfiguration) throws(Problem) {
    try request.check(in: network)
    // Which addresses plugins have, their file need not say.
    for address in request.addresses where network.driver != .cni || !network.subnets.isEmpty {
      guard network.subnets.contains(where: { $0.subnet.contains(address) }) else {
        throw Problem(
          code: .invalid, message: "requested static ip \(address) not in any subnet on network \(network.name)")
      }
    }
    if request.mac != nil, network.driver == .ipvlan {
      throw Problem(
        code: .invalid, message: "network \(network.name): an ipvlan interface has its parent's MAC address")
    }
  }
}
