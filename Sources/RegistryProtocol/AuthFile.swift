package import JSON
package import Problems
import Sys

/// One file of registry credentials: podman's `auth.json` or Docker's `config.json`, which share a format.
///
/// Members that Berth does not know survive a change. Source: containers-auth.json(5).
package struct AuthFile {
  package let path: String
  private var content: JSON.Object

  package enum Limit {
    package static let fileBytesMax = 4 << 20
  }

  package init(path: String, content: JSON.Object = JSON.Object()) {
    self.path = path
    self.content = content
  }

  /// Reads the file. - Returns: nil where there is none.
  package static func read(_ path: String) throws(Problem) -> AuthFile? {
    let bytes: [UInt8]
    do throws(Errno) { bytes = try readFile(path, limit: Limit.fileBytesMax) } catch {
      switch error {
      case .notFound, .notDirectory: return nil
      default: throw Problem(code: Problem.Code(error), message: "read credentials from \(path)", cause: error)
      }
    }
    if bytes.allSatisfy({ $0 <= 0x20 }) { return AuthFile(path: path) }
    var cause: (any Error)?
    do {
      if let content = try JSON.parse(bytes).object { return AuthFile(path: path, content: content) }
    } catch { cause = error }
    throw Problem(
      code: .invalid, message: "\(path) is not a file of credentials",
      hint: "repair or remove it, then berth login again",
      cause: cause)
  }

  /// What the file says about a registry.
  package enum Entry: Equatable {
    case credentials(Credentials)
    /// `docker-credential-NAME` knows, under this key.
    case helper(String, key: String)
  }

  /// Looks up `repository` (`host/ns/name`), then its parents, down to the bare registry: the most special key wins.
  package func entry(registry: String, repository: String) throws(Problem) -> Entry? {
    let host = Self.canonicalRegistry(registry)
    let helpers = content["credHelpers"]?.object
    if let helper = helpers?[host]?.string ?? helpers?[registry]?.string, !helper.isEmpty {
      return .helper(helper, key: Self.helperKey(for: host))
    }
    let auths = content["auths"]?.object
    for key in Self.keys(registry: host, repository: repository) {
      if let value = auths?[key], let found = try credentials(value, key: key) { return .credentials(found) }
    }
    // Docker writes URLs as keys: https://index.docker.io/v1/
    for entry in auths?.members ?? []
    where Self.canonicalRegistry(Self.host(ofKey: entry.name)) == host && Self.isURL(entry.name) {
      if let found = try credentials(entry.value, key: entry.name) { return .credentials(found) }
    }
    if let key = auths?.members.first(where: { !Self.isURL($0.name) && Self.isAlias($0.name, of: host) }),
      let found = try credentials(key.value, key: key.name)
    {
      return .credentials(found)
    }
    if let store = content["credsStore"]?.string, !store.isEmpty {
      return .helper(store, key: Self.helperKey(for: host))
    }
    return nil
  }

  private func credentials(_ value: JSON, key: String) throws(Problem) -> Credentials? {
    let token = value["identitytoken"]?.string.flatMap { $0.isEmpty ? nil : $0 }
    guard let auth = value["auth"]?.string, !auth.isEmpty else {
      if let user = value["username"]?.string, let password = value["password"]?.string, !user.isEmpty {
        return Credentials(user: user, password: password, identityToken: token)
      }
      return token.map { Credentials(user: "", password: "", identityToken: $0) }
    }
    guard let bytes = Base64.decode(auth), let text = String(validating: bytes, as: UTF8.self),
      let colon = text.firstIndex(of: ":")
    else {
      throw Problem(
        code: .invalid, message: "credentials for \(key) in \(path) are not base64 of USER:PASSWORD",
        hint: "berth login \(key)")
    }
    let password = text[text.index(after: colon)...].reversed().drop { $0 == "\0" }.reversed()
    return Credentials(user: String(text[..<colon]), password: String(password), identityToken: token)
  }

  // MARK: changes, in memory

  /// The helper that this file names for a registry; it keeps the password instead of the file.
  package func helper(for registry: String) -> String? {
    let name = content["credHelpers"]?[Self.canonicalRegistry(registry)]?.string ?? content["credsStore"]?.string
    return name.flatMap { $0.isEmpty ? nil : $0 }
  }
  package mutating func set(_ credentials: Credentials, for key: String) {
    let auth = Base64.encode("\(credentials.user):\(credentials.password)".utf8)
    var value: JSON = ["auth": JSON(auth)]
    if let token = credentials.identityToken { value = ["auth": JSON(auth), "identitytoken": JSON(token)] }
    mark(key, value)
  }
  /// An empty entry: Docker's sign that the helper has one.
  package mutating func mark(_ key: String, _ value: JSON = .object(JSON.Object())) {
    var auths = content["auths"]?.object ?? JSON.Object()
    auths[key] = value
    content["auths"] = .object(auths)
  }
  /// - Returns: false where there was nothing.
  package mutating func remove(_ key: String) -> Bool {
    guard var auths = content["auths"]?.object else { return false }
    let host = Self.canonicalRegistry(key)
    let names = auths.members.map(\.name).filter { name in
      name == key
        || (!key.contains("/") && (Self.isURL(name) || Self.isAlias(name, of: host))
          && Self.canonicalRegistry(Self.host(ofKey: name)) == host)
    }
    for name in names { auths[name] = nil }
    content["auths"] = .object(auths)
    return !names.isEmpty
  }
  /// Keys with an entry.
  package var keys: [String] { content["auths"]?.object?.members.map(\.name) ?? [] }
  package var bytes: [UInt8] { JSON.object(content).bytes(indent: 4) + [10] }
}

extension AuthFile {
  /// Names under which one registry is known: Docker Hub has three.
  package static func canonicalRegistry(_ registry: String) -> String {
    switch registry {
    case "index.docker.io", "registry-1.docker.io", "docker.io": "docker.io"
    default: registry
    }
  }
  private static func isAlias(_ key: String, of host: String) -> Bool { key != host && canonicalRegistry(key) == host }
  private static func helperKey(for host: String) -> String {
    host == "docker.io" ? "https://index.docker.io/v1/" : host
  }
  private static func isURL(_ key: String) -> Bool { key.hasPrefix("https://") || key.hasPrefix("http://") }
  private static func host(ofKey key: String) -> String {
    var rest = key[...]
    for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
    return String(rest.prefix { $0 != "/" })
  }
  /// `host/a/b`, `host/a`, `host`.
  static func keys(registry: String, repository: String) -> [String] {
    guard repository.hasPrefix(registry + "/") else { return [registry] }
    var parts = repository.split(separator: "/")
    var result: [String] = []
    while !parts.isEmpty {
      result.append(parts.joined(separator: "/"))
      parts.removeLast()
    }
    return result
  }

  /// An IPv6 address has its colons in brackets.
  private static func hasPortOrNone(_ host: Substring) -> Bool {
    guard let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") else { return true }
    let digits = host[host.index(after: colon)...]
    return digits.utf8.allSatisfy { 0x30...0x39 ~= $0 } && (1...65535).contains(Int(digits) ?? 0)
  }

  /// What a user names at login, as a key: `https://host/`, `host`, `host/namespace`.
  /// - Throws: `.invalid` for a name with a tag, a space or nothing.
  package static func key(forLogin text: String) throws(Problem) -> String {
    var rest = text[...]
    for scheme in ["https://", "http://"] where rest.hasPrefix(scheme) { rest = rest.dropFirst(scheme.count) }
    while rest.hasSuffix("/") { rest.removeLast() }
    if isURL(text) { rest = rest.prefix { $0 != "/" } }
    let parts = rest.split(separator: "/", omittingEmptySubsequences: false)
    let isWord = rest.utf8.allSatisfy {
      $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "@") && $0 != UInt8(ascii: "?") && $0 != UInt8(ascii: "#")
    }
    guard let host = parts.first, isWord, hasPortOrNone(host), parts.allSatisfy({ !$0.isEmpty }),
      !parts.dropFirst().contains(where: { $0.contains(":") })
    else {
      throw Problem(
        code: .invalid, message: "\"\(text)\" is not a registry",
        hint: "a registry is HOST[:PORT] or HOST[:PORT]/NAMESPACE")
    }
    return ([canonicalRegistry(String(host))] + parts.dropFirst().map(String.init)).joined(separator: "/")
  }
}
