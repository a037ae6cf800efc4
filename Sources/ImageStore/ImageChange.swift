package import ImageSpec
import JSON
package import Problems

/// One Dockerfile instruction that changes an image's configuration: `import --change`, `commit --change`.
///
/// Source: Dockerfile reference; the instructions that docker-import(1) lists.
package enum ImageChange {
  package static let instructions = [
    "CMD", "ENTRYPOINT", "ENV", "EXPOSE", "LABEL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
  ]

  /// Applies `text`, such as `CMD ["sh"]`, `ENV A=1 B="two words"` or `USER=web`, to a configuration.
  /// - Throws: `.invalid` naming the instruction and what is wrong with it.
  package static func apply(_ text: String, to config: inout ContainerDefaults) throws(Problem) {
    let line = trimmed(text[...])
    let word = line.prefix { $0 != " " && $0 != "\t" && $0 != "=" }
    var rest = trimmed(line.dropFirst(word.count))
    if rest.hasPrefix("=") { rest = trimmed(rest.dropFirst()) }
    func wrong(_ reason: String) -> Problem {
      Problem(
        code: .invalid, message: "change \(quoted(text)): \(reason)",
        hint: "a change is an instruction such as CMD [\"sh\"]; known are \(instructions.joined(separator: ", "))")
    }
    guard instructions.contains(word.uppercased()) else { throw wrong("unknown instruction \(quoted(String(word)))") }
    if rest.isEmpty { throw wrong("the value is missing") }
    do throws(Reason) { try apply(word.uppercased(), rest, to: &config) } catch { throw wrong(error.text) }
  }

  private struct Reason: Error {
    let text: String
    init(_ text: String) { self.text = text }
  }

  private static func apply(
    _ word: String, _ rest: Substring, to config: inout ContainerDefaults
  ) throws(Reason) {
    switch word {
    case "CMD": config.command = try command(rest)
    case "ENTRYPOINT":
      config.entrypoint = try command(rest)
      config.command = nil
    case "ENV":
      for (name, value) in try pairs(rest) {
        config.environment.removeAll { $0.hasPrefix(name + "=") }
        config.environment.append("\(name)=\(value)")
      }
    case "LABEL": for (name, value) in try pairs(rest) { config.labels[name] = value }
    case "EXPOSE": for port in try words(rest) { config.exposedPorts.append(try exposed(port)) }
    case "VOLUME":
      if let list = try jsonList(rest) { config.volumes += list } else { config.volumes += try words(rest) }
    case "USER": config.user = try single(rest)
    case "STOPSIGNAL": config.stopSignal = try single(rest)
    case "WORKDIR":
      let path = try words(rest).joined(separator: " ")
      let before = config.workingDirectory.isEmpty ? "/" : config.workingDirectory
      config.workingDirectory = path.hasPrefix("/") ? path : before + (before.hasSuffix("/") ? "" : "/") + path
    default: preconditionFailure("instruction \(word)")
    }
    config.exposedPorts = Array(Set(config.exposedPorts)).sorted()
    config.volumes = Array(Set(config.volumes)).sorted()
  }

  /// The exec form `["a", "b"]`, or a line for the shell.
  private static func command(_ rest: Substring) throws(Reason) -> [String] {
    if let list = try jsonList(rest) { return list }
    return ["/bin/sh", "-c", String(rest)]
  }
  private static func jsonList(_ rest: Substring) throws(Reason) -> [String]? {
    guard rest.hasPrefix("[") else { return nil }
    guard let list = (try? JSON.parse(String(rest)))?.strings else { throw Reason("not a JSON list of strings") }
    return list
  }
  private static func single(_ rest: Substring) throws(Reason) -> String {
    let words = try words(rest)
    guard words.count == 1 else { throw Reason("expected one word") }
    return words[0]
  }
  /// `80`, `80/tcp`, `8000-8002/udp`.
  private static func exposed(_ text: String) throws(Reason) -> String {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    let transport = parts.count == 2 ? parts[1].lowercased() : "tcp"
    let ends = (parts.first ?? "").split(separator: "-", omittingEmptySubsequences: false)
    let valid = ends.allSatisfy { UInt16($0).map { $0 > 0 } ?? false } && (1...2).contains(ends.count)
    guard parts.count <= 2, valid, ["tcp", "udp", "sctp"].contains(transport) else {
      throw Reason("\(quoted(text)) is not a port such as 80 or 53/udp")
    }
    return "\(parts[0])/\(transport)"
  }

  /// `A=1 B="two words"`, or the old form `A the rest of the line`.
  private static func pairs(_ rest: Substring) throws(Reason) -> [(name: String, value: String)] {
    let words = try words(rest)
    guard let first = words.first, let equals = first.firstIndex(of: "=") else {
      let name = rest.prefix { $0 != " " && $0 != "\t" }
      let value = trimmed(rest.dropFirst(name.count))
      if value.isEmpty { throw Reason("expected NAME=VALUE") }
      return [(String(name), String(value))]
    }
    if equals == first.startIndex { throw Reason("expected NAME=VALUE") }
    var result: [(name: String, value: String)] = []
    for word in words {
      guard let equals = word.firstIndex(of: "="), equals > word.startIndex else {
        throw Reason("\(quoted(word)) is not NAME=VALUE")
      }
      result.append((String(word[..<equals]), String(word[word.index(after: equals)...])))
    }
    return result
  }

  /// Words with quotes and backslashes as a Dockerfile has them.
  private static func words(_ text: Substring) throws(Reason) -> [String] {
    var result: [String] = []
    var current: String?
    var quote: Character?
    var rest = text
    while let letter = rest.popFirst() {
      switch (letter, quote) {
      case ("\\", let open) where open != "'":
        guard let next = rest.popFirst() else { throw Reason("a backslash at the end") }
        current = (current ?? "") + (open == nil || next == "\"" || next == "\\" ? String(next) : "\\" + String(next))
      case (let mark, let open?) where mark == open: quote = nil
      case ("\"", nil), ("'", nil):
        quote = letter
        current = current ?? ""
      case (" ", nil), ("\t", nil):
        if let word = current { result.append(word) }
        current = nil
      default: current = (current ?? "") + String(letter)
      }
    }
    if quote != nil { throw Reason("a quote without its end") }
    if let word = current { result.append(word) }
    return result
  }

  private static func trimmed(_ text: Substring) -> Substring {
    var text = text.drop { $0 == " " || $0 == "\t" || $0 == "\n" }
    while let last = text.last, last == " " || last == "\t" || last == "\n" { text.removeLast() }
    return text
  }
}
