import Glibc
import JSON
import Networking
import Problems
import StateStore
import Sys

/// Containers on networks of CNI plugins. What the plugins are told is kept before the first of them runs: whoever
/// meets it undoes it, whatever became of the command, the namespace or the file.
extension Engine {
  private enum PluginLimit {
    /// How long plugins of a killed command are waited for, and how long each time.
    static let waitMilliseconds = 60_000
    static let pauseMicroseconds: UInt32 = 20_000
  }

  /// A membership before its plugins have run: addresses are theirs to give.
  func joinedPlugins(_ membership: NetworkMembership, _ network: NetworkConfiguration, _ request: NetworkRequest)
    throws(Problem) -> Joined
  {
    let entry = try described(network)
    let attachment = Attachment(
      interface: request.interface ?? "eth\(membership.position)", mac: request.mac ?? MACAddress.random(),
      addresses: [])
    return Joined(network: network, request: request, attachment: attachment, plugins: entry.list)
  }

  /// Where published ports lead: an address that our rules know, or any that plugins will have.
  /// - Throws: `.unsupported` where the networks' plugins do not publish ports.
  static func portTargets(_ joined: [Joined], for wanted: [PortMapping]) throws(Problem) -> [IPAddress] {
    let own = portTargets(joined)
    guard own.isEmpty, let first = wanted.first, let network = joined.first(where: { $0.plugins != nil })?.network
    else { return own }
    guard joined.contains(where: \.publishes) else {
      throw Problem(
        code: .unsupported,
        message: "port \(first.containerPort) cannot be published: no plugin of network \(network.name) does that",
        hint: #"add {"type": "portmap", "capabilities": {"portMappings": true}} to \#(network.plugins?.file ?? "it")"#)
    }
    let families: [IPAddress.Family] = wanted.contains { $0.hostAddress?.family == .v6 } ? [.v4, .v6] : [.v4]
    return families.map { IPAddress($0, 0) }
  }

  // MARK: joining

  /// Runs the plugins of a container's networks; what they made becomes part of `connections`.
  func joinPlugins(
    _ connections: inout Connections, _ record: ContainerRecord, _ namespace: borrowing NetworkNamespace
  ) throws(Problem) {
    guard connections.joined.contains(where: { $0.plugins != nil }) else { return }
    // Not a name in /proc: this process ends before the container.
    let path = paths.pluginNamespace(record.id)
    try mount(namespace, at: path, owner: record.id, connections.joined)
    try joinPlugins(&connections, owner: record.id, name: record.name, namespace: path)
  }
  func joinPlugins(_ connections: inout Connections, owner: String, name: String, namespace: String) throws(Problem) {
    // Ports are published once: by our rules, or by the first network whose plugins do that.
    var ports = connections.ports.filter { !$0.isInRules }
    for place in connections.joined.indices where connections.joined[place].plugins != nil {
      let mine = connections.joined[place].publishes ? ports : []
      if !mine.isEmpty { ports = [] }
      try joinPlugins(&connections.joined[place], mine, owner: owner, name: name, namespace: namespace)
    }
  }
  /// `network connect` of a running container.
  func joinPlugins(_ joined: Joined, _ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) {
    guard joined.plugins != nil else { return }
    var connections = Connections(joined: [joined])
    let others = try self.joined(of: record.id)
    if joined.publishes, Self.portTargets(others).isEmpty, try publishedPorts(record.id).isEmpty {
      let wanted = try config.portsToPublish()
      connections.ports = try take(wanted, to: try Self.portTargets([joined], for: wanted), owner: record.id, nil)
    }
    try joinPlugins(&connections, record, try networkNamespace(of: record))
  }

  private func joinPlugins(
    _ joined: inout Joined, _ ports: [PublishedPort], owner: String, name: String, namespace: String,
    isStrict: Bool = true
  ) throws(Problem) {
    guard let list = joined.plugins else { return }
    let networks = try store().networks
    let id = joined.network.id
    var plugins = PluginAttachment(
      list: list, directories: pluginDirectories, container: owner, interface: joined.attachment.interface,
      namespace: namespace, arguments: try arguments(joined, list, name: name), known: known(joined, ports))
    try networks.keepPluginAttachment(owner, id, plugins.text)
    let lock = try pluginLock(owner)
    let result = try plugins.add(holding: lock.borrowed) { (state) throws(Problem) in
      try networks.keepPluginAttachment(owner, id, state.text)
    }
    _ = consume lock
    if isStrict { try check(result, joined) }
    joined.attachment = Attachment(
      result, interface: joined.attachment.interface, mac: joined.attachment.mac)
    joined.network = joined.network.told(by: joined.attachment)
    try networks.setStatus(owner, id, joined.attachment.json.text())
  }

  /// Source: CNI's CONVENTIONS, "CNI_ARGS"; podman says the same.
  private func arguments(_ joined: Joined, _ list: PluginList, name: String) throws(Problem) -> [String] {
    var arguments = ["IgnoreUnknown=1", "K8S_POD_NAME=\(name)"]
    if let mac = joined.request.mac { arguments.append("MAC=\(mac)") }
    guard !joined.request.addresses.isEmpty, !list.has(capability: "ips") else { return arguments }
    guard joined.request.addresses.count == 1 else {
      throw Problem(
        code: .unsupported,
        message: "network \(list.name): its plugins cannot be asked for \(joined.request.addresses.count) addresses",
        hint: #"give the plugin that has "ipam" the capability "ips""#)
    }
    arguments.append("IP=\(joined.request.addresses[0])")
    return arguments
  }
  /// Source: CNI's CONVENTIONS, "runtimeConfig".
  private func known(_ joined: Joined, _ ports: [PublishedPort]) -> JSON.Object {
    var known = JSON.Object()
    if !ports.isEmpty {
      known["portMappings"] = .array(
        ports.map { port in
          [
            "hostPort": JSON(port.hostPort), "containerPort": JSON(port.containerPort),
            "protocol": .string(port.transport.rawValue), "hostIP": .string(port.specificHost?.description ?? ""),
          ]
        })
    }
    if !joined.request.addresses.isEmpty {
      known["ips"] = .array(
        joined.request.addresses.map { address in
          let subnet = joined.network.subnets.first { $0.subnet.contains(address) }?.subnet
          return .string("\(address)/\(subnet?.prefix ?? address.family.bits)")
        })
    }
    if let mac = joined.request.mac { known["mac"] = .string(mac.description) }
    if !joined.request.aliases.isEmpty { known["aliases"] = [joined.network.name: JSON(joined.request.aliases)] }
    if !joined.request.dnsServers.isEmpty { known["dns"] = ["servers": JSON(joined.request.dnsServers)] }
    return known
  }
  /// Plugins may pass over what they do not know; the user would not see it.
  private func check(_ result: PluginResult, _ joined: Joined) throws(Problem) {
    let addresses = result.addresses.map(\.address)
    if let missing = joined.request.addresses.first(where: { !addresses.contains($0) }) {
      throw Problem(
        code: .unsupported, message: "network \(joined.network.name): its plugins did not give address \(missing)",
        hint: "they gave \(addresses.map(\.description).joined(separator: ", "))")
    }
    if let wanted = joined.request.mac, let mac = result.mac, mac != wanted {
      throw Problem(
        code: .unsupported, message: "network \(joined.network.name): its plugins did not set MAC address \(wanted)",
        hint: #"add {"type": "tuning", "capabilities": {"mac": true}} to \#(joined.network.plugins?.file ?? "it")"#)
    }
  }

  // MARK: leaving

  /// Has plugins undo what they did for a container or sandbox: all of it, or on one network. Nothing there is fine.
  /// - Throws: the first failure; that network's part stays to be undone.
  func leavePlugins(_ owner: String, _ network: String? = nil) throws(Problem) {
    let networks = try store().networks
    let all = try networks.pluginAttachments(of: owner)
    if all.isEmpty { return }
    let lock = try pluginLock(owner)
    var first: Problem?
    var undone: [String] = []
    for (id, state) in all where network == nil || id == network {
      do throws(Problem) {
        if let plugins = PluginAttachment(text: state) {
          try plugins.delete(
            namespaceIsThere: NetworkNamespace.isOne(plugins.namespace), holding: lock.borrowed)
          if plugins.known["portMappings"] != nil, network != nil { try giveBackPluginPorts(owner) }
        }
        undone.append(id)
      } catch { first = first ?? error }
    }
    // The rows go last: they tell the next command of the mount.
    if network == nil || undone.count == all.count { try unmountPluginNamespace(owner) }
    for id in undone { try networks.dropPluginAttachment(owner, id) }
    _ = consume lock
    guard let first else { return }
    throw Problem(
      code: first.code, message: "take container \(try describe(owner)) off its networks",
      hint: first.hint ?? "the container's next start or removal tries again", cause: first)
  }
  private func giveBackPluginPorts(_ owner: String) throws(Problem) {
    let store = try store()
    let ports = try publishedPorts(owner).filter { !$0.isInRules }
    try store.transaction(durable: false) { () throws(Problem) in
      for port in ports { try store.networks.giveBack(PortRecord(port), owner: owner) }
    }
  }

  /// Asks plugins whether all is as they made it (CHECK); what is not, or what nobody can tell, is made anew with the
  /// addresses that are there. Source: podman-network-reload(1).
  func reloadPlugins(_ record: ContainerRecord) throws(Problem) {
    let networks = try store().networks
    for (id, state) in try networks.pluginAttachments(of: record.id) {
      guard let plugins = PluginAttachment(text: state) else { continue }
      if plugins.canBeChecked {
        // What is wrong is mended, not told.
        do throws(Problem) {
          try plugins.check()
          continue
        } catch {}
      }
      let config = try ContainerConfig(record)
      let before = try joined(of: record.id)
      // What a killed command began is there without a status.
      let memberships = try networks.memberships(of: record.id).filter { $0.network.id == id }
      guard let (membership, network) = memberships.first else { continue }
      var joined = try lease(membership, try NetworkConfiguration(network), owner: record.id)
      if let known = before.first(where: { $0.network.id == id }) { joined = known }
      let ports = plugins.known["portMappings"] == nil ? [] : try publishedPorts(record.id).filter { !$0.isInRules }
      let lock = try pluginLock(record.id)
      try plugins.delete(
        namespaceIsThere: NetworkNamespace.isOne(plugins.namespace), holding: lock.borrowed)
      _ = consume lock
      joined.plugins = plugins.list
      if plugins.isComplete {
        joined.request.addresses = joined.attachment.addresses.map(\.address)
        joined.request.mac = joined.attachment.mac
      }
      // Plugins that give what they like do so again; the files follow.
      try joinPlugins(
        &joined, ports, owner: record.id, name: record.name, namespace: plugins.namespace, isStrict: false)
      try refreshNameFiles(record, config, before: before)
    }
  }

  // MARK: the namespace

  /// A container's namespace by a path that is there until its plugins have undone their part.
  private func mount(
    _ namespace: borrowing NetworkNamespace, at path: String, owner: String, _ joined: [Joined]
  ) throws(Problem) {
    if NetworkNamespace.isOne(path) { return }
    let networks = try store().networks
    // First what tells the next command of the mount.
    for joined in joined {
      guard let list = joined.plugins else { continue }
      let plugins = PluginAttachment(
        list: list, directories: pluginDirectories, container: owner, interface: joined.attachment.interface,
        namespace: path, arguments: [], known: JSON.Object())
      try networks.keepPluginAttachment(owner, joined.network.id, plugins.text)
    }
    try doing("make \(path)") { () throws(Errno) in
      try makeDirectories(parentPath(of: path), mode: 0o700)
      _ = try open(path, O_WRONLY | O_CREAT | O_NOFOLLOW, mode: 0o600)
    }
    try namespace.bind(onto: path)
  }
  private func unmountPluginNamespace(_ owner: String) throws(Problem) {
    let path = paths.pluginNamespace(owner)
    try OverlayMount.unmount(path)
    for path in [path, paths.pluginLock(owner)] {
      do throws(Errno) { try unlink(path) } catch {
        if error != .notFound { throw Problem(code: .init(error), message: "remove \(path)", cause: error) }
      }
    }
  }

  /// Plugins hold it, too, while they run: those of a killed command come to their end before anybody undoes what they
  /// did, for what they leave in the middle, they do not find again.
  private func pluginLock(_ owner: String) throws(Problem) -> FileLock {
    let path = paths.pluginLock(owner)
    try doing("make \(parentPath(of: path))") { () throws(Errno) in
      try makeDirectories(parentPath(of: path), mode: 0o700)
    }
    for _ in 0..<PluginLimit.waitMilliseconds * 1000 / Int(PluginLimit.pauseMicroseconds) {
      do throws(Errno) { return try FileLock(path, waiting: false) } catch {
        guard error == .wouldBlock else { throw Problem(code: .init(error), message: "lock \(path)", cause: error) }
      }
      usleep(PluginLimit.pauseMicroseconds)  // nobody tells when they end
    }
    throw Problem(
      code: .timeout, message: "CNI plugins of a command that was killed are still at work for \(try describe(owner))",
      hint: "see what they wait for: fuser -v \(path)")
  }
}

extension Engine.Joined {
  /// Whether its plugins publish ports.
  var publishes: Bool { plugins?.has(capability: "portMappings") == true }
}
