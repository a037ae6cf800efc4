import JSON
public import Networking
public import Problems

/// One network that a container is to join, with what it wants there.
public struct NetworkRequest: Hashable, Sendable {
  /// Name, ID or unique prefix of an ID.
  public var network: String
  /// At most one in each subnet.
  public var addresses: [IPAddress] = []
  public var mac: MACAddress?
  public var aliases: [String] = []
  /// In the container; nil is ethN.
  public var interface: String?
  /// The container's own, for the name service.
  var dnsServers: [String] = []
  var hostname: String?

  public init(_ network: String) { self.network = network }

  var json: JSON {
    var writer = RecordWriter()
    writer.put("addresses", addresses.map(\.description))
    writer.put("mac", mac?.description)
    writer.put("aliases", aliases)
    writer.put("interface", interface)
    writer.put("dns", dnsServers)
    writer.put("hostname", hostname)
    return writer.json
  }
  init(_ network: String, json text: String) {
    self.network = network
    let reader = RecordReader(json: (try? JSON.parse(text)) ?? .null)
    addresses = reader.texts("addresses").compactMap { IPAddress($0) }
    mac = reader.text("mac").flatMap { MACAddress($0) }
    aliases = reader.texts("aliases")
    interface = reader.text("interface")
    dnsServers = reader.texts("dns")
    hostname = reader.text("hostname")
  }

  /// What cannot be, refused by name: of each subnet there is one address.
  func check(in network: NetworkConfiguration) throws(Problem) {
    for alias in aliases {
      try ObjectName.check(alias, what: "network alias")
      if let reason = DomainText.fault(alias) {
        throw Problem(code: .invalid, message: "network alias \"\(alias)\" could not be found: \(reason)")
      }
    }
    for block in network.subnets {
      let same = addresses.filter { block.subnet.contains($0) }
      if same.count > 1 {
        throw Problem(
          code: .invalid, message: "network \(network.name): \(same[0]) and \(same[1]) are both in \(block.subnet)",
          hint: "a container has one address in a subnet")
      }
    }
    if interface == "lo" {
      throw Problem(code: .invalid, message: "network \(network.name): interface name \"lo\" is the loopback's")
    }
  }

  /// The options behind the name: `ip=,ip6=,mac=,alias=,interface_name=`.
  mutating func apply(options text: Substring, flag: String) throws(Problem) {
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let pair = try FlagValue.pair(String(part), flag: flag)
      switch pair.name {
      case "ip", "ip6": addresses.append(try Self.address(pair.value, flag: "\(flag) \(pair.name)"))
      case "mac": mac = try Self.mac(pair.value, flag: "\(flag) mac")
      case "alias": aliases.append(pair.value)
      case "interface_name":
        if let reason = NetworkConfiguration.interfaceFault(pair.value) {
          throw FlagValue.invalid(pair.value, "\(flag) interface_name", reason)
        }
        interface = pair.value
      default:
        throw FlagValue.invalid(
          text.description, flag, "unknown option \"\(pair.name)\": ip, ip6, mac, alias and interface_name are known")
      }
    }
  }
  public static func address(_ text: String, flag: String) throws(Problem) -> IPAddress {
    guard let address = IPAddress(text) else { throw FlagValue.invalid(text, flag, "not an IP address") }
    return address
  }
  public static func mac(_ text: String, flag: String) throws(Problem) -> MACAddress {
    guard let mac = MACAddress(text) else { throw FlagValue.invalid(text, flag, "not the address of one interface") }
    return mac
  }
}

extension ContainerOptions {
  /// `--network`: a mode, or networks to join; may be given several times.
  public mutating func addNetwork(flag text: String) throws(Problem) {
    let flag = "--network"
    func setMode(_ mode: NetworkMode) throws(Problem) {
      guard networks.isEmpty else {
        throw FlagValue.invalid(text, flag, "cannot be combined with other networks")
      }
      network = mode
    }
    switch text {
    case "none": return try setMode(.none)
    case "host": return try setMode(.host)
    case "private", "": return try setMode(.bridge)
    default: break
    }
    if let name = NamespaceMode.rest(of: text, after: "container:") { return try setMode(.container(name)) }
    if let path = NamespaceMode.rest(of: text, after: "ns:") {
      guard path.hasPrefix("/") else { throw FlagValue.invalid(text, flag, "want ns:/PATH") }
      return try setMode(.path(path))
    }
    if text == "pasta" || text.hasPrefix("pasta:") {
      let options = text.dropFirst("pasta:".count).split(separator: ",").map(String.init)
      try Pasta.check(options)
      return try setMode(.pasta(options))
    }
    if text == "slirp4netns" || text.hasPrefix("slirp4netns:") {
      let options = text.dropFirst("slirp4netns:".count).split(separator: ",").map(String.init)
      _ = try Slirp(options)
      return try setMode(.slirp(options))
    }
    guard network == .bridge else {
      throw FlagValue.invalid(text, flag, "--network \(network.text) cannot be combined with networks")
    }
    if let colon = text.firstIndex(of: ":") {
      var request = NetworkRequest(String(text[..<colon]))
      if request.network.isEmpty { throw FlagValue.invalid(text, flag, "the network's name is empty") }
      try request.apply(options: text[text.index(after: colon)...], flag: flag)
      networks.append(request)
      return
    }
    for name in text.split(separator: ",", omittingEmptySubsequences: false) {
      if name.isEmpty { throw FlagValue.invalid(text, flag, "a network's name is empty") }
      networks.append(NetworkRequest(String(name)))
    }
  }
}

extension NetworkMode {
  var text: String {
    switch self {
    case .bridge: "bridge"
    case .none: "none"
    case .host: "host"
    case .container(let name): "container:\(name)"
    case .path(let path): "ns:\(path)"
    case .pasta(let options): options.isEmpty ? "pasta" : "pasta:\(options.joined(separator: ","))"
    case .slirp(let options): options.isEmpty ? "slirp4netns" : "slirp4netns:\(options.joined(separator: ","))"
    }
  }
  /// What `text` wrote.
  init?(stored text: String) {
    switch text {
    case "bridge": self = .bridge
    case "none": self = .none
    case "host": self = .host
    default:
      if text == "pasta" || text.hasPrefix("pasta:") {
        self = .pasta(text.dropFirst("pasta:".count).split(separator: ",").map(String.init))
      } else if text == "slirp4netns" || text.hasPrefix("slirp4netns:") {
        self = .slirp(text.dropFirst("slirp4netns:".count).split(separator: ",").map(String.init))
      } else if let name = NamespaceMode.rest(of: text, after: "container:") {
        self = .container(name)
      } else if let path = NamespaceMode.rest(of: text, after: "ns:") {
        self = .path(path)
      } else {
        return nil
      }
    }
  }
}

extension ContainerOptions {
  /// Which networks it belongs to is not here but in rows of their own, because it changes.
  func putNetwork(into writer: inout RecordWriter) {
    writer.put("network", network == .bridge ? nil : network.text)
    writer.put("published", published.map(\.stored))
    writer.put("exposed", exposed.map(\.stored))
    writer.put("publishAll", publishesAll)
    writer.put("dns", dnsServers)
    writer.put("dnsSearch", dnsSearch)
    writer.put("dnsOptions", dnsOptions)
    writer.put("noHosts", noHosts)
    writer.put("noHostname", noHostname)
  }
  /// Whether it says anything about resolv.conf.
  var namesServers: Bool { !dnsServers.isEmpty || !dnsSearch.isEmpty || !dnsOptions.isEmpty }
  mutating func takeNetwork(_ reader: RecordReader) {
    network = reader.text("network").flatMap { NetworkMode(stored: $0) } ?? .bridge
    published = reader.list("published").compactMap(PortMapping.init(stored:))
    exposed = reader.list("exposed").compactMap(PortMapping.init(stored:))
    publishesAll = reader.flag("publishAll")
    dnsServers = reader.texts("dns")
    dnsSearch = reader.texts("dnsSearch")
    dnsOptions = reader.texts("dnsOptions")
    noHosts = reader.flag("noHosts")
    noHostname = reader.flag("noHostname")
  }
}

extension PortMapping {
  var stored: JSON {
    [
      .string(hostAddress?.description ?? ""), JSON(hostPort), JSON(containerPort), .string(transport.rawValue),
      JSON(count), JSON(choices),
    ]
  }
  init?(stored json: JSON) {
    guard let parts = json.array, parts.count >= 5, let transport = parts[3].string.flatMap(Transport.init(rawValue:)),
      let inside: UInt16 = parts[2].integer(), let outside: UInt16 = parts[1].integer()
    else { return nil }
    self.init(
      hostAddress: parts[0].string.flatMap { IPAddress($0) }, hostPort: outside, containerPort: inside,
      transport: transport, count: parts[4].integer() ?? 1,
      choices: parts.count > 5 ? parts[5].integer() ?? 1 : 1)
  }
}
