import JSON

extension NetworkConfiguration {
  /// Where a network of plugins is described.
  public struct PluginSource: Hashable, Sendable {
    public let file: String
    public let version: String
    /// Of its plugins, in their order.
    public let types: [String]
  }

  /// As users know it: with podman, a network of plugins has its first plugin's name there.
  public var driverName: String { plugins?.types.first ?? driver.rawValue }

  /// A network of plugins as far as its file tells; what the plugins make of it is known when they have run.
  /// - Parameter id: 64 hex digits.
  public init(_ entry: PluginConfigurations.Entry, id: String) {
    let first = entry.list.plugins.first?.settings ?? JSON.Object()
    let interface = first["bridge"]?.string ?? first["master"]?.string ?? ""
    self.init(id: id, name: entry.list.name, driver: .cni, interface: interface, created: entry.modified)
    plugins = PluginSource(
      file: entry.file, version: entry.list.version.rawValue, types: entry.list.plugins.map(\.type))
    // Source: podman's reading of such files: a bridge that is nobody's gateway leads nowhere.
    if entry.list.plugins.first?.type == "bridge" {
      isInternal = first["isGateway"]?.bool != true && first["isDefaultGateway"]?.bool != true
    }
    dnsEnabled = entry.list.plugins.contains { $0.type == "dnsname" }
    for name in ["mtu", "vlan"] {
      if let number: Int = first[name]?.integer(), number > 0 { options[name] = String(number) }
    }
    let ipam = first["ipam"]
    ipamOptions = ["driver": ipam?["type"]?.string ?? "none"]
    subnets = Self.blocks(ipam)
    ipv6Enabled = subnets.contains { $0.subnet.family == .v6 }
    for (name, value) in (first["args"]?["podman_labels"]?.object?.members ?? []).map({ ($0.name, $0.value) }) {
      labels[name] = value.string
    }
  }

  /// Source: host-local's configuration, "subnet" or "ranges" of ranges.
  private static func blocks(_ ipam: JSON?) -> [Block] {
    let ranges = (ipam?["ranges"]?.array ?? []).flatMap { $0.array ?? [] }
    return (ranges + [ipam].compactMap { $0 }).compactMap { range in
      guard let subnet = range["subnet"]?.string.flatMap({ Subnet($0) }) else { return nil }
      var block = Block(subnet)
      block.gateway = range["gateway"]?.string.flatMap { IPAddress($0) }
      if let start = range["rangeStart"]?.string.flatMap({ IPAddress($0) }),
        let end = range["rangeEnd"]?.string.flatMap({ IPAddress($0) }), start <= end
      {
        block.leaseRange = start...end
      }
      return block
    }
  }

  /// For a container that is there: the subnets and gateways that its plugins told, where they are not the network's.
  public func told(by attachment: Attachment) -> NetworkConfiguration {
    guard driver == .cni else { return self }
    var network = self
    network.subnets = attachment.addresses.map { Block($0.subnet, gateway: $0.gateway) }
    return network
  }
}

extension NetworkConfiguration.PluginSource {
  var document: JSON { ["file": .string(file), "cniVersion": .string(version), "plugins": JSON(types)] }
  init?(_ json: JSON) {
    guard let file = json["file"]?.string, let version = json["cniVersion"]?.string,
      let types = json["plugins"]?.strings
    else { return nil }
    self.init(file: file, version: version, types: types)
  }
}

extension Attachment {
  /// What plugins made. - Parameter mac: where they do not tell it.
  public init(_ result: PluginResult, interface: String, mac: MACAddress) {
    self.init(
      interface: interface, mac: result.mac ?? mac,
      addresses: result.addresses.map { told in
        var address = Address(told.address, in: told.subnet)
        address.gateway = told.gateway
        return address
      })
    nameServers = result.nameServers
  }
}
