public import JSON
import Problems

/// What plugins say that they made. Source: CNI specification 1.0.0, section 5, "Success".
public struct PluginResult: Hashable, Sendable {
  /// An address of the container's interface.
  public struct Address: Hashable, Sendable {
    public let address: IPAddress
    public let subnet: Subnet
    public let gateway: IPAddress?
  }
  /// nil where no plugin tells.
  public let mac: MACAddress?
  public let addresses: [Address]
  public let nameServers: NameServers

  enum Limit {
    /// Interfaces, addresses, and entries of each list for the resolver.
    static let entriesMax = 64
    /// A name of the resolver's lists. Source: RFC 1035, 2.3.4.
    static let nameBytesMax = 255
  }

  /// - Parameter interface: the container's.
  /// - Throws: `.invalid` for what is no result; `source` names the plugin.
  init(_ json: JSON, interface: String, source: String) throws(Problem) {
    func refuse(_ reason: String) -> Problem { Problem(code: .invalid, message: "\(source): its result: \(reason)") }
    guard json.object != nil else { throw refuse("not a JSON object") }
    func list(_ name: String) throws(Problem) -> [JSON] {
      guard let value = json[name], !value.isNull else { return [] }
      guard let array = value.array, array.count <= Limit.entriesMax else {
        throw refuse("\"\(name)\" is not a list of at most \(Limit.entriesMax)")
      }
      return array
    }
    let interfaces = try list("interfaces")
    let own = interfaces.firstIndex { $0["name"]?.string == interface && $0["sandbox"]?.string?.isEmpty == false }
    mac = own.flatMap { interfaces[$0]["mac"]?.string }.flatMap { MACAddress($0) }
    var addresses: [Address] = []
    for entry in try list("ips") {
      guard let address = Address(entry) else { throw refuse("\"ips\" has an entry without an address and a prefix") }
      // Those of the host's side may be told, too.
      if let place = entry["interface"]?.integer(Int.self), let own, place != own { continue }
      addresses.append(address)
    }
    self.addresses = addresses
    guard let servers = NameServers(json["dns"]) else { throw refuse("\"dns\" is not what a resolver could use") }
    nameServers = servers
  }
}

extension PluginResult.Address {
  /// - Parameter json: "address": "10.1.0.5/16", and maybe "gateway".
  fileprivate init?(_ json: JSON) {
    guard let text = json["address"]?.string, let slash = text.firstIndex(of: "/"),
      let address = IPAddress(text[..<slash]), let subnet = Subnet(text)
    else { return nil }
    self.address = address
    self.subnet = subnet
    switch json["gateway"] {
    case nil, .null?, .string("")?: gateway = nil
    case .string(let text)?:
      guard let parsed = IPAddress(text), parsed.family == address.family else { return nil }
      gateway = parsed
    default: return nil
    }
  }
}

/// What a network says of name servers: lines of resolv.conf.
public struct NameServers: Hashable, Sendable {
  public var servers: [IPAddress] = []
  public var search: [String] = []
  public var options: [String] = []
  public init() {}
  public var isEmpty: Bool { self == NameServers() }

  /// nil for what would be no line of resolv.conf, or more than one.
  public init?(_ json: JSON?) {
    guard let json, !json.isNull else { return }
    guard json.object != nil else { return nil }
    func words(_ name: String) -> [String]? {
      guard let value = json[name], !value.isNull else { return [] }
      guard let words = value.strings, words.count <= PluginResult.Limit.entriesMax, words.allSatisfy(Self.isWord)
      else {
        return nil
      }
      return words
    }
    guard let servers = words("nameservers"), let search = words("search"), let options = words("options") else {
      return nil
    }
    for text in servers {
      guard let address = IPAddress(text) else { return nil }
      self.servers.append(address)
    }
    self.search = search
    self.options = options
    // Source: resolv.conf(5): the domain is the only entry of the search list where there is none.
    switch json["domain"] {
    case nil, .null?, .string("")?: break
    case .string(let domain)?:
      guard Self.isWord(domain) else { return nil }
      if search.isEmpty { self.search = [domain] }
    default: return nil
    }
  }
  private static func isWord(_ text: String) -> Bool {
    (1...PluginResult.Limit.nameBytesMax).contains(text.utf8.count) && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
  }

  public var json: JSON {
    ["nameservers": JSON(servers.map(\.description)), "search": JSON(search), "options": JSON(options)]
  }
}
