public import JSON
public import Problems

/// A network that CNI plugins make, as a file describes it. Source: CNI specification 1.0.0, section 1.
public struct PluginList: Hashable, Sendable {
  public struct Plugin: Hashable, Sendable {
    /// File name of the program.
    public let type: String
    /// What it wants to be told at run time: portMappings, ips, mac, aliases, dns.
    public let capabilities: Set<String>
    /// All that the file says of it.
    public let settings: JSON.Object
  }
  public let name: String
  /// That of the requests to the plugins.
  public var version: PluginVersion
  public let disablesCheck: Bool
  public let plugins: [Plugin]

  enum Limit {
    static let pluginsMax = 32
    /// A file's name. Source: NAME_MAX.
    static let typeBytesMax = 255
    /// As names of our own networks.
    static let nameBytesMax = 240
  }

  /// - Parameters:
  ///   - json: a list, or one plugin alone.
  ///   - file: for messages.
  /// - Throws: `.invalid` for what is neither; `.unsupported` for a version that is not spoken here.
  public init(_ json: JSON, file: String) throws(Problem) {
    func refuse(_ reason: String) -> Problem {
      Problem(code: .invalid, message: "CNI configuration \(file): \(reason)", hint: "correct the file, or remove it")
    }
    guard case .object(let object) = json else { throw refuse("not a JSON object") }
    guard let name = object["name"]?.string, Self.isName(name) else {
      throw refuse("\"name\" is not a network's name: letters, digits, \"_\", \".\" and \"-\"")
    }
    self.name = name
    version = try PluginVersion(of: object, file: file)
    switch object["disableCheck"] {
    case nil: disablesCheck = false
    case .bool(let value): disablesCheck = value
    case let other?:
      // As the reference implementation, which takes the word for it, too.
      guard let value = other.string.flatMap(Bool.init) else { throw refuse("\"disableCheck\" is not true or false") }
      disablesCheck = value
    }
    var entries = [json]
    if let list = object["plugins"] {
      guard let array = list.array else { throw refuse("\"plugins\" is not a list") }
      entries = array
    }
    guard (1...Limit.pluginsMax).contains(entries.count) else {
      throw refuse("\(entries.count) plugins: want 1 to \(Limit.pluginsMax)")
    }
    var plugins: [Plugin] = []
    for (place, entry) in entries.enumerated() {
      guard let plugin = Plugin(entry) else {
        throw refuse(
          "plugin \(place + 1): want \"type\", the name of a program, and \"capabilities\" of true and false")
      }
      plugins.append(plugin)
    }
    self.plugins = plugins
  }

  /// As a configuration file has it: `init` reads it.
  var json: JSON {
    [
      "name": .string(name), "cniVersion": .string(version.rawValue), "disableCheck": JSON(disablesCheck),
      "plugins": .array(plugins.map { .object($0.settings) }),
    ]
  }

  /// What a plugin reads on its standard input. Source: CNI specification 1.0.0, section 3.
  /// - Parameters:
  ///   - known: what could be told at run time, by capability.
  ///   - previous: the result so far.
  func input(of plugin: Plugin, known: JSON.Object, previous: JSON?) -> JSON {
    var input = plugin.settings
    input["name"] = .string(name)
    input["cniVersion"] = .string(version.rawValue)
    input["prevResult"] = previous
    let told = JSON.Object(known.members.filter { plugin.capabilities.contains($0.name) }.map { ($0.name, $0.value) })
    if !told.members.isEmpty { input["runtimeConfig"] = .object(told) }
    return .object(input)
  }

  /// Whether one of its plugins wants to be told this.
  public func has(capability: String) -> Bool { plugins.contains { $0.capabilities.contains(capability) } }

  /// [a-zA-Z0-9][a-zA-Z0-9_.-]*. Source: CNI specification 1.0.0, section 1, "name".
  private static func isName(_ text: String) -> Bool {
    func isPlain(_ byte: UInt8) -> Bool {
      (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte)
    }
    guard let first = text.utf8.first, isPlain(first), text.utf8.count <= Limit.nameBytesMax else { return false }
    return text.utf8.allSatisfy { isPlain($0) || "_.-".utf8.contains($0) }
  }
}

extension PluginList.Plugin {
  fileprivate init?(_ json: JSON) {
    guard case .object(let settings) = json, let type = settings["type"]?.string, Self.isFileName(type) else {
      return nil
    }
    self.type = type
    self.settings = settings
    var wanted: Set<String> = []
    switch settings["capabilities"] {
    case nil, .null?: break
    case .object(let object)?:
      for member in object.members {
        guard let isOn = member.value.bool else { return nil }
        if isOn { wanted.insert(member.name) }
      }
    default: return nil
    }
    capabilities = wanted
  }
  /// A path in it would run any program that a file names.
  private static func isFileName(_ text: String) -> Bool {
    !["", ".", ".."].contains(text) && text.utf8.count <= PluginList.Limit.typeBytesMax
      && !text.utf8.contains { $0 == UInt8(ascii: "/") || $0 < 0x20 || $0 == 0x7f }
  }
}

/// A version of the protocol between runtimes and plugins.
public enum PluginVersion: String, CaseIterable, Hashable, Sendable, Comparable {
  case v030 = "0.3.0", v031 = "0.3.1", v040 = "0.4.0", v100 = "1.0.0", v110 = "1.1.0"

  public static func < (a: PluginVersion, b: PluginVersion) -> Bool { a.place < b.place }
  private var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
  /// CHECK, and the result as a part of DEL. Source: CNI specification 0.4.0.
  var hasCheck: Bool { self >= .v040 }

  /// The newest one that a configuration offers and that is spoken here.
  fileprivate init(of configuration: JSON.Object, file: String) throws(Problem) {
    var offered: [String] = []
    if let version = configuration["cniVersion"]?.string { offered.append(version) }
    offered += configuration["cniVersions"]?.strings ?? []
    guard let best = offered.compactMap(PluginVersion.init(rawValue:)).max() else {
      let known = Self.allCases.map(\.rawValue).joined(separator: ", ")
      let said = offered.isEmpty ? "\"cniVersion\" is missing" : "cniVersion \(offered[0].prefix(32)) is not supported"
      throw Problem(
        code: .unsupported, message: "CNI configuration \(file): \(said)", hint: "versions are \(known)")
    }
    self = best
  }
}
