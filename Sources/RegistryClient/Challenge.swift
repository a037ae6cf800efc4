/// How a registry wants to be asked. Source: RFC 9110, section 11.6.1; distribution, "token authentication".
package enum Challenge: Hashable, Sendable {
  case basic(realm: String)
  case bearer(realm: String, service: String?, scope: String?)

  package enum Limit {
    package static let headerBytesMax = 8 << 10
  }

  /// Reads `WWW-Authenticate` headers; schemes that nobody here speaks are left out.
  package static func parse(_ headers: [String]) -> [Challenge] {
    headers.flatMap { header -> [Challenge] in
      guard header.utf8.count <= Limit.headerBytesMax else { return [] }
      var parser = ChallengeParser(header)
      return parser.challenges().compactMap(Challenge.init)
    }
  }

  /// The one to follow: a token where there is a choice.
  package static func best(of challenges: [Challenge]) -> Challenge? {
    challenges.first { if case .bearer = $0 { true } else { false } } ?? challenges.first
  }

  private init?(scheme: String, parameters: [String: String]) {
    switch scheme.lowercased() {
    case "basic": self = .basic(realm: parameters["realm"] ?? "")
    case "bearer":
      guard let realm = parameters["realm"], !realm.isEmpty else { return nil }
      self = .bearer(realm: realm, service: parameters["service"], scope: parameters["scope"])
    default: return nil
    }
  }
}

/// `scheme name=value, name="quoted \" value", scheme2 …`
private struct ChallengeParser {
  private let bytes: [UInt8]
  private var place = 0

  init(_ text: String) { bytes = Array(text.utf8) }

  mutating func challenges() -> [(scheme: String, parameters: [String: String])] {
    var result: [(scheme: String, parameters: [String: String])] = []
    while true {
      skip { $0 == 0x20 || $0 == 9 || $0 == UInt8(ascii: ",") }
      let word = token()
      if word.isEmpty { return result }
      skip { $0 == 0x20 || $0 == 9 }
      if place < bytes.count, bytes[place] == UInt8(ascii: "="), !result.isEmpty {
        place += 1
        skip { $0 == 0x20 || $0 == 9 }
        let value = place < bytes.count && bytes[place] == UInt8(ascii: "\"") ? quotedString() : token()
        result[result.count - 1].parameters[word.lowercased()] = value
      } else {
        result.append((word, [:]))
      }
    }
  }

  private mutating func skip(_ belongs: (UInt8) -> Bool) {
    while place < bytes.count, belongs(bytes[place]) { place += 1 }
  }

  private mutating func token() -> String {
    let start = place
    skip { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ",") && $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: "\"") }
    return String(decoding: bytes[start..<place], as: UTF8.self)
  }

  /// A text without its end goes to the end of the header.
  private mutating func quotedString() -> String {
    place += 1
    var text: [UInt8] = []
    while place < bytes.count, bytes[place] != UInt8(ascii: "\"") {
      if bytes[place] == UInt8(ascii: "\\"), place + 1 < bytes.count { place += 1 }
      text.append(bytes[place])
      place += 1
    }
    if place < bytes.count { place += 1 }
    return String(decoding: text, as: UTF8.self)
  }
}
