package import Problems

/// Which proxy leads to a host. Sources: curl(1), "ENVIRONMENT"; Go's golang.org/x/net/http/httpproxy.
package struct ProxyRules: Equatable, Sendable {
  package struct Proxy: Hashable, Sendable {
    package var host: String
    package var port: Int
    /// `user:password`, decoded.
    package var authorization: String?
  }
  package var http: Proxy?
  package var https: Proxy?
  var exceptions: [String] = []

  package init() {}

  /// Reads `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, lower case first.
  package init(environment: (String) -> String?) throws(Problem) {
    func variable(_ name: String) -> (name: String, value: String)? {
      for name in [name.lowercased(), name] {
        if let value = environment(name), !value.isEmpty { return (name, value) }
      }
      return nil
    }
    let all = variable("ALL_PROXY")
    http = try (variable("HTTP_PROXY") ?? all).map(ProxyRules.parse)
    https = try (variable("HTTPS_PROXY") ?? all).map(ProxyRules.parse)
    exceptions =
      variable("NO_PROXY")?.value.lowercased().split(whereSeparator: { $0 == "," || $0 == " " }).map(String.init) ?? []
  }

  private static func parse(_ variable: (name: String, value: String)) throws(Problem) -> Proxy {
    func wrong() -> Problem {
      Problem(
        code: .invalid, message: "\(variable.name) is not http://[USER:PASSWORD@]HOST:PORT",
        hint: "only http proxies are supported")
    }
    var rest = Substring(variable.value)
    if rest.contains("://") {
      guard rest.lowercased().hasPrefix("http://") else { throw wrong() }
      rest = rest.dropFirst(7)
    }
    rest = rest.prefix { $0 != "/" }
    var authorization: String?
    if let at = rest.lastIndex(of: "@") {
      guard let decoded = decoded(rest[..<at]) else { throw wrong() }
      authorization = decoded
      rest = rest[rest.index(after: at)...]
    }
    guard let address = WebAddress("http://\(rest)/") else { throw wrong() }
    return Proxy(host: address.host, port: rest.contains(":") ? address.port : 80, authorization: authorization)
  }

  private static func decoded(_ text: Substring) -> String? {
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else { bytes.append(byte); continue }
      guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
        return nil
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    return String(validating: bytes, as: UTF8.self)
  }

  /// nil goes straight. The machine itself is never asked through a proxy.
  package func proxy(for address: WebAddress) -> Proxy? {
    guard let proxy = address.scheme == .https ? https : http else { return nil }
    let host = address.host
    if host == "localhost" || host == "[::1]" || host.hasPrefix("127.") { return nil }
    for exception in exceptions where ProxyRules.fits(exception, host: host, port: address.port) { return nil }
    return proxy
  }

  private static func fits(_ exception: String, host: String, port: Int) -> Bool {
    if exception == "*" { return true }
    if exception.contains("/") { return isInNetwork(host, exception) }
    var name = Substring(exception)
    if let colon = name.lastIndex(of: ":"), let number = Int(name[name.index(after: colon)...]), !name.hasSuffix("]"),
      name.filter({ $0 == ":" }).count == 1
    {
      guard number == port else { return false }
      name = name[..<colon]
    }
    if name.hasPrefix("*.") { name = name.dropFirst() }
    if name.hasPrefix(".") { return host.hasSuffix(name) || host == name.dropFirst() }
    return host == name || host.hasSuffix("." + name)
  }

  /// IPv4 `a.b.c.d/n`.
  private static func isInNetwork(_ host: String, _ network: String) -> Bool {
    let parts = network.split(separator: "/")
    guard parts.count == 2, let bits = Int(parts[1]), (0...32).contains(bits), let base = address(parts[0]),
      let own = address(host[...])
    else {
      return false
    }
    let mask: UInt32 = bits == 0 ? 0 : ~UInt32(0) << UInt32(32 - bits)
    return base & mask == own & mask
  }
  private static func address(_ text: Substring) -> UInt32? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
    guard parts.count == 4 else { return nil }
    var result: UInt32 = 0
    for part in parts {
      guard let part else { return nil }
      result = result << 8 | UInt32(part)
    }
    return result
  }
}
