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
    try connect(connections, try networkNamespace(of: record))
  }
  func connect(_ connections: Connections, _ namespace: borrowing NetworkNamespace) throws(Problem) {
    var host = try hostNetwork()
    for joined in connections.joined { try join(joined, &host, namespace) }
    let needsRules = connections.joined.contains { $0.network.driver == .bridge }
    if needsRules, try !host.rulesAreThere() {
      try rewriteRules(&host)
    } else {
      try host.publish(connections.ports)
    }
    for joined in connections.joined { try serveNames(joined.network) }
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
    if ports.isEmpty, try !store.networks.holds(id) { return }
    let named = try store.networks.memberships(of: id).filter { !$0.membership.status.isEmpty }
    if !ports.isEmpty {
      // Whoever writes all rules anew must see the ports in the kernel and in the database, or in neither.
      let lock = try store.locks.acquire(.network, Self.rulesLock)
      var host = try hostNetwork()
      try host.withdraw(ports)
      try store.networks.release(id)
      _ = consume lock
    } else {
      try store.networks.release(id)
    }
    for (_, network) in named { try withdrawNames(try NetworkConfiguration(network)) }
  }
  static let rulesLock = "rules"

  /// After a change of its networks: a running container's published ports lead to an address that it has.
  func redirectPorts(_ record: ContainerRecord, _ config: ContainerConfig, _ host: inout HostNetwork) throws(Problem) {
    let store = try store()
    let old = try publishedPorts(record.id)
    if old.isEmpty && config.options.published.isEmpty && !config.options.publishesAll { return }
    var joined: [Joined] = []
    for (membership, network) in try store.networks.memberships(of: record.id) {
      guard let attachment = Attachment(status: membership.status) else { continue }
      joined.append(
        Joined(
          network: try .init(network), request: .init(network.name, json: membership.request), attachment: attachment))
    }
    let targets = Self.portTargets(joined)
    let new = old.compactMap { port -> PublishedPort? in
      guard let target = targets.first(where: { $0.family == port.container.family }) else { return nil }
      var port = port
      port.container = target
      return port
    }
    if new == old { return }
    let lock = try store.locks.acquire(.network, Self.rulesLock)
    try store.transaction(durable: false) { () throws(Problem) in
      for port in old { try store.networks.giveBack(PortRecord(port), owner: record.id) }
      for port in new { _ = try store.networks.take(PortRecord(port), owner: record.id) }
    }
    try host.withdraw(old)
    try host.publish(new)
    _ = consume lock
  }

  /// Where published ports lead: the first address of each family on a network that the outside can reach.
  static func portTargets(_ joined: [Joined]) -> [IPAddress] {
    let addresses = joined.filter { $0.network.driver == .bridge && !$0.network.isInternal }.flatMap {
      $0.attachment.addresses.map(\.address)
    }
    return [IPAddress.Family.v4, .v6].compactMap { family in addresses.first { $0.family == family } }
  }

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

  /// For commands that touch a running container: where somebody flushed the rules, they come back.
  func healRules(of record: ContainerRecord) throws(Problem) {
    if record.status.state.isAlive, try store().networks.holds(record.id) { try healRules() }
  }
  /// Brings the rules back where somebody flushed them. Source: capability line PD-141.
  func healRules() throws(Problem) {
    var host = try hostNetwork()
    if try !host.rulesAreThere() { try rewriteRules(&host) }
  }
}
