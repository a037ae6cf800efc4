import Netlink
public import Problems

extension HostNetwork {
  /// Makes the kernel forget what it follows of datagrams to these ports of the host. Rules are asked for the first
  /// packet of a flow only: a sender that never pauses would go on to reach who had the port before, or nobody.
  public mutating func forgetFlows(to ports: [PublishedPort]) throws(Problem) {
    let ports = ports.filter { $0.transport == .udp }
    if ports.isEmpty { return }
    try asking("forget flows of published ports") { () throws(NetlinkFailure) in
      var socket = try NetlinkSocket(.netfilter)
      try socket.forget(try socket.flows().filter { flow in ports.contains { $0.meets(flow) } })
    }
  }
}

extension PublishedPort {
  fileprivate func meets(_ flow: ConntrackFlow) -> Bool {
    flow.transport == transport.number && flow.destinationPort == hostPort
      && (specificHost ?? hostAddress?.any ?? container.any).isMet(by: IPAddress(bytes: flow.destination))
  }
}
extension IPAddress {
  fileprivate var any: IPAddress { IPAddress(family, 0) }
  fileprivate func isMet(by other: IPAddress?) -> Bool {
    other.map { $0.family == family && (isUnspecified || $0 == self) } ?? false
  }
}
