import Networking
import Problems
import StateStore
import Sys

extension Engine {
  /// Brings a container that was created, and does not run yet, onto its networks. Its interfaces go with its
  /// namespace, so that nothing is left of them however it ends.
  func connect(_ record: ContainerRecord, _ config: ContainerConfig, _ connections: Connections) throws(Problem) {
    if case .pasta(let options) = config.options.network {
      return try startPasta(record, options: options, connections.ports)
    }
    if connections.joined.isEmpty { return }
    let namespace = try networkNamespace(of: record)
    var host = try hostNetwork()
    for joined in connections.joined { try join(joined, &host, namespace) }
    let needsRules = connections.joined.contains { $0.network.driver == .bridge }
    if needsRules, try !host.rulesAreThere() {
      try rewriteRules(&host)
    } else {
      try host.publish(connections.ports)
    }
  }

  /// The namespace of a container's process, after making sure that it is that process's.
  func networkNamespace(of record: ContainerRecord) throws(Problem) -> NetworkNamespace {
    let gone = Problem(code: .conflict, message: "container \(record.name) has ended")
    guard let process = ProcessHandle(pid: record.status.pid, startTime: record.status.startTime) else { throw gone }
    let namespace = try NetworkNamespace(ofPid: record.status.pid)
    // Its number cannot have gone to another process before it ended.
    if process.hasEnded(milliseconds: 0) { throw gone }
    return namespace
  }

  func join(_ joined: Joined, _ host: inout HostNetwork, _ namespace: borrowing NetworkNamespace) throws(Problem) {
    switch joined.network.driver {
    case .bridge:
      let bridge = try bridge(of: joined.network, &host)
      try host.attach(joined.attachment, to: joined.network, bridge: bridge, namespace)
    case .macvlan, .ipvlan:
      try host.attachDirectly(joined.attachment, to: joined.network, namespace)
    }
  }

  /// Index of a network's bridge, which is made when it is first needed.
  private func bridge(of network: NetworkConfiguration, _ host: inout HostNetwork) throws(Problem) -> Int32 {
    if let ready = try host.readyBridge(network) { return ready }
    let lock = try store().locks.acquire(.network, network.id)
    let index: Int32
    if let ready = try host.readyBridge(network) { index = ready } else { index = try host.setUp(network) }
    _ = consume lock
    return index
  }

  /// Takes a container that has ended off its networks: its ports are closed, its addresses given back. The rows of
  /// its memberships stay. Nothing there is fine, and costs two small queries.
  func disconnect(_ id: String) throws(Problem) {
    let store = try store()
    if exists(paths.networkNamespace(id)) {
      try stopPasta(id)
      return try store.networks.release(id)
    }
    let ports = try publishedPorts(id)
    if !ports.isEmpty {
      // Whoever writes all rules anew must see the ports in the kernel and in the database, or in neither.
      let lock = try store.locks.acquire(.network, Self.rulesLock)
      var host = try hostNetwork()
      try host.withdraw(ports)
      try store.networks.release(id)
      _ = consume lock
    } else if try store.networks.holds(id) {
      try store.networks.release(id)
    }
  }
  static let rulesLock = "rules"

  // MARK: rules

  /// All rules anew, from the database: those of the networks that have a bridge, and the ports of what runs.
  func rewriteRules(_ host: inout HostNetwork) throws(Problem) {
    let store = try store()
    // Written by one command at a time, so that none brings back what another has just taken away.
    let lock = try store.locks.acquire(.network, Self.rulesLock)
    let ports = try store.networks.allPorts().compactMap { PublishedPort($0.port) }
    try host.rewriteRules(try networks(), ports)
    _ = consume lock
  }

  /// Brings the rules back where somebody flushed them. Source: capability line PD-141.
  func healRules() throws(Problem) {
    var host = try hostNetwork()
    if try !host.rulesAreThere() { try rewriteRules(&host) }
  }
}
