package import Problems

/// What registries.conf (version 2) says. Source: containers-registries.conf(5).
package struct RegistriesConfiguration: Equatable, Sendable {
  /// `[[registry]]`: how names with a prefix are treated.
  package struct Registry: Equatable, Sendable {
    /// `host[:port][/namespace…]`, or `*.domain`.
    package var prefix: String
    /// What takes the prefix's place; nil keeps the name (only with `*.domain`).
    package var location: String?
    package var insecure = false
    package var blocked = false
    package var mirrors: [Mirror] = []
  }
  package struct Mirror: Equatable, Sendable {
    package enum Pulls: String, Sendable { case all, digestOnly = "digest-only", tagOnly = "tag-only" }
    package var location: String
    package var insecure = false
    package var pulls = Pulls.all
  }
  /// How a short name is looked up when no alias knows it.
  package enum ShortNameMode: String, Sendable {
    /// One search registry, or an error: nothing is guessed.
    case enforcing
    /// The search registries in their order. (Without a person to ask, the same as `disabled`.)
    case permissive
    case disabled
  }

  /// nil where no file says anything.
  package var searchRegistries: [String]?
  package var shortNameMode: ShortNameMode?
  package var registries: [Registry] = []
  /// Short name to full name; an empty text takes an earlier alias back.
  package var aliases: [String: String] = [:]

  package init() {}

  /// A later file over this one: entries of the same prefix and alias are replaced.
  package mutating func merge(_ later: RegistriesConfiguration) {
    if let list = later.searchRegistries { searchRegistries = list }
    if let mode = later.shortNameMode { shortNameMode = mode }
    for registry in later.registries {
      registries.removeAll { $0.prefix == registry.prefix }
      registries.append(registry)
    }
    aliases.merge(later.aliases) { $1 }
  }
}

extension RegistriesConfiguration {
  /// Reads one file. - Parameter file: its path, for messages, which name the line.
  package init(parsing text: String, file: String) throws(Problem) {
    let document: TOML.Table
    do throws(TOML.ParseError) { document = try TOML.parse(text) } catch {
      throw Problem(code: .invalid, message: "\(file):\(error.line): \(error.reason)")
    }
    let root = TOMLFields(table: document, file: file, line: 1)
    if case .table? = document["registries"] {
      throw root.wrong(
        "registries", "version 1 of registries.conf is no longer read",
        hint: "see containers-registries.conf(5) for version 2")
    }
    searchRegistries = try root.strings("unqualified-search-registries")
    for host in searchRegistries ?? [] where host.isEmpty || host.contains("/") {
      throw root.wrong("unqualified-search-registries", "\"\(host)\" is not HOST[:PORT]")
    }
    if let mode = try root.string("short-name-mode") {
      guard let known = ShortNameMode(rawValue: mode) else {
        throw root.wrong("short-name-mode", "\"\(mode)\" is not enforcing, permissive or disabled")
      }
      shortNameMode = known
    }
    for fields in try root.tables("registry") { registries.append(try Registry(fields)) }
    try checkPrefixesAreUnique(root)
    for (name, line, target) in try root.table("aliases")?.namedStrings() ?? [] {
      if name.contains("/") && name.split(separator: "/").first?.contains(".") == true || name.contains(":")
        || name.contains("@")
      {
        throw Problem(code: .invalid, message: "\(file):\(line): the alias \"\(name)\" is no short name")
      }
      if !target.isEmpty, !target.contains("/") {
        throw Problem(
          code: .invalid, message: "\(file):\(line): the alias \(name) must name a registry and a repository")
      }
      aliases[name] = target
    }
  }

  private func checkPrefixesAreUnique(_ root: TOMLFields) throws(Problem) {
    var seen: Set<String> = []
    for registry in registries where !seen.insert(registry.prefix).inserted {
      throw root.wrong("registry", "two entries for the prefix \(registry.prefix)")
    }
  }
}

extension RegistriesConfiguration.Registry {
  fileprivate init(_ fields: TOMLFields) throws(Problem) {
    let location = try fields.string("location").map { (text) throws(Problem) in try fields.location(text, "location") }
    let prefix = try fields.string("prefix").map { (text) throws(Problem) in
      try fields.location(text, "prefix", wildcard: true)
    }
    guard let prefix = prefix ?? location else {
      throw fields.wrong("location", "a registry needs a location or a prefix")
    }
    if location == nil, !prefix.hasPrefix("*.") {
      throw fields.wrong("location", "the registry \(prefix) needs a location")
    }
    self.prefix = prefix
    self.location = location
    insecure = try fields.bool("insecure") ?? false
    blocked = try fields.bool("blocked") ?? false
    let digestOnly = try fields.bool("mirror-by-digest-only") ?? false
    for mirror in try fields.tables("mirror") {
      guard let text = try mirror.string("location") else {
        throw mirror.wrong("location", "a mirror needs a location")
      }
      var result = RegistriesConfiguration.Mirror(location: try mirror.location(text, "location"))
      result.insecure = try mirror.bool("insecure") ?? false
      if let pulls = try mirror.string("pull-from-mirror"), !pulls.isEmpty {
        guard let known = RegistriesConfiguration.Mirror.Pulls(rawValue: pulls) else {
          throw mirror.wrong("pull-from-mirror", "\"\(pulls)\" is not all, digest-only or tag-only")
        }
        if digestOnly { throw mirror.wrong("pull-from-mirror", "not together with mirror-by-digest-only") }
        result.pulls = known
      } else if digestOnly {
        result.pulls = .digestOnly
      }
      mirrors.append(result)
    }
  }
}

/// A table of a configuration file, read with messages that name file and line.
struct TOMLFields {
  let table: TOML.Table
  let file: String
  let line: Int

  func wrong(_ name: String, _ reason: String, hint: String? = nil) -> Problem {
    let line = table[name] == nil ? line : table.line(of: name)
    return Problem(code: .invalid, message: "\(file):\(line): \(reason)", hint: hint)
  }
  func string(_ name: String) throws(Problem) -> String? {
    switch table[name] {
    case nil: return nil
    case .string(let text)?: return text
    case .integer?, .float?, .bool?, .array?, .table?: throw wrong(name, "\(name) must be a string")
    }
  }
  func bool(_ name: String) throws(Problem) -> Bool? {
    switch table[name] {
    case nil: return nil
    case .bool(let flag)?: return flag
    case .integer?, .float?, .string?, .array?, .table?: throw wrong(name, "\(name) must be true or false")
    }
  }
  func strings(_ name: String) throws(Problem) -> [String]? {
    guard let value = table[name] else { return nil }
    guard case .array(let elements) = value else { throw wrong(name, "\(name) must be an array of strings") }
    var result: [String] = []
    for element in elements {
      guard case .string(let text) = element else { throw wrong(name, "\(name) must be an array of strings") }
      result.append(text)
    }
    return result
  }
  func table(_ name: String) throws(Problem) -> TOMLFields? {
    guard let value = table[name] else { return nil }
    guard case .table(let inner) = value else { throw wrong(name, "\(name) must be a table") }
    return TOMLFields(table: inner, file: file, line: table.line(of: name))
  }
  func tables(_ name: String) throws(Problem) -> [TOMLFields] {
    guard let value = table[name] else { return [] }
    guard case .array(let elements) = value else { throw wrong(name, "\(name) is written [[\(name)]]") }
    var result: [TOMLFields] = []
    for element in elements {
      guard case .table(let inner) = element else { throw wrong(name, "\(name) is written [[\(name)]]") }
      result.append(TOMLFields(table: inner, file: file, line: inner.members.first?.line ?? table.line(of: name)))
    }
    return result
  }
  func namedStrings() throws(Problem) -> [(name: String, line: Int, value: String)] {
    var result: [(name: String, line: Int, value: String)] = []
    for member in table.members {
      guard let text = try string(member.name) else { continue }
      result.append((member.name, member.line, text))
    }
    return result
  }
  /// `host[:port][/path]`, without scheme, tag or trailing slash.
  func location(_ text: String, _ name: String, wildcard: Bool = false) throws(Problem) -> String {
    var rest = Substring(text)
    while rest.hasSuffix("/") { rest.removeLast() }
    if rest.contains("://") {
      throw wrong(name, "\(name) \"\(text)\" must not have a scheme", hint: "plain HTTP is insecure = true")
    }
    let host = rest.prefix { $0 != "/" }
    let plain = host.hasPrefix("*.") && wildcard ? host.dropFirst(2) : host
    if plain.isEmpty || plain.contains("*") || rest.contains(" ") {
      throw wrong(name, "\(name) \"\(text)\" is not HOST[:PORT][/NAMESPACE]")
    }
    return String(rest)
  }
}
