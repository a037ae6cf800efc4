public import JSON

/// One network: what `network inspect` shows. Source: netavark's and podman's `types.Network`.
public struct NetworkConfiguration: Hashable, Sendable {
  public enum Driver: String, CaseIterable, Sendable {
    case bridge, macvlan, ipvlan
    /// Whatever its CNI plugins make.
    case cni
  }

  /// A block of addresses of a network.
  public struct Block: Hashable, Sendable {
    public var subnet: Subnet
    /// The bridge's own address, and the containers' way out; nil where there is none.
    public var gateway: IPAddress?
    /// What containers get; nil is all of the subnet.
    public var leaseRange: ClosedRange<IPAddress>?
    public init(_ subnet: Subnet, gateway: IPAddress? = nil, leaseRange: ClosedRange<IPAddress>? = nil) {
      self.subnet = subnet
      self.gateway = gateway
      self.leaseRange = leaseRange
    }
  }
  /// A route that containers get besides the default route.
  public struct StaticRoute: Hashable, Sendable {
    public var destination: Subnet
    public var gateway: IPAddress
    public var metric: UInt32?
    public init(destination: Subnet, gateway: IPAddress, metric: UInt32? = nil) {
      self.destination = destination
      self.gateway = gateway
      self.metric = metric
    }
  }

  /// 64 hex digits.
  public var id: String
  public var name: String
  public var driver: Driver
  /// The bridge, or the interface below a macvlan or ipvlan.
  public var interface: String
  /// Nanoseconds since 1970.
  public var created: Int64
  public var subnets: [Block] = []
  public var routes: [StaticRoute] = []
  public var ipv6Enabled = false
  /// No way out of it.
  public var isInternal = false
  public var dnsEnabled = true
  public var dnsServers: [NetworkNameServer] = []
  public var labels: [String: String] = [:]
  /// mtu, vlan, isolate, metric, no_default_route, mode.
  public var options: [String: String] = [:]
  /// driver: host-local or none.
  public var ipamOptions: [String: String] = ["driver": "host-local"]
  /// Of the driver cni alone.
  public var plugins: PluginSource?

  public init(id: String, name: String, driver: Driver, interface: String, created: Int64) {
    self.id = id
    self.name = name
    self.driver = driver
    self.interface = interface
    self.created = created
  }

  public var mtu: UInt32? { options["mtu"].flatMap { UInt32($0) }.flatMap { $0 == 0 ? nil : $0 } }
  public var vlan: UInt16? { options["vlan"].flatMap { UInt16($0) } }
  public var metric: UInt32 { options["metric"].flatMap { UInt32($0) } ?? Self.metricDefault }
  public var hasDefaultRoute: Bool { options["no_default_route"].map(Self.isTrue) != true && !isInternal }
  public var assignsAddresses: Bool { ipamOptions["driver"] != "none" }
  /// Source: netavark(1), "metric".
  static let metricDefault: UInt32 = 100

  public enum Isolation: Hashable, Sendable { case none, isolated, strict }
  public var isolation: Isolation {
    guard let text = options["isolate"] else { return .none }
    return text == "strict" ? .strict : Self.isTrue(text) ? .isolated : .none
  }
  static func isTrue(_ text: String) -> Bool { ["1", "t", "true"].contains(text.lowercased()) }
  static func isBoolean(_ text: String) -> Bool {
    ["1", "t", "true", "0", "f", "false"].contains(text.lowercased())
  }
}

extension NetworkConfiguration {
  /// As podman's network files have it. - Parameter created: its time as text.
  public func document(created: String) -> JSON {
    func map(_ values: [String: String]) -> JSON {
      .object(JSON.Object(values.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    }
    var document = JSON.Object([
      ("name", .string(name)), ("id", .string(id)), ("driver", .string(driverName)),
      ("network_interface", .string(interface)), ("created", .string(created)),
    ])
    if !subnets.isEmpty { document["subnets"] = .array(subnets.map(\.document)) }
    if !routes.isEmpty { document["routes"] = .array(routes.map(\.document)) }
    document["ipv6_enabled"] = JSON(ipv6Enabled)
    document["internal"] = JSON(isInternal)
    document["dns_enabled"] = JSON(dnsEnabled)
    if !dnsServers.isEmpty { document["network_dns_servers"] = JSON(dnsServers.map(\.description)) }
    if !labels.isEmpty { document["labels"] = map(labels) }
    if !options.isEmpty { document["options"] = map(options) }
    document["ipam_options"] = map(ipamOptions)
    document["cni"] = plugins?.document
    return .object(document)
  }

  /// Reads what `document` wrote. - Returns: nil where it is not that.
  public init?(_ json: JSON, created: Int64) {
    let plugins = json["cni"].flatMap { PluginSource($0) }
    guard let id = json["id"]?.string, let name = json["name"]?.string,
      let driver = plugins != nil ? .cni : json["driver"]?.string.flatMap(Driver.init(rawValue:))
    else { return nil }
    self.init(
      id: id, name: name, driver: driver, interface: json["network_interface"]?.string ?? "", created: created)
    subnets = json["subnets"]?.array?.compactMap(Block.init) ?? []
    routes = json["routes"]?.array?.compactMap(StaticRoute.init) ?? []
    ipv6Enabled = json["ipv6_enabled"]?.bool ?? false
    isInternal = json["internal"]?.bool ?? false
    dnsEnabled = json["dns_enabled"]?.bool ?? false
    for text in json["network_dns_servers"]?.strings ?? [] {
      if let server = try? NetworkNameServer(text, flag: "") { dnsServers.append(server) }
    }
    func map(_ name: String) -> [String: String] {
      Dictionary((json[name]?.object?.members ?? []).map { ($0.name, $0.value.string ?? "") }) { $1 }
    }
    labels = map("labels")
    options = map("options")
    ipamOptions = map("ipam_options")
    self.plugins = plugins
  }
}

extension NetworkConfiguration.Block {
  var document: JSON {
    var document = JSON.Object([("subnet", .string(subnet.description))])
    if let gateway { document["gateway"] = .string(gateway.description) }
    if let leaseRange {
      document["lease_range"] = [
        "start_ip": .string(leaseRange.lowerBound.description), "end_ip": .string(leaseRange.upperBound.description),
      ]
    }
    return .object(document)
  }
  init?(_ json: JSON) {
    guard let subnet = json["subnet"]?.string.flatMap({ Subnet($0) }) else { return nil }
    self.init(subnet, gateway: json["gateway"]?.string.flatMap { IPAddress($0) })
    if let start = json["lease_range"]?["start_ip"]?.string.flatMap({ IPAddress($0) }),
      let end = json["lease_range"]?["end_ip"]?.string.flatMap({ IPAddress($0) }), start <= end
    {
      leaseRange = start...end
    }
  }
  /// Addresses that containers may get, the gateway's included.
  public var pool: ClosedRange<IPAddress>? { leaseRange ?? subnet.hosts }
}

extension NetworkConfiguration.StaticRoute {
  var document: JSON {
    var document = JSON.Object([
      ("destination", .string(destination.description)), ("gateway", .string(gateway.description)),
    ])
    if let metric { document["metric"] = JSON(metric) }
    return .object(document)
  }
  init?(_ json: JSON) {
    guard let destination = json["destination"]?.string.flatMap({ Subnet($0) }),
      let gateway = json["gateway"]?.string.flatMap({ IPAddress($0) })
    else { return nil }
    self.init(destination: destination, gateway: gateway, metric: json["metric"]?.integer())
  }
}
