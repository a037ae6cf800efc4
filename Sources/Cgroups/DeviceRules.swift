package import Problems
package import RuntimeSpec

/// Which devices the container may use: rules in order, the last that matches decides; none matches: refused.
package struct DeviceRules: Equatable, Sendable {
  /// One rule about one kind of device; nil is any number.
  package struct Rule: Equatable, Sendable {
    package enum Kind: Character, Sendable { case block = "b", character = "c" }
    package let isAllowed: Bool
    package let kind: Kind
    package let major: UInt32?
    package let minor: UInt32?
    /// Of "rwm".
    package let access: String

    /// As version 1's files take it: "c 1:3 rwm".
    var text: String {
      "\(kind.rawValue) \(major.map { String($0) } ?? "*"):\(minor.map { String($0) } ?? "*") \(access)"
    }
  }
  /// What holds where no rule matches.
  package private(set) var allowsByDefault = false
  package private(set) var rules: [Rule] = []

  /// - Parameter devices: `linux.resources.devices`; the specification's default devices are added at the end.
  /// - Throws: `.invalid` for an unknown type, access or number.
  package init(_ devices: [DeviceRule]) throws(Problem) {
    for device in devices { try add(device) }
    if allowsByDefault && rules.isEmpty { return }
    for (kind, major, minor, access) in Self.standard {
      rules.append(Rule(isAllowed: true, kind: kind, major: major, minor: minor, access: access))
    }
  }

  private mutating func add(_ device: DeviceRule) throws(Problem) {
    let access = device.access.flatMap { $0.isEmpty ? nil : $0 } ?? "rwm"
    guard access.allSatisfy({ $0 == "r" || $0 == "w" || $0 == "m" }) else {
      throw Problem(code: .invalid, message: "device access \"\(access)\" is not made of r, w and m")
    }
    let major = try Self.number(device.major, "major")
    let minor = try Self.number(device.minor, "minor")
    let kinds: [Rule.Kind]
    switch device.type ?? "" {
    case "b": kinds = [.block]
    case "c", "u": kinds = [.character]
    case "a", "": kinds = [.block, .character]
    default: throw Problem(code: .invalid, message: "unknown device type \"\(device.type ?? "")\"")
    }
    let isAll = kinds.count == 2 && major == nil && minor == nil
    if isAll && Set(access) == ["r", "w", "m"] {
      allowsByDefault = device.allow
      rules = []
      return
    }
    for kind in kinds {
      rules.append(Rule(isAllowed: device.allow, kind: kind, major: major, minor: minor, access: access))
    }
  }
  private static func number(_ value: Int64?, _ what: String) throws(Problem) -> UInt32? {
    guard let value, value != -1 else { return nil }
    guard let number = UInt32(exactly: value) else {
      throw Problem(code: .invalid, message: "device \(what) number \(value) is out of range")
    }
    return number
  }

  /// Node making of all kinds; null, zero, full, tty, random, urandom, console, ptmx and the terminals.
  /// - Source: config-linux.md, "Default Devices"; runc's AllowedDevices.
  private static let standard: [(Rule.Kind, UInt32?, UInt32?, String)] = [
    (.character, nil, nil, "m"), (.block, nil, nil, "m"), (.character, 1, 3, "rwm"), (.character, 1, 8, "rwm"),
    (.character, 1, 7, "rwm"), (.character, 5, 0, "rwm"), (.character, 1, 5, "rwm"), (.character, 1, 9, "rwm"),
    (.character, 5, 1, "rwm"), (.character, 136, nil, "rwm"), (.character, 5, 2, "rwm"),
  ]
}
