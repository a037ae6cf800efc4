import JSON
package import Problems
package import RegistryProtocol

/// The question for a bearer token. Source: distribution, "token authentication" and "oauth2 token authentication".
package struct TokenRequest: Hashable, Sendable {
  package var address: WebAddress
  /// Sent as Basic; nil asks as nobody.
  package var credentials: Credentials?
  /// A form (refresh token) makes it a POST.
  package var form: String?

  package enum Limit {
    package static let answerBytesMax = 256 << 10
    /// Source: "token authentication": "defaults to 60 seconds".
    package static let lifetimeDefaultSeconds = 60
  }

  /// - Parameters:
  ///   - registry: where the challenge came from: a password never goes from TLS to a plain address.
  ///   - scope: where the challenge names none.
  package init(realm: String, service: String?, scope: String?, registry: WebAddress, credentials: Credentials?)
    throws(Problem)
  {
    guard let address = WebAddress(realm) else {
      throw Problem(
        code: .invalid, message: "registry \(registry.authority) names a token server that is no http address")
    }
    if registry.scheme == .https, address.scheme == .http {
      throw Problem(
        code: .denied,
        message: "registry \(registry.authority) wants its password sent to \(address.authority) without TLS")
    }
    let scopes = (scope ?? "").split(separator: " ").map(String.init)
    if let token = credentials?.identityToken {
      let fields = [
        ("grant_type", "refresh_token"), ("refresh_token", token), ("client_id", "berth"), ("service", service ?? ""),
        ("scope", scopes.joined(separator: " ")),
      ]
      form = fields.filter { !$0.1.isEmpty }.map { "\($0.0)=\(WebAddress.encoded($0.1))" }.joined(separator: "&")
      self.address = address
      return
    }
    var parameters: [(name: String, value: String)] = []
    if let user = credentials?.user, !user.isEmpty { parameters.append(("account", user)) }
    if let service { parameters.append(("service", service)) }
    parameters += scopes.map { ("scope", $0) }
    self.address = address.adding(parameters)
    self.credentials = credentials
  }
}

/// A bearer token and for how long it is good.
package struct BearerToken: Hashable, Sendable {
  package var token: String
  package var lifetimeSeconds: Int

  /// - Throws: `.invalid` for what holds no token: it goes into a header, so control characters are refused.
  package init(parsing bytes: [UInt8], server: String) throws(Problem) {
    func wrong(_ reason: String, _ cause: (any Error)? = nil) -> Problem {
      Problem(code: .invalid, message: "token server \(server) answered without a token (\(reason))", cause: cause)
    }
    let json: JSON
    do throws(JSON.ParseError) { json = try JSON.parse(bytes) } catch { throw wrong("no JSON", error) }
    let texts = [json["token"]?.string, json["access_token"]?.string].compactMap(\.self)
    guard let token = texts.first(where: { !$0.isEmpty }) else { throw wrong("no member token") }
    guard token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { throw wrong("letters that no header may hold") }
    self.token = token
    let seconds = json["expires_in"]?.integer(Int.self) ?? Limit.lifetimeDefaultSeconds
    lifetimeSeconds = min(max(seconds, Limit.lifetimeDefaultSeconds), 24 * 3600)
  }
  private typealias Limit = TokenRequest.Limit
}
