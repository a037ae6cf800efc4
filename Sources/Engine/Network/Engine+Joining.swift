import CSys
import Glibc
import Networking
import Problems
import Rootless
import StateStore
import Sys

extension Engine {
  /// Makes a container's network namespace and brings it onto its networks, before the runtime starts: hooks and
  /// `--sysctl net.ipv4.conf.eth0.…` find the interfaces, as with podman. A killed command's namespace goes with it.
  func connectAhead(_ connections: inout Connections, _ record: ContainerRecord, _ config: ContainerConfig)
    throws(Problem)
  {
    if connections.joined.isEmpty { return }
    let namespace = try amongBridges { () throws(Problem) in try readyNamespace(config) }
    try connect(connections, namespace.network)
    if connections.joined.allSatisfy({ $0.plugins != nil }) { try namespace.network.bringUpLoopback() }
    try joinPlugins(&connections, record, namespace.network)
    connections.namespace = namespace
  }
  /// A user namespace of the container's own has to own its network: that one is made along with it, or in it.
  private func readyNamespace(_ config: ContainerConfig) throws(Problem) -> ReadyNamespace {
    guard let maps = config.maps else { return try ReadyNamespace() }
    let kind = UInt64(CSYS_CLONE_NEWNET)
    guard let path = try joinedUserNamespace(config) else {
      return try ReadyNamespace(try maps.hold(others: kind))
    }
    let holder = try doing("enter user namespace \(path)") { () throws(Errno) in
      try NamespaceHolder(entering: try open(path, O_RDONLY), new: kind)
    }
    return try ReadyNamespace(holder)
  }
  func connect(_ connections: Connections, _ namespace: borrowing NetworkNamespace) throws(Problem) {
    try openPorts(connections.ports)
    try amongBridges { () throws(Problem) in try connectHere(connections, namespace) }
  }
  private func connectHere(_ connections: Connections, _ namespace: borrowing NetworkNamespace) throws(Problem) {
    var host = try hostNetwork()
    for joined in connections.joined { try join(joined, &host, namespace) }
    let needsRules = connections.joined.contains { $0.network.driver == .bridge }
    if needsRules, try !host.rulesAreThere() {
      try rewriteRules(&host)
    } else {
      try host.publish(try ruled(connections.ports.filter(\.isInRules)))
    }
    try host.forgetFlows(to: connections.ports.filter(\.isInRules))
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
    case .cni: break  // see `joinPlugins`
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
    let all = try publishedPorts(id)
    if all.isEmpty, try !store.networks.holds(id) { return }
    // A plugin that fails keeps nobody from going: it is told, and asked again by the next start or removal.
    do throws(Problem) { try leavePlugins(id) } catch { warning?(error) }
    let ports = all.filter(\.isInRules)
    let named = try store.networks.memberships(of: id).filter { !$0.membership.status.isEmpty }
    if !ports.isEmpty {
      // Whoever writes all rules anew must see the ports in the kernel and in the database, or in neither.
      let lock = try store.locks.acquire(.network, Self.rulesLock)
      try closePorts(ports)
      try amongBridgesIfThere { () throws(Problem) in
        var host = try hostNetwork()
        try host.withdraw(try ruled(ports))
        try host.forgetFlows(to: ports)
      }
      try store.networks.release(id)
      _ = consume lock
    } else {
      try store.networks.release(id)
    }
    for (_, network) in named { try withdrawNames(try NetworkConfiguration(network)) }
    try endUnusedGateway()
  }
  static let rulesLock = "rules"

  /// After a change of its networks: a running container's published ports lead to an address that it has.
  func redirectPorts(_ record: ContainerRecord, _ config: ContainerConfig, _ host: inout HostNetwork) throws(Problem) {
    let store = try store()
    let old = try publishedPorts(record.id)
    let wanted = try config.portsToPublish()
    if old.isEmpty && wanted.isEmpty || old.contains(where: { !$0.isInRules }) { return }
    let targets = Self.portTargets(try joined(of: record.id))
    let lock = try store.locks.acquire(.network, Self.rulesLock)
    var new: [PublishedPort] = []
    if old.isEmpty {
      // It was on no network for a while. What of its ports is said exactly, its monitor holds still.
      if !targets.isEmpty { new = try take(wanted, to: targets, owner: record.id, nil) }
    } else {
      new = old.compactMap { port in
        guard let target = targets.first(where: { $0.family == port.container.family }) else { return nil }
        var port = port
        port.container = target
        return port
      }
      if new == old { return }
      let redirected = new
      try store.transaction(durable: false) { () throws(Problem) in
        for port in old { try store.networks.giveBack(PortRecord(port), owner: record.id) }
        for port in redirected { _ = try store.networks.take(PortRecord(port), owner: record.id) }
      }
    }
    try host.withdraw(try ruled(old))
    try host.publish(try ruled(new))
    try host.forgetFlows(to: old + new)
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
    let ports = try store.networks.allPorts().compactMap { PublishedPort($0.port) }.filter(\.isInRules)
    try host.rewriteRules(try networks(), try ruled(ports))
    _ = consume lock
  }

  /// For commands that touch a running container: where somebody flushed the rules, they come back.
  func healRules(of record: ContainerRecord) throws(Problem) {
    if record.status.state.isAlive, try store().networks.holds(record.id) {
      try amongBridges { () throws(Problem) in try healRulesHere() }
    }
  }
  /// Brings the rules back where somebody flushed them. Source: capability line PD-141.
  func healRules() throws(Problem) {
    try amongBridgesIfThere { () throws(Problem) in try healRulesHere() }
  }
  private func healRulesHere() throws(Problem) {
    var host = try hostNetwork()
    if try !host.rulesAreThere() { try rewriteRules(&host) }
  }
}

extension PublishedPort {
  /// A forwarder's ports have no address of a container.
  var isInRules: Bool { !container.isUnspecified }
}
