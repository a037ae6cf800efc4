/// An `http` or `https` address, as far as a registry needs one. Source: RFC 3986.
package struct WebAddress: Hashable, Sendable, CustomStringConvertible {
  package enum Scheme: String, Sendable {
    case http, https
    var port: Int { self == .http ? 80 : 443 }
  }
  package var scheme: Scheme
  /// Lower case; an IPv6 address keeps its brackets.
  package var host: String
  package var port: Int
  /// Begins with `/`; the query belongs to it, a fragment does not.
  package var path: String

  package enum Limit {
    package static let bytesMax = 16 << 10
  }

  package init(scheme: Scheme, host: String, port: Int? = nil, path: String) {
    self.scheme = scheme
    self.host = host.lowercased()
    self.port = port ?? scheme.port
    self.path = path
  }

  /// - Parameter registry: `host[:port]`, checked already.
  package init(scheme: Scheme, registry: String, path: String) {
    let (host, port) = WebAddress.split(registry[...]) ?? (registry, nil)
    self.init(scheme: scheme, host: host, port: port, path: path)
  }

  /// nil for other schemes, user names in it, white space, control characters and what is no address.
  package init?(_ text: String) {
    guard text.utf8.count <= Limit.bytesMax,
      text.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7f && $0 != UInt8(ascii: "\\") })
    else {
      return nil
    }
    guard let colon = text.firstIndex(of: ":"), let scheme = Scheme(rawValue: text[..<colon].lowercased()) else {
      return nil
    }
    var rest = text[text.index(after: colon)...]
    guard rest.hasPrefix("//") else { return nil }
    rest = rest.dropFirst(2)
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    guard !authority.isEmpty, !authority.contains("@"), let (host, port) = WebAddress.split(authority), !host.isEmpty
    else { return nil }
    var path = String(rest.dropFirst(authority.count).prefix { $0 != "#" })
    if !path.hasPrefix("/") { path = "/" + path }
    self.init(scheme: scheme, host: host, port: port, path: path)
  }

  private static func split(_ authority: Substring) -> (String, Int?)? {
    guard let colon = authority.lastIndex(of: ":"), !authority[colon...].contains("]") else {
      return (String(authority), nil)
    }
    let digits = authority[authority.index(after: colon)...]
    if digits.isEmpty { return (String(authority[..<colon]), nil) }
    guard let port = Int(digits), (1...65535).contains(port), digits.utf8.allSatisfy({ 0x30...0x39 ~= $0 }) else {
      return nil
    }
    return (String(authority[..<colon]), port)
  }

  /// `host`, with the port where it is not the scheme's own.
  package var authority: String { port == scheme.port ? host : "\(host):\(port)" }
  package var description: String { "\(scheme.rawValue)://\(authority)\(path)" }
  /// For a message: without the query, which may hold a signature.
  package var withoutQuery: String { "\(scheme.rawValue)://\(authority)\(path.prefix { $0 != "?" })" }

  /// Where `location` leads from here; nil for what is no address. Source: RFC 3986, section 5.2.
  package func following(_ location: String) -> WebAddress? {
    if location.hasPrefix("//") { return WebAddress("\(scheme.rawValue):\(location)") }
    if location.hasPrefix("/") { return WebAddress("\(scheme.rawValue)://\(authority)\(location)") }
    if location.prefix(while: { $0 != "/" && $0 != "?" }).contains(":") { return WebAddress(location) }
    let folder = path.prefix { $0 != "?" }
    let base = folder[...(folder.lastIndex(of: "/") ?? folder.startIndex)]
    return location.isEmpty ? nil : WebAddress("\(scheme.rawValue)://\(authority)\(base)\(location)")
  }

  /// The address with `name=value` added to its query, percent-encoded.
  package func adding(_ parameters: [(name: String, value: String)]) -> WebAddress {
    var result = self
    for (name, value) in parameters {
      result.path +=
        (result.path.contains("?") ? "&" : "?") + WebAddress.encoded(name) + "=" + WebAddress.encoded(value)
    }
    return result
  }

  /// All but the unreserved letters as %XX. Source: RFC 3986, section 2.3.
  package static func encoded(_ text: String) -> String {
    var output: [UInt8] = []
    let digits = Array("0123456789ABCDEF".utf8)
    for byte in text.utf8 {
      switch byte {
      case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        output.append(byte)
      default: output += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
      }
    }
    return String(decoding: output, as: UTF8.self)
  }
}

/// What to do about a redirect.
package enum Redirect: Equatable {
  case follow(WebAddress, keepingAuthorization: Bool)
  case refuse(reason: String)

  package enum Limit {
    package static let stepsMax = 5
  }

  /// `Authorization` goes to no other host, port or scheme; nothing leads from TLS back to plain HTTP.
  package static func decide(from: WebAddress, location: String?, step: Int) -> Redirect {
    guard let location, let target = from.following(location) else {
      return .refuse(reason: "a redirect without a usable address")
    }
    if step >= Limit.stepsMax { return .refuse(reason: "more than \(Limit.stepsMax) redirects") }
    if from.scheme == .https, target.scheme == .http {
      return .refuse(reason: "a redirect from https to http (\(target.authority))")
    }
    let isSame = from.host == target.host && from.port == target.port && from.scheme == target.scheme
    return .follow(target, keepingAuthorization: isSame)
  }
}
