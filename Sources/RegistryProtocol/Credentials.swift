package import JSON
package import Problems

/// What proves to a registry who asks.
package struct Credentials: Hashable, Sendable {
  package var user: String
  package var password: String
  /// An OAuth 2 refresh token, which stands in for name and password.
  package var identityToken: String?

  package init(user: String, password: String, identityToken: String? = nil) {
    self.user = user
    self.password = password
    self.identityToken = identityToken
  }

  /// Reads `--creds`: `USER[:PASSWORD]`.
  package init?(parsing text: String) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
    guard let user = parts.first, !user.isEmpty else { return nil }
    self.init(user: String(user), password: parts.count > 1 ? String(parts[1]) : "")
  }
}

/// A password must not end in a log by accident.
extension Credentials: CustomStringConvertible, CustomDebugStringConvertible {
  package var description: String { "credentials of \(user)" }
  package var debugDescription: String { description }
}

extension Credentials {
  package var json: JSON {
    var members: [(String, JSON)] = [("user", JSON(user)), ("password", JSON(password))]
    if let identityToken { members.append(("identityToken", JSON(identityToken))) }
    return .object(JSON.Object(members))
  }
  package static func read(_ json: JSON) throws(Problem) -> Credentials {
    guard let user = json["user"]?.string, let password = json["password"]?.string else {
      throw Problem(code: .bug, message: "malformed credentials message")
    }
    return Credentials(user: user, password: password, identityToken: json["identityToken"]?.string)
  }
}
