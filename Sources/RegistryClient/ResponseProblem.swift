import JSON
package import Problems

/// What a registry's "no" means to a person. Source: distribution-spec, "Error Codes".
package struct ResponseProblem {
  /// `host[:port]`.
  package var registry: String
  /// What was asked for: "image docker.io/library/x:1", "layer sha256:…".
  package var object: String
  package var status: Int
  package var body: [UInt8]
  /// Whether a password or token was sent along.
  package var hadCredentials: Bool
  package var retryAfter: String?

  package init(
    registry: String, object: String, status: Int, body: [UInt8] = [], hadCredentials: Bool = false,
    retryAfter: String? = nil
  ) {
    self.registry = registry
    self.object = object
    self.status = status
    self.body = body
    self.hadCredentials = hadCredentials
    self.retryAfter = retryAfter
  }

  package enum Limit {
    package static let bodyBytesMax = 64 << 10
    static let messageBytesMax = 300
  }

  package var problem: Problem {
    let said = reason.map { ": \($0)" } ?? ""
    switch status {
    case 401:
      return hadCredentials
        ? Problem(
          code: .denied, message: "registry \(registry) refused the name or password for \(object)\(said)",
          hint: loginHint)
        : Problem(code: .denied, message: "registry \(registry) wants a login for \(object)\(said)", hint: loginHint)
    case 403:
      return Problem(
        code: .denied, message: "registry \(registry) denied access to \(object)\(said)",
        hint: hadCredentials ? "this account may not read it; berth login \(registry) with another one" : loginHint)
    case 404, 410:
      return Problem(
        code: .notFound, message: "registry \(registry) has no \(object)\(said)", hint: "check the name and the tag")
    case 416:
      return Problem(code: .unavailable, message: "registry \(registry) refused to go on in the middle of \(object)")
    case 429:
      let wait = retryAfter.map { "try again in \($0) s; " } ?? "try again later; "
      return Problem(
        code: .unavailable, message: "registry \(registry) has had too many requests\(said)",
        hint: wait
          + (hadCredentials
            ? "a mirror in registries.conf helps" : "an account (berth login \(registry)) may raise the limit"))
    case 500...599:
      return Problem(
        code: .unavailable, message: "registry \(registry) failed on \(object) with status \(status)\(said)",
        hint: "try again later")
    default:
      return Problem(
        code: .unavailable, message: "registry \(registry) answered \(object) with status \(status)\(said)",
        hint: "is \(registry) a registry?")
    }
  }

  private var loginHint: String { "berth login \(registry)" }

  /// The registry's own words, made safe for a terminal.
  var reason: String? {
    guard let json = try? JSON.parse(body) else { return nil }
    let first = json["errors"]?.array?.first
    let code = first?["code"]?.string
    let message =
      first?["message"]?.string ?? json["details"]?.string ?? json["message"]?.string ?? json["error"]?.string
    let text = [code.map { $0.lowercased().replacing("_", by: " ") }, message].compactMap(\.self).filter { !$0.isEmpty }
    guard !text.isEmpty else { return nil }
    let joined = text.count == 2 && text[0] == text[1] ? text[0] : text.joined(separator: ": ")
    return ResponseProblem.printable(joined)
  }

  /// Foreign text on one line without control characters, shortened.
  package static func printable(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      let isControl =
        scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value) || scalar.properties.generalCategory == .format
      result.unicodeScalars.append(isControl ? " " : scalar)
      if result.utf8.count >= Limit.messageBytesMax { return result + "…" }
    }
    return result
  }
}

extension String {
  fileprivate func replacing(_ old: Character, by new: Character) -> String { String(map { $0 == old ? new : $0 }) }
}
