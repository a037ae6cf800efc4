package import Problems
package import RuntimeSpec

/// Which devices the container may use: rules in order, the last that matches decides; none matches: refused.
package struct DeviceRules: Equatable, Sendable {
  /// One rule about one kind of device; nil is any number.
  package struct Rule: Equatable, Sendable {
    package enum Kind: String, Sendable { case block = "b", character = "c" }
    package let isAllowed: Bool
    package let kind: Kind
    package let major: UInt32?
    package let minor: UInt32?
    /// Of "rwm".
    package let access: String

    /// As version 1's files take it: "c 1:3 rwm".
    var text: String {
      kind.rawValue + " " + Self.text(major) + ":" + Self.text(minor) + " " + access
    }
    private static func text(_ number: UInt32?) -> String { number.map { String($0) } ?? "*" }
  }
  /// What holds where no rule matches.
  package private(set) var allowsByDefault = false
  package private(set) var rules: [Rule] = []

  /// - Parameter devices: `linux.resources.devices`; the specification's default devices are added at the end.
  /// - Throws: `.invalid` for an unknown type, access or number.
  package init(_ devices: [DeviceRule]) throws(Problem) {
    for device in devices { try add(device) }
    if allowsByDefault && rules.isEmpty { return }
    rules += Self.standard
  }

  private mutating func add(_ device: DeviceRule) throws(Problem) {
    let access = device.access.flatMap { $0.isEmpty ? nil : $0 } ?? "rwm"
    guard access.allSatisfy({ $0 == "r" || $0 == "w" || $0 == "m" }) else {
      throw Problem(code: .invalid, message: "device access \"\(access)\" is not made of r, w and m")
    }
    let major = try Self.number(device.major, "major")
    let minor = try Self.number(device.minor, "minor")
    let (blocks, characters) =
      switch device.type ?? "" {
      case "b": (true, false)
      case "c", "u": (false, true)
      case "a", "": (true, true)
      default: throw Problem(code: .invalid, message: "unknown device type \"\(device.type ?? "")\"")
      }
    let isAll = blocks && characters && major == nil && minor == nil
    if isAll && access.contains("r") && access.contains("w") && access.contains("m") {
      allowsByDefault = device.allow
      rules = []
      return
    }
    func add(_ kind: Rule.Kind) {
      rules.append(Rule(isAllowed: device.allow, kind: kind, major: major, minor: minor, access: access))
    }
    if blocks { add(.block) }
    if characters { add(.character) }
  }
  private static func number(_ value: Int64?, _ what: String) throws(Problem) -> UInt32? {
    guard let value, value != -1 else { return nil }
    guard let number = UInt32(exactly: value) else {
      throw Problem(code: .invalid, message: "device \(what) number \(value) is out of range")
    }
    return number
  }

  /// Node making of all kinds; null, zero, full, tty, random, urandom, console, ptmx, the terminals, tun.
  /// - Source: config-linux.md, "Default Devices"; runc's AllowedDevices.
  private static let standard = [
    Rule(isAllowed: true, kind: .character, major: nil, minor: nil, access: "m"),
    Rule(isAllowed: true, kind: .block, major: nil, minor: nil, access: "m"),
    allowed(1, 3), allowed(1, 8), allowed(1, 7), allowed(5, 0), allowed(1, 5), allowed(1, 9), allowed(5, 1),
    allowed(136, nil), allowed(10, 200), allowed(5, 2),
  ]
  private static func allowed(_ major: UInt32, _ minor: UInt32?) -> Rule {
    Rule(isAllowed: true, kind: .character, major: major, minor: minor, access: "rwm")
  }
}
