import DNSRecords

/// A domain name as packets carry it: labels with their length before them, without the root's zero.
///
/// Source: RFC 1035, 2.3.4 and 3.1.
package enum DomainName {
  enum Limit {
    static let labelBytesMax = 63
    /// Without the root label's zero byte.
    static let wireBytesMax = 254
  }

  /// The wire form of a dotted name, its case kept; nil where the text is no name.
  package static func wire(_ text: String) -> [UInt8]? {
    var wire: [UInt8] = []
    for label in text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false) {
      guard (1...Limit.labelBytesMax).contains(label.count) else { return nil }
      wire.append(UInt8(label.count))
      wire.append(contentsOf: label)
    }
    return wire.count <= Limit.wireBytesMax ? wire : nil
  }

  @inline(__always) static func lowercased(_ byte: UInt8) -> UInt8 {
    byte >= UInt8(ascii: "A") && byte <= UInt8(ascii: "Z") ? byte | 0x20 : byte
  }

  /// The name without these last labels; nil where it does not end so, or has nothing before them.
  static func removing(suffix: [UInt8], from name: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
    var place = name.startIndex
    while name.endIndex - place > suffix.count { place += 1 + Int(name[place]) }
    guard place > name.startIndex, name.endIndex - place == suffix.count, name[place...].elementsEqual(suffix) else {
      return nil
    }
    return name[..<place]
  }

  static func lies(_ name: ArraySlice<UInt8>, in zone: [UInt8]) -> Bool {
    name.elementsEqual(zone) || removing(suffix: zone, from: name) != nil
  }

  static func isOneLabel(_ name: ArraySlice<UInt8>) -> Bool {
    name.first.map { Int($0) + 1 == name.count } ?? false
  }

  private static let ipv4Reverse = wire("in-addr.arpa") ?? []
  private static let ipv6Reverse = wire("ip6.arpa") ?? []

  /// The address that a reverse name asks for. Source: RFC 1035, 3.5; RFC 3596, 2.5.
  /// - Parameter name: in lower case.
  static func address(inReverse name: ArraySlice<UInt8>) -> HostAddress? {
    if let labels = removing(suffix: ipv4Reverse, from: name) {
      var bytes: [UInt8] = []
      var place = labels.startIndex
      while place < labels.endIndex {
        let end = place + 1 + Int(labels[place])
        guard bytes.count < 4, let value = UInt8(String(decoding: labels[(place + 1)..<end], as: UTF8.self)) else {
          return nil
        }
        bytes.append(value)
        place = end
      }
      return bytes.count == 4 ? HostAddress(bytes: bytes.reversed()) : nil
    }
    guard let labels = removing(suffix: ipv6Reverse, from: name), labels.count == 64 else { return nil }
    var bytes = [UInt8](repeating: 0, count: 16)
    for nibble in 0..<32 {
      let place = labels.startIndex + 2 * nibble
      guard labels[place] == 1, let value = hexadecimal(labels[place + 1]) else { return nil }
      bytes[15 - nibble / 2] |= nibble % 2 == 0 ? value : value << 4
    }
    return HostAddress(bytes: bytes)
  }
  private static func hexadecimal(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
