import JSON
public import Networking
public import Problems
import StateStore
import Sys

extension Engine {
  /// Filters: name, id, driver, label, label!, dangling, until.
  public func networks(_ filters: [ListFilter]) throws(Problem) -> [NetworkSummary] {
    _ = try network(Self.defaultNetwork)
    var result: [NetworkSummary] = []
    for network in try allNetworks() where try matches(network, filters) { result.append(summary(network)) }
    return result
  }
  private func matches(_ network: NetworkConfiguration, _ filters: [ListFilter]) throws(Problem) -> Bool {
    for (key, alternatives) in Dictionary(grouping: filters, by: \.key) {
      var isMatch = key.hasPrefix("label")
      for filter in alternatives {
        let holds = try holds(filter, network)
        isMatch = key.hasPrefix("label") ? isMatch && holds : isMatch || holds
      }
      if !isMatch { return false }
    }
    return true
  }
  private func holds(_ filter: ListFilter, _ network: NetworkConfiguration) throws(Problem) -> Bool {
    switch filter.key {
    case "name": return try NamePattern(filter.value, flag: "--filter name").matches(network.name)
    case "id": return network.id.hasPrefix(filter.value)
    case "driver": return [network.driver.rawValue, network.driverName].contains(filter.value)
    case "label", "label!":
      let pair = try FlagValue.label(filter.value, flag: "--filter label")
      let value = network.labels[pair.name]
      let isThere = value != nil && (!filter.value.contains("=") || value == pair.value)
      return isThere == (filter.key == "label")
    case "dangling":
      guard let wanted = Bool(filter.value) else {
        throw FlagValue.invalid("dangling=\(filter.value)", "--filter", "want true or false")
      }
      // Nobody could remove the default network.
      let isUnused = try store().networks.members(of: network.id).isEmpty && network.name != Self.defaultNetwork
      return isUnused == wanted
    case "until":
      return network.created < (try Timestamp.parse(user: filter.value, now: Timestamp.now(), flag: "--filter until"))
    default:
      throw Problem(
        code: .invalid, message: "--filter \(filter.key)=\(filter.value): unknown filter \"\(filter.key)\"",
        hint: "dangling, driver, id, label, name and until are known")
    }
  }

  public func networkExists(_ name: String) throws(Problem) -> Bool {
    do throws(Problem) {
      _ = try network(name)
      return true
    } catch {
      if error.code == .notFound { return false }
      throw error
    }
  }

  /// - Parameter force: remove its containers, too. - Returns: the name as given.
  @discardableResult
  public func removeNetwork(_ name: String, force: Bool = false, timeoutSeconds: Int? = nil) throws(Problem) -> String {
    let network = try network(name)
    if network.name == Self.defaultNetwork {
      throw Problem(code: .invalid, message: "default network \(network.name) cannot be removed")
    }
    try checkOwn(network)
    if force {
      var options = RemoveOptions()
      options.force = true
      options.ignore = true
      options.dependents = true
      options.timeoutSeconds = timeoutSeconds
      for member in try store().networks.members(of: network.id) { try remove(member.container, options) }
    }
    try erase(network)
    return name
  }

  /// The kernel's side goes first, under locks that keep everybody from bringing it back before the row has gone.
  private func erase(_ network: NetworkConfiguration) throws(Problem) {
    let store = try store()
    let lock = try store.locks.acquire(.network, network.id)
    let rules = try store.locks.acquire(.network, Self.rulesLock)
    guard try store.networks.members(of: network.id).isEmpty else {
      try store.networks.delete(network.id, name: network.name)  // says who is on it
      return
    }
    if network.driver == .bridge {
      try amongBridgesIfThere { () throws(Problem) in
        var host = try hostNetwork()
        try host.tearDown(network)
      }
    }
    let choice = try store.locks.acquire(.network, Self.choiceLock)
    try store.networks.delete(network.id, name: network.name, freed: network.numbers)
    store.locks.remove(.network, network.id)
    _ = consume choice
    _ = consume rules
    _ = consume lock
  }

  /// Removes the networks that no container belongs to. - Returns: their names.
  public func pruneNetworks(_ filters: [ListFilter] = []) throws(Problem) -> PruneReport {
    for filter in filters where !["label", "label!", "until"].contains(filter.key) {
      throw Problem(
        code: .invalid, message: "--filter \(filter.key): unknown filter", hint: "label, label! and until are known")
    }
    var report = PruneReport()
    for network in try networks() where network.name != Self.defaultNetwork && !isDescribed(network) {
      guard try matches(network, filters), try store().networks.members(of: network.id).isEmpty else { continue }
      do throws(Problem) {
        try erase(network)
        report.removed.append(network.name)
      } catch {
        report.failures.append((network.name, error.sentence))
      }
    }
    return report
  }

  /// Changes a network's name servers. Source: podman-network-update(1).
  public func updateNetwork(_ name: String, addDNS: [NetworkNameServer], dropDNS: [NetworkNameServer]) throws(Problem) {
    var network = try network(name)
    try checkOwn(network)
    if addDNS.isEmpty, dropDNS.isEmpty {
      throw Problem(
        code: .invalid, message: "nothing to change of network \(network.name)", hint: "give --dns-add or --dns-drop")
    }
    guard network.dnsEnabled else {
      throw Problem(code: .invalid, message: "network \(network.name) has no name service: cannot set its servers")
    }
    for server in dropDNS where !network.dnsServers.contains(server) {
      throw Problem(code: .invalid, message: "network \(network.name) has no DNS server \(server)")
    }
    network.dnsServers.removeAll { dropDNS.contains($0) }
    for server in addDNS where !network.dnsServers.contains(server) { network.dnsServers.append(server) }
    try store().networks.update(network.id, config: network.record.config)
    try withdrawNames(network)
  }

  /// Brings back what a flush of the firewall took from a running container. - Returns: its ID.
  public func reloadNetwork(_ name: String) throws(Problem) -> String {
    let record = try observed(try store().containers.lookup(name))
    guard record.status.state.isAlive else {
      throw Problem(
        code: .conflict, message: "container \(record.name) is not running: only running containers have rules")
    }
    try checkMode(try ContainerConfig(record))
    try amongBridges { () throws(Problem) in
      var host = try hostNetwork()
      try rewriteRules(&host)
    }
    try reloadPlugins(record)
    return record.id
  }

  // MARK: connect and disconnect

  /// Source: capability line PD-139.
  public func connect(_ name: String, to request: NetworkRequest) throws(Problem) {
    let network = try network(request.network)
    try checkRequest(request, network)
    if network.driver == .cni { try store().networks.adopt(network.record) }
    try locked(name) { (record) throws(Problem) in
      let config = try ContainerConfig(record)
      try checkMode(config)
      let store = try store()
      let taken = try store.networks.memberships(of: record.id)
      var membership = NetworkMembership(networkID: network.id, position: 0, request: request.json.text())
      let places = Set(taken.map(\.membership.position))
      while places.contains(membership.position) { membership.position += 1 }
      let isRunning = try needsNamespace(record)
      let before = try self.joined(of: record.id)
      var joined: Joined?
      let wanted = membership
      try store.transaction(durable: true) { () throws(Problem) in
        try store.networks.join(record.id, wanted)
        if isRunning { joined = try lease(wanted, network, owner: record.id) }
      }
      guard let joined else { return tell(EngineEvent(.connect, record, network: network.name)) }
      do throws(Problem) {
        let namespace = try networkNamespace(of: record)
        let published = try publishedPorts(record.id)
        try amongBridges { () throws(Problem) in
          var host = try hostNetwork()
          try join(joined, &host, namespace)
          if network.driver == .bridge, try !host.rulesAreThere() { try rewriteRules(&host) }
          try redirectPorts(record, config, &host)
          try serveNames(network)
        }
        try joinPlugins(joined, record, config)
        try moveForwards(of: record.id, from: published)
        try refreshNameFiles(record, config, before: before)
      } catch {
        let failure = error
        do throws(Problem) { try leavePlugins(record.id, network.id) } catch { warning?(error) }
        try store.networks.leave(record.id, network.id)
        throw failure
      }
      tell(EngineEvent(.connect, record, network: network.name))
    }
  }

  /// - Parameter force: what is not there is fine; an interface that cannot be taken away goes with the container.
  public func disconnect(_ name: String, from networkName: String, force: Bool = false) throws(Problem) {
    let network = try network(networkName)
    do throws(Problem) {
      try locked(name) { (record) throws(Problem) in try leave(network, record, force: force) }
    } catch { if !force || error.code != .notFound { throw error } }
  }
  private func leave(_ network: NetworkConfiguration, _ record: ContainerRecord, force: Bool) throws(Problem) {
    let config = try ContainerConfig(record)
    try checkMode(config)
    let store = try store()
    let mine = try store.networks.memberships(of: record.id).first { $0.network.id == network.id }
    guard let mine else {
      if force { return }
      throw Problem(
        code: .conflict, message: "container \(record.name) is not connected to network \(network.name)")
    }
    guard try needsNamespace(record), let attachment = Attachment(status: mine.membership.status) else {
      try leavePlugins(record.id, network.id)  // what a killed command began
      try store.networks.leave(record.id, network.id)
      return tell(EngineEvent(.disconnect, record, network: network.name))
    }
    let before = try joined(of: record.id)
    let published = try publishedPorts(record.id)
    try amongBridges { () throws(Problem) in
      var host = try hostNetwork()
      do throws(Problem) {
        if network.driver == .cni {
          try leavePlugins(record.id, network.id)
        } else {
          try host.detach(attachment.interface, try networkNamespace(of: record))
        }
      } catch {
        if !force { throw error }
      }
      try store.networks.leave(record.id, network.id)
      try redirectPorts(record, config, &host)
      try withdrawNames(network)
    }
    tell(EngineEvent(.disconnect, record, network: network.name))
    try moveForwards(of: record.id, from: published)
    try refreshNameFiles(record, config, before: before)
  }

  private func checkMode(_ config: ContainerConfig) throws(Problem) {
    guard config.options.network == .bridge else {
      throw Problem(
        code: .invalid, message: "\"\(config.options.network.text)\" is not supported: invalid network mode",
        hint: "only containers on named networks have something to connect, disconnect or reload")
    }
  }
  private func needsNamespace(_ record: ContainerRecord) throws(Problem) -> Bool {
    switch record.status.state {
    case .created, .running, .paused: return true
    case .configured, .stopped, .exited: return false
    case .stopping, .removing, .unknown:
      throw Problem(
        code: .conflict,
        message: "container \(record.name) is in state \(record.status.state.rawValue): its networks cannot be changed")
    }
  }
}
