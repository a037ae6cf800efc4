import Networking
public import Problems

extension DeviceMapping {
  /// `--device HOST[:CONTAINER][:ACCESS]`.
  public init(flag text: String) throws(Problem) {
    let flag = "--device"
    let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    if text.contains("="), !text.hasPrefix("/") {
      throw Problem(code: .unsupported, message: "--device \"\(text)\": CDI devices are not supported yet")
    }
    guard (1...3).contains(parts.count), parts[0].hasPrefix("/") else {
      throw FlagValue.invalid(text, flag, "want /HOST/PATH[:/CONTAINER/PATH][:rwm]")
    }
    self.init(hostPath: parts[0], containerPath: parts[0])
    var rest = parts.dropFirst()
    if let path = rest.first, path.hasPrefix("/") {
      containerPath = path
      rest = rest.dropFirst()
    }
    if let words = rest.first {
      let letters = Set(words)
      guard rest.count == 1, !words.isEmpty, letters.count == words.count, letters.isSubset(of: ["r", "w", "m"]) else {
        throw FlagValue.invalid(text, flag, "the access is made of r, w and m")
      }
      access = words
    }
  }
}

extension Ulimit {
  /// Names of prlimit(2)'s resources, without RLIMIT_.
  static let names = [
    "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio",
    "rttime", "sigpending", "stack", "as",
  ]
  /// `--ulimit NAME=SOFT[:HARD]`.
  public init(flag text: String) throws(Problem) {
    let flag = "--ulimit"
    let pair = try FlagValue.pair(text, flag: flag)
    let name = pair.name.lowercased()
    guard Self.names.contains(name) else {
      throw FlagValue.invalid(
        text, flag, "unknown limit \"\(pair.name)\": want one of \(Self.names.joined(separator: ", "))")
    }
    let values = pair.value.split(separator: ":", omittingEmptySubsequences: false).map { value in
      value == "unlimited" ? -1 : Int64(value)
    }
    guard (1...2).contains(values.count), let soft = values[0], let hard = values[values.count - 1], soft >= -1,
      hard >= -1
    else {
      throw FlagValue.invalid(text, flag, "want NAME=SOFT[:HARD] with numbers or -1")
    }
    guard hard == -1 || (soft != -1 && soft <= hard) else {
      throw FlagValue.invalid(text, flag, "the soft limit is above the hard limit")
    }
    self.init(name: name, soft: soft, hard: hard)
  }
}

extension HostEntry {
  /// Stands for the host, as the container reaches it.
  static let hostGateway = "host-gateway"
  /// `--add-host NAME[;NAME…]:ADDRESS`, and as Docker has it: `NAME=ADDRESS`, an IPv6 address in brackets.
  public init(flag text: String) throws(Problem) {
    let flag = "--add-host"
    guard let separator = text.firstIndex(where: { $0 == ":" || $0 == "=" }), separator != text.startIndex else {
      throw FlagValue.invalid(text, flag, "want NAME:ADDRESS")
    }
    var address = text[text.index(after: separator)...]
    if address.hasPrefix("["), address.hasSuffix("]") { address = address.dropFirst().dropLast() }
    guard address == Self.hostGateway || IPAddress(address) != nil else {
      throw FlagValue.invalid(text, flag, "\"\(address)\" is not an IP address")
    }
    let names = text[..<separator].split(separator: ";")
    if names.isEmpty { throw FlagValue.invalid(text, flag, "the name is empty") }
    guard !names.contains(where: { $0.contains(where: \.isWhitespace) }) else {
      throw FlagValue.invalid(text, flag, "a name has no spaces: several go with \";\" between them")
    }
    self.init(name: names.joined(separator: " "), address: String(address))
  }
}

extension NamespaceMode {
  /// - Parameter flag: "--pid", "--ipc", "--uts", "--cgroupns" or "--time": not every mode fits every namespace.
  public init(_ text: String, flag: String) throws(Problem) {
    let isIPC = flag == "--ipc"
    switch text {
    case "host": self = .host
    case "private", "": self = .private
    case "shareable" where isIPC: self = .shareable
    case "none" where isIPC: self = .none
    default:
      if let name = NamespaceMode.rest(of: text, after: "container:") {
        self = .container(name)
      } else if let path = NamespaceMode.rest(of: text, after: "ns:"), path.hasPrefix("/") {
        self = .path(path)
      } else {
        let more = isIPC ? "shareable, none, " : ""
        throw FlagValue.invalid(text, flag, "want host, private, \(more)container:NAME or ns:/PATH")
      }
    }
  }
  static func rest(of text: String, after prefix: String) -> String? {
    guard text.hasPrefix(prefix), text.utf8.count > prefix.utf8.count else { return nil }
    return String(text.dropFirst(prefix.count))
  }
  /// As the flag takes it; Docker's HostConfig shows it so, too.
  var text: String {
    switch self {
    case .host: "host"
    case .private: "private"
    case .shareable: "shareable"
    case .none: "none"
    case .container(let name): "container:\(name)"
    case .path(let path): "ns:\(path)"
    }
  }
}
