import Problems
import Sys

/// A process environment in order, one value a name. Source: capability lines LP-23, G.8.
struct EnvironmentList: Hashable, Sendable {
  private(set) var entries: [String] = []

  init(_ entries: [String] = []) { for entry in entries { set(entry: entry) } }

  private static func name(of entry: String) -> Substring { entry.prefix { $0 != "=" } }

  /// "NAME=value"; the name's earlier value is replaced in place.
  mutating func set(entry: String) {
    let name = Self.name(of: entry)
    if let place = entries.firstIndex(where: { Self.name(of: $0) == name }) {
      entries[place] = entry
    } else {
      entries.append(entry)
    }
  }
  mutating func setDefault(_ name: String, _ value: String) {
    if self[name] == nil { entries.append("\(name)=\(value)") }
  }
  subscript(name: String) -> String? {
    entries.first { Self.name(of: $0) == name }.map { String($0.dropFirst(name.count + 1)) }
  }

  /// What a user said: "NAME=value", "NAME" (taken from `host`, nothing where it is not there), "PREFIX*".
  mutating func apply(_ words: [String], host: [String], flag: String) throws(Problem) {
    for word in words {
      guard !word.isEmpty, !word.hasPrefix("=") else { throw FlagValue.invalid(word, flag, "want NAME=VALUE or NAME") }
      if word.contains("=") {
        set(entry: word)
      } else if word.hasSuffix("*") {
        for entry in host where entry.hasPrefix(word.dropLast()) { set(entry: entry) }
      } else if let entry = host.first(where: { Self.name(of: $0) == word }) {
        set(entry: entry)
      }
    }
  }

  /// The lines of an `--env-file`: "NAME=value" verbatim, "NAME" from `host`; blank lines and `#` lines are skipped.
  static func words(ofFile text: String, path: String) throws(Problem) -> [String] {
    var words: [String] = []
    // "\r\n" is one Character.
    let lines = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    for (number, raw) in lines.enumerated() {
      let line = raw.drop { $0 == " " || $0 == "\t" || $0 == "\u{feff}" }
      if line.isEmpty || line.hasPrefix("#") { continue }
      let name = line.prefix { $0 != "=" }
      guard !name.isEmpty, !name.contains(where: \.isWhitespace), !line.contains("\0") else {
        throw Problem(
          code: .invalid, message: "--env-file \(path) line \(number + 1): \"\(name)\" is not a variable's name")
      }
      words.append(String(line))
    }
    return words
  }

  /// All that a user said on top of `base`: files first, then words.
  mutating func apply(files: [String], words: [String], host: [String]) throws(Problem) {
    for path in files {
      let text = try doing("read --env-file \(path)") { () throws(Errno) in try readText(path, limit: 1 << 20) }
      try apply(try Self.words(ofFile: text, path: path), host: host, flag: "--env-file")
    }
    try apply(words, host: host, flag: "--env")
  }
}
