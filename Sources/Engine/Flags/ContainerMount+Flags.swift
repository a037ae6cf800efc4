import Glibc
public import Problems
import Sys

// The grammars of `-v`, `--mount` and `--tmpfs`; all end in one type (capability lines LP-50..52, PD-114, G.16).
extension ContainerMount {
  /// `-v [SOURCE|NAME:]DESTINATION[:OPTIONS]`; a relative source starts with "./" or "../".
  public init(volumeFlag text: String) throws(Problem) {
    let flag = "--volume"
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard (1...3).contains(parts.count), parts.allSatisfy({ !$0.isEmpty }) else {
      throw FlagValue.invalid(text, flag, "want [SOURCE:]DESTINATION[:OPTIONS]")
    }
    if parts.count == 1 {
      self.init(.volume(name: nil), destination: try Self.destination(parts[0], flag: flag, text))
      return
    }
    let kind: Kind =
      Self.isPath(parts[0]) ? .bind(source: try Self.absolute(parts[0], flag: flag, text)) : .volume(name: parts[0])
    if case .volume = kind { try VolumeName.check(parts[0]) }
    self.init(kind, destination: try Self.destination(parts[1], flag: flag, text))
    if parts.count == 3 {
      var seen = MountWords(flag: flag, text: text)
      for word in parts[2].split(separator: ",") { try seen.take(String(word), into: &self) }
    }
  }

  /// `--mount type=bind|tmpfs|volume,source=…,destination=…[,readonly][,…]`.
  public init(mountFlag text: String) throws(Problem) {
    let flag = "--mount"
    var members: [(name: String, value: String?)] = []
    for field in try Self.fields(text) {
      let parts = field.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      members.append((parts[0].lowercased(), parts.count == 2 ? parts[1] : nil))
    }
    func take(_ names: String...) -> String? {
      defer { members.removeAll { names.contains($0.name) } }
      return members.last { names.contains($0.name) }?.value
    }
    let type = take("type") ?? "volume"
    let source = take("source", "src")
    guard let target = take("destination", "dst", "target") else {
      throw FlagValue.invalid(text, flag, "destination is missing")
    }
    let kind: Kind
    switch type {
    case "bind":
      guard let source, !source.isEmpty else { throw FlagValue.invalid(text, flag, "a bind mount needs a source") }
      kind = .bind(source: try Self.absolute(source, flag: flag, text))
    case "volume":
      if let source, !source.isEmpty { try VolumeName.check(source) }
      kind = .volume(name: source.flatMap { $0.isEmpty ? nil : $0 })
    case "tmpfs":
      guard source == nil else { throw FlagValue.invalid(text, flag, "a tmpfs has no source") }
      kind = .tmpfs
    default:
      throw Problem(
        code: .unsupported, message: "--mount type \"\(type)\" is not supported", hint: "use bind, volume or tmpfs")
    }
    self.init(kind, destination: try Self.destination(target, flag: flag, text))
    if kind == .tmpfs { options = Self.tmpfsDefaults }
    var seen = MountWords(flag: flag, text: text)
    for (name, value) in members { try seen.take(member: name, value, into: &self) }
  }

  /// `--tmpfs DESTINATION[:OPTIONS]`.
  public init(tmpfsFlag text: String) throws(Problem) {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    self.init(.tmpfs, destination: try Self.destination(parts[0], flag: "--tmpfs", text))
    options = Self.tmpfsDefaults
    var seen = MountWords(flag: "--tmpfs", text: text)
    if parts.count == 2 { for word in parts[1].split(separator: ",") { try seen.take(String(word), into: &self) } }
  }
  /// Source: podman-run(1), "--tmpfs".
  static let tmpfsDefaults = ["noexec", "nosuid", "nodev"]

  static func isPath(_ source: String) -> Bool {
    source.hasPrefix("/") || source == "." || source == ".." || source.hasPrefix("./") || source.hasPrefix("../")
  }
  private static func absolute(_ path: String, flag: String, _ text: String) throws(Problem) -> String {
    if path.hasPrefix("/") { return PathText.normal(path) }
    guard let here = getcwd(nil, 0) else { throw FlagValue.invalid(text, flag, "the working directory is gone") }
    defer { free(here) }
    return PathText.normal(String(cString: here) + "/" + path)
  }
  private static func destination(_ path: String, flag: String, _ text: String) throws(Problem) -> String {
    guard path.hasPrefix("/") else {
      throw FlagValue.invalid(text, flag, "the destination \"\(path)\" is not an absolute path")
    }
    let normal = PathText.normal(path)
    guard normal != "/" else { throw FlagValue.invalid(text, flag, "the destination is the root directory") }
    return normal
  }

  /// Comma-separated fields, where a field may be quoted to hold commas.
  private static func fields(_ text: String) throws(Problem) -> [String] {
    var result: [String] = [""]
    var quoted = false
    for character in text {
      switch character {
      case "\"": quoted.toggle()
      case "," where !quoted: result.append("")
      default: result[result.count - 1].append(character)
      }
    }
    guard !quoted, !result.contains("") else {
      throw FlagValue.invalid(text, "--mount", "want NAME=VALUE pairs separated by commas")
    }
    return result
  }
}

/// The option words of one mount flag, as they come: unknown, repeated and contradicting ones are errors.
private struct MountWords {
  let flag: String
  let text: String
  private var groups: Set<String> = []

  init(flag: String, text: String) {
    self.flag = flag
    self.text = text
  }

  /// Words of one group exclude each other.
  private static let groupOf: [String: String] = [
    "ro": "access", "rw": "access", "noexec": "exec", "exec": "exec", "nosuid": "suid", "suid": "suid",
    "nodev": "dev", "dev": "dev", "z": "label", "Z": "label", "copy": "copy", "nocopy": "copy",
    "private": "propagation", "rprivate": "propagation", "shared": "propagation", "rshared": "propagation",
    "slave": "propagation", "rslave": "propagation", "unbindable": "propagation", "runbindable": "propagation",
    "bind": "bind", "rbind": "bind", "noatime": "atime", "atime": "atime", "relatime": "atime", "U": "chown",
    "sync": "sync", "async": "sync", "tmpcopyup": "copyup", "notmpcopyup": "copyup",
    "consistent": "consistency", "cached": "consistency", "delegated": "consistency",
  ]
  private static let tmpfsNames: Set<String> = ["size", "mode", "uid", "gid", "nr_inodes", "nr_blocks", "huge"]

  mutating func take(_ word: String, into mount: inout ContainerMount) throws(Problem) {
    if let equals = word.firstIndex(of: "=") {
      guard mount.kind == .tmpfs, Self.tmpfsNames.contains(String(word[..<equals])) else { throw unknown(word) }
      mount.options.append(word)
      return
    }
    guard let group = Self.groupOf[word] else { throw unknown(word) }
    guard groups.insert(group).inserted else {
      throw FlagValue.invalid(text, flag, "\"\(word)\" contradicts or repeats an earlier option")
    }
    switch word {
    case "ro": mount.readOnly = true
    case "nocopy": mount.noCopy = true
    case "U": mount.chown = true
    // No SELinux, nothing to label; the consistency words speak of Docker on a Mac; the rest are the defaults.
    case "rw", "copy", "z", "Z", "consistent", "cached", "delegated", "notmpcopyup": break
    case "tmpcopyup" where mount.kind != .tmpfs: throw unknown(word)
    default:
      mount.options.removeAll { Self.groupOf[$0] == group }
      mount.options.append(word)
    }
  }

  mutating func take(member name: String, _ value: String?, into mount: inout ContainerMount) throws(Problem) {
    switch name {
    case "readonly", "ro", "rw":
      guard let flagged = Self.truth(value) else { throw FlagValue.invalid(text, flag, "\(name) is true or false") }
      try take((name == "rw") == flagged ? "rw" : "ro", into: &mount)
    case "bind-propagation": try take(value ?? "", into: &mount)
    case "bind-nonrecursive": if Self.truth(value) == true { try take("bind", into: &mount) }
    case "volume-nocopy": if Self.truth(value) == true { try take("nocopy", into: &mount) }
    case "u", "chown": if Self.truth(value) == true { try take("U", into: &mount) }
    case "relabel": break
    case "consistency": try take(value ?? "", into: &mount)
    case "tmpfs-size": mount.options.append("size=\(try FlagValue.bytes(value ?? "", flag: "--mount tmpfs-size"))")
    case "tmpfs-mode": mount.options.append("mode=\(value ?? "")")
    default:
      if let value { try take("\(name)=\(value)", into: &mount) } else { try take(name, into: &mount) }
    }
  }
  private static func truth(_ value: String?) -> Bool? {
    switch value {
    case nil, "true", "1": true
    case "false", "0": false
    default: nil
    }
  }
  private func unknown(_ word: String) -> Problem { FlagValue.invalid(text, flag, "unknown option \"\(word)\"") }
}
