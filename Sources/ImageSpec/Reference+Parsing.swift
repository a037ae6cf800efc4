import Digests
public import Problems

extension Reference {
  /// Reads what people write, and completes it: `alpine` is `docker.io/library/alpine:latest`.
  ///
  /// - Parameters:
  ///   - text: `[registry[:port]/]repository[:tag][@digest]`; a leading `docker://` is fine.
  ///   - defaultRegistry: for a short name; only Docker's own gets the `library/` prefix.
  ///   - defaultTag: for a name without tag and digest; nil leaves it without.
  /// - Throws: `.invalid`, naming the part that is wrong.
  public init(
    parsing text: String, defaultRegistry: String = Reference.dockerHub, defaultTag: String? = Reference.latest
  ) throws(Problem) {
    func wrong(_ reason: String) -> Problem {
      Problem(code: .invalid, message: "invalid image name \(quoted(text)): \(reason)")
    }
    var rest = Substring(text)
    if rest.hasPrefix("docker://") { rest = rest.dropFirst(9) }
    if rest.isEmpty { throw wrong("the name is empty") }
    if rest.utf8.count > 1024 { throw wrong("it is longer than 1024 bytes") }

    var digest: Digest?
    if let at = rest.firstIndex(of: "@") {
      let written = rest[rest.index(after: at)...]
      guard let value = Digest(written) else {
        throw wrong("the digest \(quoted(String(written))) is not sha256: and 64 hex digits")
      }
      digest = value
      rest = rest[..<at]
    }
    var tag: String?
    if let colon = rest.lastIndex(of: ":"), !rest[colon...].contains("/") {
      let written = String(rest[rest.index(after: colon)...])
      guard Reference.isTag(written) else {
        throw wrong("the tag \(quoted(written)) is not 1 to 128 letters, digits, '_', '.' or '-'")
      }
      tag = written
      rest = rest[..<colon]
    }
    var (registry, repository) = Reference.split(rest)
    if registry == nil, Digest(hex: repository) != nil { throw wrong("64 hex digits are an ID, not a name") }
    if registry == "index.docker.io" || registry == "registry-1.docker.io" { registry = Reference.dockerHub }
    let host = registry ?? defaultRegistry
    if let reason = Reference.fault(inRegistry: host) { throw wrong("the registry \(quoted(host)) \(reason)") }
    if let reason = Reference.fault(inRepository: repository) {
      throw wrong("the repository \(quoted(repository)) \(reason)")
    }
    if host == Reference.dockerHub, !repository.contains("/") { repository = "library/" + repository }
    guard host.utf8.count + 1 + repository.utf8.count <= ImageLimit.nameBytesMax else {
      throw wrong("registry and repository are longer than \(ImageLimit.nameBytesMax) bytes")
    }
    self.init(
      registry: host, repository: repository, tag: tag ?? (digest == nil ? defaultTag : nil), digest: digest)
  }

  /// Whether the text names its registry; if not, it is a short name (registries.conf decides where to look).
  public static func namesRegistry(_ text: String) -> Bool {
    let bare = text.hasPrefix("docker://") ? text.dropFirst(9) : Substring(text)
    return split(bare.prefix { $0 != "@" }).registry != nil
  }

  public static func isTag(_ text: String) -> Bool {
    let bytes = text.utf8
    guard (1...ImageLimit.tagBytesMax).contains(bytes.count), let first = bytes.first else { return false }
    return isWord(first) && bytes.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
  }

  /// The first part is a registry when it has a dot, a colon or an upper-case letter, or is `localhost`.
  private static func split(_ text: Substring) -> (registry: String?, repository: String) {
    guard let slash = text.firstIndex(of: "/") else { return (nil, String(text)) }
    let first = text[..<slash]
    let isRegistry =
      first.contains(".") || first.contains(":") || first == "localhost" || first.utf8.contains { 0x41...0x5a ~= $0 }
    return isRegistry ? (String(first), String(text[text.index(after: slash)...])) : (nil, String(text))
  }

  /// What is wrong with `host[:port]`; nil when nothing is.
  private static func fault(inRegistry text: String) -> String? {
    var host = Substring(text)
    if let colon = host.lastIndex(of: ":"), !host[colon...].contains("]") {
      let port = host[host.index(after: colon)...]
      guard port.utf8.allSatisfy({ 0x30...0x39 ~= $0 }), let number = UInt16(port), number > 0 else {
        return "has a port that is no number from 1 to 65535"
      }
      host = host[..<colon]
    }
    if host.hasPrefix("[") {
      let inner = host.dropFirst().dropLast()
      let valid = host.hasSuffix("]") && inner.contains(":") && inner.utf8.allSatisfy { isHex($0) || $0 == 0x3a }
      return valid ? nil : "is not an IPv6 address in brackets"
    }
    for label in host.split(separator: ".", omittingEmptySubsequences: false) {
      let bytes = label.utf8
      guard let first = bytes.first, let last = bytes.last, first != 0x2d, last != 0x2d,
        bytes.allSatisfy({ isAlphanumeric($0) || $0 == 0x2d })
      else { return "is not a host name" }
    }
    return nil
  }

  /// What is wrong with a repository; nil when nothing is.
  private static func fault(inRepository text: String) -> String? {
    if text.isEmpty { return "is empty" }
    if text.utf8.contains(where: { 0x41...0x5a ~= $0 }) { return "must be lower case" }
    for part in text.split(separator: "/", omittingEmptySubsequences: false) {
      if part.isEmpty { return "has an empty part" }
      guard isPathComponent(Array(part.utf8)) else {
        return "has a part that is not lower-case letters and digits, joined by '.', '_', '__' or dashes"
      }
    }
    return nil
  }

  /// `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
  private static func isPathComponent(_ bytes: [UInt8]) -> Bool {
    func isPlain(_ byte: UInt8) -> Bool { 0x61...0x7a ~= byte || 0x30...0x39 ~= byte }
    guard isPlain(bytes[0]), isPlain(bytes[bytes.count - 1]) else { return false }
    var place = 0
    while place < bytes.count {
      if isPlain(bytes[place]) {
        place += 1
        continue
      }
      let start = place
      while !isPlain(bytes[place]) { place += 1 }  // ends: the last byte is plain
      let mark = bytes[start]
      guard bytes[start..<place].allSatisfy({ $0 == mark }) else { return false }
      switch (mark, place - start) {
      case (UInt8(ascii: "."), 1), (UInt8(ascii: "_"), 1...2), (UInt8(ascii: "-"), _): break
      default: return false
      }
    }
    return true
  }

  private static func isWord(_ byte: UInt8) -> Bool { isAlphanumeric(byte) || byte == UInt8(ascii: "_") }
  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    0x30...0x39 ~= byte || 0x41...0x5a ~= byte || 0x61...0x7a ~= byte
  }
  private static func isHex(_ byte: UInt8) -> Bool {
    0x30...0x39 ~= byte || 0x41...0x46 ~= byte || 0x61...0x66 ~= byte
  }
}
