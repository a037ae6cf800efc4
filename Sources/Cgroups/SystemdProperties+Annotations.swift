import DBus
import Problems

extension SystemdProperties {
  private static let prefix = "org.systemd.property."

  /// Properties that the container's annotations give its unit: "org.systemd.property.TimeoutStopUSec" is
  /// "uint64 5000000".
  ///
  /// - Source: runc's docs/systemd.md, "Auxiliary properties"; GVariant text format, of which plain strings, booleans,
  ///   integers with or without a type word, and lists of strings are taken. "Sec" names are turned into "USec".
  /// - Throws: `.invalid` for a name or a value that is none.
  init(annotations: [String: String]) throws(Problem) {
    for (key, text) in annotations.sorted(by: { $0.key < $1.key }) where key.hasPrefix(Self.prefix) {
      let name = String(key.dropFirst(Self.prefix.count))
      guard let first = name.first, first.isASCII, first.isUppercase,
        name.allSatisfy({ $0.isASCII && $0.isLetter })
      else { throw Problem(code: .invalid, message: "annotation \(key) names no property of systemd") }
      guard let value = Self.value(text) else {
        throw Problem(
          code: .invalid, message: "annotation \(key): \"\(text)\" is no value",
          hint: "such as 'text', true or uint64 5")
      }
      if name.hasSuffix("Sec"), !name.hasSuffix("USec"), let seconds = value.integer {
        let (microseconds, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000)
        guard !overflows else { throw Problem(code: .invalid, message: "annotation \(key): \(text) is too long") }
        put(String(name.dropLast(3)) + "USec", .uint64(microseconds))
      } else {
        put(name, value)
      }
    }
  }

  mutating func put(_ other: SystemdProperties) {
    for property in other.list {
      // DeviceAllow is there twice: first emptied, then filled.
      if property.name == "DeviceAllow" {
        append(property.name, property.value)
      } else {
        put(property.name, property.value)
      }
    }
  }

  static func value(_ text: String) -> DBusValue? {
    let words = text.split(separator: " ", maxSplits: 1).map(String.init)
    if words.count == 2, !text.hasPrefix("'"), !text.hasPrefix("\""), !text.hasPrefix("[") {
      switch words[0] {
      case "byte": return UInt8(words[1]).map(DBusValue.byte)
      case "int32": return Int32(words[1]).map(DBusValue.int32)
      case "uint32": return UInt32(words[1]).map(DBusValue.uint32)
      case "int64": return Int64(words[1]).map(DBusValue.int64)
      case "uint64": return UInt64(words[1]).map(DBusValue.uint64)
      default: return nil
      }
    }
    if text == "true" || text == "false" { return .boolean(text == "true") }
    if let number = Int32(text) { return .int32(number) }
    if let quoted = quoted(text[...]) { return .string(quoted) }
    guard text.hasPrefix("["), text.hasSuffix("]") else { return nil }
    var strings: [DBusValue] = []
    for part in text.dropFirst().dropLast().split(separator: ",", omittingEmptySubsequences: false) {
      var trimmed = part.drop { $0 == " " }
      while trimmed.last == " " { trimmed.removeLast() }
      guard let string = quoted(trimmed) else { return nil }
      strings.append(.string(string))
    }
    return .array(of: .string, strings)
  }
  private static func quoted(_ text: Substring) -> String? {
    guard text.count >= 2, let quote = text.first, quote == "'" || quote == "\"", text.last == quote else { return nil }
    let inner = text.dropFirst().dropLast()
    return inner.contains(quote) || inner.contains("\\") ? nil : String(inner)
  }
}

extension DBusValue {
  fileprivate var integer: UInt64? {
    switch self {
    case .byte(let value): UInt64(value)
    case .int32(let value): UInt64(exactly: value)
    case .uint32(let value): UInt64(value)
    case .int64(let value): UInt64(exactly: value)
    case .uint64(let value): value
    default: nil
    }
  }
}
