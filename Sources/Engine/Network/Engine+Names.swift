import DNSRecords
import Networking
import Problems
import StateStore

/// The name service of networks: what it is to answer is written from the database, and a container starts when that
/// is served. Source: capability line PD-144.
extension Engine {
  private var records: RecordDirectory { RecordDirectory(paths.runroot + "/dns") }

  /// Where containers of these networks ask for names; empty where none of the networks has a name service.
  static func nameServers(_ joined: [Joined]) -> [IPAddress] {
    joined.filter(\.network.servesNames).flatMap { joined in
      joined.network.subnets.filter { block in joined.attachment.addresses.contains { $0.subnet == block.subnet } }
        .compactMap(\.gateway)
    }
  }

  /// Serves the names of a network as the database has them now; returns when they are served.
  func serveNames(_ network: NetworkConfiguration) throws(Problem) {
    guard network.servesNames else { return }
    let isEmpty = try writeNames(network)
    let launcher = NameServiceLauncher(directory: records, program: try programs.helper("berth-dns"))
    if isEmpty { try launcher.settleIfRunning() } else { try launcher.settle(network.id) }
  }

  /// As the database has them, after a container has left. The service follows by itself.
  func withdrawNames(_ network: NetworkConfiguration) throws(Problem) {
    if network.servesNames { try writeNames(network) }
  }
  /// After a change of a running container's names.
  func serveNames(of id: String) throws(Problem) {
    let current = try store().networks.memberships(of: id).filter { !$0.membership.status.isEmpty }
    if current.isEmpty { return }
    try amongBridges { () throws(Problem) in
      for (_, network) in current { try serveNames(try NetworkConfiguration(network)) }
    }
  }

  /// - Returns: whether there is nobody on the network.
  @discardableResult
  private func writeNames(_ network: NetworkConfiguration) throws(Problem) -> Bool {
    var isEmpty = false
    try records.update(network.id) { () throws(Problem) -> NetworkRecords? in
      let containers = try namedContainers(network)
      isEmpty = containers.isEmpty
      if isEmpty { return nil }
      return NetworkRecords(
        name: network.name, isInternal: network.isInternal,
        listenAddresses: network.subnets.compactMap(\.gateway).compactMap { HostAddress($0.description) },
        upstreams: try upstreams(network), zones: network.dnsServers.compactMap(NetworkRecords.Zone.init),
        containers: containers)
    }
    return isEmpty
  }

  /// Empty is the host's own; those on the host's loopback are out of an ordinary user's networks' reach.
  private func upstreams(_ network: NetworkConfiguration) throws(Problem) -> [HostAddress] {
    var servers = network.dnsServers.filter { $0.zone == nil }.map(\.address.description)
    if servers.isEmpty, try isRootless(), NameFiles.hasOnlyLoopbackServers {
      servers = [SharedGateway.slirp.nameServer.description]
    }
    return servers.compactMap { HostAddress($0) }
  }

  private func namedContainers(_ network: NetworkConfiguration) throws(Problem) -> [NetworkRecords.Container] {
    try store().networks.running(on: network.id).compactMap { member in
      guard let attachment = Attachment(status: member.membership.status) else { return nil }
      let request = NetworkRequest(network.name, json: member.membership.request)
      return NetworkRecords.Container(
        id: member.container, name: member.name, hostname: request.hostname, aliases: request.aliases,
        addresses: attachment.addresses.compactMap { HostAddress($0.address.description) },
        upstreams: request.dnsServers.compactMap { HostAddress($0) })
    }
  }
}

extension NetworkRecords.Zone {
  /// nil for a server that is not of one zone alone.
  fileprivate init?(_ server: NetworkNameServer) {
    guard let zone = server.zone, let address = HostAddress(server.address.description) else { return nil }
    self.init(name: zone, server: address)
  }
}

extension NetworkConfiguration {
  /// macvlan and ipvlan have no address of the host's where a service could listen.
  var servesNames: Bool { dnsEnabled && driver == .bridge && subnets.contains { $0.gateway != nil } }
}
