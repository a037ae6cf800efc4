import Glibc
import Networking
import Problems
import StateStore
import Sys

/// An ordinary user's networks: all bridges lie in one network namespace of the user's own. slirp4netns leads out of
/// it, and ports of the host into it; the rest is as it is for root. Source: capability line PD-143.
extension Engine {
  private static let sharedLock = "shared"
  private var gateway: SharedGateway { SharedGateway(directory: paths.runroot + "/network") }

  /// Runs `body` where the bridges are: for root in this process's network, for an ordinary user in the shared one.
  func amongBridges<R>(_ body: () throws(Problem) -> R) throws(Problem) -> R {
    guard try isRootless() else { return try body() }
    return try sharedNetwork().apart(body)
  }

  /// As `amongBridges`; where an ordinary user has no networks, there is nothing to be done.
  func amongBridgesIfThere(_ body: () throws(Problem) -> Void) throws(Problem) {
    guard try isRootless() else { return try body() }
    if let namespace = try existingNetwork() { try namespace.apart(body) }
  }

  private func existingNetwork() throws(Problem) -> NetworkNamespace? {
    guard NetworkNamespace.isOne(gateway.namespace) else { return nil }
    return try NetworkNamespace(path: gateway.namespace)
  }

  /// The namespace with its way out, which the first command that needs it makes, and whoever finds it dead makes anew.
  private func sharedNetwork() throws(Problem) -> NetworkNamespace {
    let gateway = gateway
    // Always under the lock: `endUnusedGateway` must not end what was just found alive.
    let lock = try store().locks.acquire(.network, Self.sharedLock)
    let isNew = !NetworkNamespace.isOne(gateway.namespace)
    if isNew {
      try doing("make \(gateway.namespace)") { () throws(Errno) in
        try makeDirectories(gateway.directory, mode: 0o700)
        _ = try open(gateway.namespace, O_WRONLY | O_CREAT | O_NOFOLLOW, mode: 0o600)
      }
      try NetworkNamespace.make(at: gateway.namespace)
    }
    let namespace = try NetworkNamespace(path: gateway.namespace)
    if isNew || !gateway.isComplete || !gateway.socket.isServed {
      try gateway.stop()
      let ports = try store().networks.allPorts().compactMap { PublishedPort($0.port) }.filter(\.isForwarded)
      let instead = "--network pasta, none or host"
      let program = try Self.networkProgram("slirp4netns", try slirpProgram(), package: "slirp4netns", instead: instead)
      try gateway.start(program) {
        for port in ports {
          // One port's trouble is its container's, and told.
          do throws(Problem) { try forward(port) } catch { warning?(error) }
        }
      }
    }
    _ = consume lock
    return namespace
  }

  /// After the last container. The namespace stays, in which no process is left: bridges are there for the next one.
  func endUnusedGateway() throws(Problem) {
    guard try isRootless(), exists(gateway.directory) else { return }
    let lock = try store().locks.acquire(.network, Self.sharedLock)
    if try !store().networks.hasLeases() { try gateway.stop() }
    _ = consume lock
  }

  /// The namespace goes with the user's mounts; what leads out of it ends here.
  func endSharedNetwork() throws(Problem) { try gateway.stop() }

  // MARK: ports

  /// Ports as the rules of the bridges' network know them: an ordinary user's arrive there at one address.
  func ruled(_ ports: [PublishedPort]) throws(Problem) -> [PublishedPort] {
    if try !isRootless() { return ports }
    return ports.filter(\.isForwarded).map { port in
      var port = port
      port.hostAddress = nil
      return port
    }
  }

  /// What is in the way of a port that slirp4netns is to forward: in the namespace all have one address.
  /// - Returns: the container that publishes it on another address of the host.
  func rival(of port: PublishedPort) throws(Problem) -> String? {
    guard port.isForwarded, try isRootless() else { return nil }
    let record = PortRecord(port)
    return try store().networks.allPorts().first { other in
      other.port.hostPort == record.hostPort && other.port.transport == record.transport
        && other.port.host != record.host && PublishedPort(other.port)?.isForwarded == true
    }?.owner
  }

  /// Ports of the host lead to the bridges; those that do already stay. For root the rules are enough.
  func openPorts(_ ports: [PublishedPort]) throws(Problem) {
    guard try isRootless(), !ports.isEmpty else { return }
    for port in ports {
      if port.transport == .sctp {
        throw Problem(
          code: .unsupported, message: "--publish \(port.containerPort)/sctp: slirp4netns forwards tcp and udp")
      }
      if port.container.family == .v6, !ports.contains(where: { $0.isForwarded && $0.hostPort == port.hostPort }) {
        throw Problem(
          code: .unsupported, message: "--publish \(port.hostPort): networks of ordinary users publish on IPv4 only",
          hint: "--network pasta does both, for networks with IPv4 leave the IPv6 address out")
      }
    }
    _ = try sharedNetwork()
    let there = try gateway.socket.forwards()
    let new = ports.filter { port in port.isForwarded && !there.contains { $0.isOf(port) } }
    try waitForPorts(new)
    for port in new { try forward(port) }
  }
  private func forward(_ port: PublishedPort) throws(Problem) {
    try gateway.socket.add(port, leadingTo: SharedGateway.slirp.container, port.hostPort)
  }

  /// What is not there is fine.
  func closePorts(_ ports: [PublishedPort]) throws(Problem) {
    let socket = gateway.socket
    guard try isRootless(), !ports.isEmpty, socket.isServed else { return }
    for forward in try socket.forwards() where ports.contains(where: forward.isOf) { try socket.remove(forward) }
  }

  /// After a change of a running container's networks. - Parameter old: what it published before.
  func moveForwards(of id: String, from old: [PublishedPort]) throws(Problem) {
    let new = try publishedPorts(id)
    try closePorts(
      old.filter { port in
        !new.contains {
          $0.isForwarded && $0.hostPort == port.hostPort && $0.transport == port.transport
            && $0.hostAddress == port.hostAddress
        }
      })
    try openPorts(new)
  }
}

extension PublishedPort {
  /// By the shared slirp4netns: over IPv4, and not where a container has a forwarder of its own.
  fileprivate var isForwarded: Bool { container.family == .v4 && !container.isUnspecified }
}
