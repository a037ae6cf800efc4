import Glibc
import Problems
import Sys

/// Settings of every command: global flags, then the process's environment, then the environment file, then what is
/// built in.
struct Settings {
  private let flags: Flags?
  /// `NAME=value` of the file, in its order.
  private let file: [(name: String, value: String)]

  static let path = "/etc/default/berth-runtime"
  private enum Limit { static let bytesMax = 64 << 10, createMilliseconds = 60_000 }

  /// - Parameter path: an absent file sets nothing; a malformed line is an error that names it.
  init(_ flags: Flags? = nil, path: String = Settings.path) throws(Problem) {
    self.flags = flags
    let text: String
    do throws(Errno) { text = try readText(path, limit: Limit.bytesMax) } catch {
      if error == .notFound || error == .accessDenied || error == .notDirectory {
        file = []
        return
      }
      throw Problem(code: Problem.Code(error), message: "read \(path)", cause: error)
    }
    file = try Self.parse(text, path)
  }

  /// KEY=VALUE lines; `#` begins a comment; one pair of quotes around a value goes.
  static func parse(_ text: String, _ path: String) throws(Problem) -> [(name: String, value: String)] {
    var result: [(name: String, value: String)] = []
    for (number, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
      let line = trimmed(line)
      if line.isEmpty || line.first == "#" { continue }
      let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      let name = trimmed(parts[0])
      guard parts.count == 2, !name.isEmpty, !name.contains(where: \.isWhitespace) else {
        throw Problem(code: .invalid, message: "\(path):\(number + 1): expected NAME=value, not \"\(line)\"")
      }
      var value = trimmed(parts[1])
      for quote: Character in ["\"", "'"] where value.count > 1 && value.first == quote && value.last == quote {
        value = value.dropFirst().dropLast()
        break
      }
      result.append((String(name), String(value)))
    }
    return result
  }
  private static func trimmed(_ text: Substring) -> Substring {
    var text = text
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return text
  }

  /// Those that are flags under the same name ("--create-timeout"), each with a value.
  static let grammar = [
    "log-format=", "log-level=", "root=", "log=", "create-timeout=", "start-timeout=", "kill-timeout=",
    "delete-timeout=", "create-hook=", "create-hook-timeout=", "apparmor=", "capabilities=", "cgroup-devices=",
    "seccomp=", "rootless=",
  ]

  /// - Parameter name: without its `BERTH_RUNTIME_`.
  subscript(name: String) -> String? {
    if let value = flags?[Self.flag(name)] { return value }
    let full = "BERTH_RUNTIME_" + name
    return environmentVariable(full) ?? file.last { $0.name == full }?.value
  }
  private static func flag(_ name: String) -> String {
    String(decoding: name.utf8.map { $0 == UInt8(ascii: "_") ? UInt8(ascii: "-") : $0 | 0x20 }, as: UTF8.self)
  }
  /// What the user wrote to set this.
  private func source(_ name: String) -> String {
    flags?.has(Self.flag(name)) == true ? "--" + Self.flag(name) : "BERTH_RUNTIME_" + name
  }

  /// How long a container may take to come up, and whoever takes its terminal.
  func createMilliseconds() throws(Problem) -> Int { try milliseconds("CREATE_TIMEOUT", or: Limit.createMilliseconds) }
  /// `30`, `30s`, `500ms`, `2m`: milliseconds.
  func milliseconds(_ name: String, or standard: Int) throws(Problem) -> Int {
    guard let text = self[name] else { return standard }
    guard let value = Self.milliseconds(text) else {
      throw Problem(code: .invalid, message: "\(source(name)) is a time such as 30s or 500ms, not \"\(text)\"")
    }
    return value
  }
  static func milliseconds(_ text: String) -> Int? {
    let digits = text.prefix { $0.isASCII && $0.isNumber }
    let units = ["": 1000, "s": 1000, "ms": 1, "m": 60_000, "h": 3_600_000]
    guard let number = Int(digits), let unit = units[String(text.dropFirst(digits.count))] else { return nil }
    let product = number.multipliedReportingOverflow(by: unit)
    return product.overflow ? nil : product.partialValue
  }

  /// A gate that is open unless it is set to `false` or `0`.
  func isOpen(_ name: String) throws(Problem) -> Bool { try boolean(name) ?? true }

  private func boolean(_ name: String) throws(Problem) -> Bool? {
    switch self[name]?.lowercased() {
    case nil, "": nil
    case "true", "1": true
    case "false", "0": false
    case let other?: throw Problem(code: .invalid, message: "\(source(name)) is true or false, not \"\(other)\"")
    }
  }

  /// `--rootless`: whether cgroups that refuse are left out; nil decides by who we are.
  func isRootless() throws(Problem) -> Bool? { self["ROOTLESS"] == "auto" ? nil : try boolean("ROOTLESS") }
}
