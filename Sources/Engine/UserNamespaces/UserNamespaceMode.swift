public import Problems
public import Rootless

/// `--userns`. Source: podman-run(1).
public enum UserNamespaceMode: Hashable, Sendable {
  /// The engine's own: root's, or that of an ordinary user.
  case host
  /// An own one with the given maps; without maps, that of `auto` for root and the user's own ids otherwise.
  case `private`
  /// An own one whose ids no other container has.
  case auto(AutomaticIDs)
  /// An ordinary user keeps the id, or has the given one.
  case keepID(uid: UInt32?, gid: UInt32?)
  /// An ordinary user's own id has no meaning in the container.
  case nomap
  /// That of another container: name or ID.
  case container(String)
  /// An existing one by path.
  case path(String)

  /// As the flag takes it.
  var text: String {
    switch self {
    case .host: "host"
    case .private: "private"
    case .auto(let ids): "auto" + ids.text
    case .keepID(let uid, let gid):
      "keep-id"
        + Self.options([uid.map { "uid=\($0)" }, gid.map { "gid=\($0)" }].compactMap { $0 })
    case .nomap: "nomap"
    case .container(let name): "container:\(name)"
    case .path(let path): "ns:\(path)"
    }
  }
  fileprivate static func options(_ words: [String]) -> String {
    words.isEmpty ? "" : ":" + words.joined(separator: ",")
  }
}

/// The options of `--userns auto`.
public struct AutomaticIDs: Hashable, Sendable {
  /// Ids that the container gets; nil is as many as the image's account files need.
  public var size: UInt32?
  /// Ranges that are set beforehand; the others are put around them.
  public var uids: [IDMapping.Range] = []
  public var gids: [IDMapping.Range] = []
  public init() {}

  fileprivate var text: String {
    func words(_ name: String, _ ranges: [IDMapping.Range]) -> [String] {
      IDMapping(ranges).texts.map { "\(name)=\($0)" }
    }
    return UserNamespaceMode.options(
      (size.map { ["size=\($0)"] } ?? []) + words("uidmapping", uids) + words("gidmapping", gids))
  }
}

/// One `--uidmap` or `--gidmap`: [@]container:from[:amount]. `@` says that `from` is an id of the machine.
public struct IDMapRequest: Hashable, Sendable {
  public var range: IDMapping.Range
  public var isMachineID: Bool

  var text: String { (isMachineID ? "@" : "") + IDMapping([range]).texts[0] }

  public init(flag text: String, _ flag: String) throws(Problem) {
    var text = text[...]
    isMachineID = false
    if text.hasPrefix("+") {
      throw Problem(
        code: .unsupported, message: "\(flag) \(text): extending the default map with \"+\" is not supported",
        hint: "say the whole map, one flag for each range")
    }
    if text.hasPrefix("@") {
      isMachineID = true
      text = text.dropFirst()
    }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    if parts.count == 3, parts[1].hasPrefix("@") {  // podman takes it there, too: 0:@1000:1
      isMachineID = true
    }
    let numbers = parts.map { UInt32($0.hasPrefix("@") ? $0.dropFirst() : $0) }
    guard (2...3).contains(numbers.count), let inside = numbers[0], let outside = numbers[1],
      let count = numbers.count == 3 ? numbers[2] : 1, count > 0, inside <= UInt32.max - count,
      outside <= UInt32.max - count
    else { throw FlagValue.invalid(String(text), flag, "want CONTAINER-ID:HOST-ID[:AMOUNT]") }
    range = IDMapping.Range(inside: inside, outside: outside, count: count)
  }
}

extension UserNamespaceMode {
  public init(flag text: String) throws(Problem) {
    let (word, rest) = Self.split(text)
    switch (word, rest) {
    case ("host", nil), ("", nil): self = .host
    case ("private", nil): self = .private
    case ("nomap", nil): self = .nomap
    case ("auto", _): self = .auto(try AutomaticIDs(flag: rest ?? "", text))
    case ("keep-id", _):
      var ids: [Substring: UInt32] = [:]
      for option in (rest ?? "").split(separator: ",") {
        let pair = option.split(separator: "=", maxSplits: 1)
        guard pair.count == 2, pair[0] == "uid" || pair[0] == "gid", let id = UInt32(pair[1]), id < UInt32.max - 1
        else {
          throw FlagValue.invalid(text, "--userns", "unknown option \"\(option)\": keep-id takes uid=ID and gid=ID")
        }
        ids[pair[0]] = id
      }
      self = .keepID(uid: ids["uid"], gid: ids["gid"])
    case ("container", let name?) where !name.isEmpty: self = .container(String(name))
    case ("ns", let path?) where path.hasPrefix("/"): self = .path(String(path))
    default:
      throw FlagValue.invalid(
        text, "--userns", "want host, private, auto, keep-id, nomap, container:NAME or ns:/PATH")
    }
  }
  private static func split(_ text: String) -> (Substring, Substring?) {
    guard let colon = text.firstIndex(of: ":") else { return (text[...], nil) }
    return (text[..<colon], text[text.index(after: colon)...])
  }
}

extension AutomaticIDs {
  /// "size=4096,uidmapping=0:1000:1,gidmapping=…".
  fileprivate init(flag options: Substring, _ whole: String) throws(Problem) {
    for option in options.split(separator: ",") {
      let pair = option.split(separator: "=", maxSplits: 1)
      switch (pair.first, pair.count) {
      case ("size", 2):
        guard let value = UInt32(pair[1]), (1...65536 * 16).contains(value) else {
          throw FlagValue.invalid(whole, "--userns", "size wants a number of ids")
        }
        size = value
      case ("uidmapping", 2): uids.append(try IDMapRequest(flag: String(pair[1]), "--userns auto:uidmapping").range)
      case ("gidmapping", 2): gids.append(try IDMapRequest(flag: String(pair[1]), "--userns auto:gidmapping").range)
      default:
        throw FlagValue.invalid(
          whole, "--userns", "unknown option \"\(option)\": auto takes size, uidmapping and gidmapping")
      }
    }
  }
}
