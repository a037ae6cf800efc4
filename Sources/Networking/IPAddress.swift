import Glibc

/// An address of IPv4 or IPv6.
public struct IPAddress: Hashable, Sendable, Comparable {
  public enum Family: Hashable, Sendable { case v4, v6 }
  public let family: Family
  /// The address as a number.
  public let value: UInt128

  public init(_ family: Family, _ value: UInt128) {
    self.family = family
    self.value = family == .v4 ? value & 0xffff_ffff : value
  }
  /// "10.0.0.1", "fd00::1"; nil for anything else.
  public init?(_ text: some StringProtocol) {
    var room = in6_addr()
    if inet_pton(AF_INET, String(text), &room) == 1 {
      self.init(bytes: withUnsafeBytes(of: room) { Array($0.prefix(4)) })
    } else if inet_pton(AF_INET6, String(text), &room) == 1 {
      self.init(bytes: withUnsafeBytes(of: room) { Array($0) })
    } else {
      return nil
    }
  }
  /// 4 or 16 bytes in network order; nil for any other number of them.
  public init?(bytes: [UInt8]) {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    self.init(bytes.count == 4 ? .v4 : .v6, bytes.reduce(0) { $0 << 8 | UInt128($1) })
  }

  /// 4 or 16 bytes in network order.
  public var bytes: [UInt8] {
    stride(from: family.bits - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: value >> $0) }
  }
  public static func < (a: IPAddress, b: IPAddress) -> Bool {
    a.family == b.family ? a.value < b.value : a.family == .v4
  }
  /// The address `offset` further on; nil past the end of all addresses.
  public func advanced(by offset: UInt128) -> IPAddress? {
    let (sum, overflow) = value.addingReportingOverflow(offset)
    guard !overflow, family == .v6 || sum <= 0xffff_ffff else { return nil }
    return IPAddress(family, sum)
  }

  public var isUnspecified: Bool { value == 0 }
  public var isLoopback: Bool { family == .v4 ? value >> 24 == 127 : value == 1 }
  /// One of a single link, such as fe80::1.
  public var isLinkLocal: Bool { family == .v4 ? value >> 16 == 0xa9fe : value >> 118 == 0x3fa }
}

extension IPAddress.Family {
  public var bits: Int { self == .v4 ? 32 : 128 }
}

extension IPAddress: CustomStringConvertible {
  public var description: String {
    var text = [CChar](repeating: 0, count: 64)
    bytes.withUnsafeBytes { raw in
      _ = inet_ntop(family == .v4 ? AF_INET : AF_INET6, raw.baseAddress, &text, socklen_t(text.count))
    }
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// A block of addresses, such as 10.89.0.0/24.
public struct Subnet: Hashable, Sendable {
  /// Its first address.
  public let base: IPAddress
  public let prefix: Int

  /// - Parameter address: any address in it.
  public init?(_ address: IPAddress, prefix: Int) {
    guard (0...address.family.bits).contains(prefix) else { return nil }
    self.prefix = prefix
    base = IPAddress(address.family, address.value & Self.mask(address.family, prefix))
  }
  /// "10.89.0.0/24"; bits behind the prefix are taken off; nil for anything else.
  public init?(_ text: some StringProtocol) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = IPAddress(parts[0]), let prefix = Int(parts[1]) else { return nil }
    self.init(address, prefix: prefix)
  }
  private static func mask(_ family: IPAddress.Family, _ prefix: Int) -> UInt128 {
    prefix == 0 ? 0 : ~UInt128(0) << (family.bits - prefix)
  }

  public var family: IPAddress.Family { base.family }
  public var last: IPAddress {
    let rest = family.bits - prefix
    return IPAddress(family, base.value | (rest == 128 ? ~0 : (UInt128(1) << rest) - 1))
  }
  public func contains(_ address: IPAddress) -> Bool {
    address.family == family && address.value & Self.mask(family, prefix) == base.value
  }
  /// 224.0.0.0/4 and ff00::/8.
  public var isMulticast: Bool { family == .v4 ? base.value >> 28 == 0xe : base.value >> 120 == 0xff }
  public func overlaps(_ other: Subnet) -> Bool { contains(other.base) || other.contains(base) }
  /// The addresses for hosts: neither the network's nor the broadcast address of IPv4, nor the router's of IPv6.
  public var hosts: ClosedRange<IPAddress>? {
    guard family.bits - prefix >= 2, let first = base.advanced(by: 1) else { return nil }
    let last = family == .v4 ? IPAddress(.v4, last.value - 1) : last
    return first...last
  }
  /// The block of the same size behind this one.
  public var next: Subnet? {
    last.advanced(by: 1).flatMap { Subnet($0, prefix: prefix) }
  }
}

extension Subnet: CustomStringConvertible {
  public var description: String { "\(base)/\(prefix)" }
}

/// The address of an Ethernet interface.
public struct MACAddress: Hashable, Sendable, CustomStringConvertible {
  /// Six.
  public let bytes: [UInt8]

  public init?(bytes: [UInt8]) {
    guard bytes.count == 6 else { return nil }
    self.bytes = bytes
  }
  /// "92:d0:c6:0a:29:33", with ":" or "-"; one for a group of hosts is none.
  public init?(_ text: String) {
    let parts = text.split(omittingEmptySubsequences: false) { $0 == ":" || $0 == "-" }
    let bytes = parts.compactMap { $0.utf8.count == 2 ? UInt8($0, radix: 16) : nil }
    guard parts.count == 6, bytes.count == 6, bytes[0] & 1 == 0, bytes.contains(where: { $0 != 0 }) else { return nil }
    self.bytes = bytes
  }
  /// The one that belongs to an IP address: whoever gets the address later has the same, so that what others
  /// remember of it stays true.
  public init(of address: IPAddress) {
    // Locally administered; Docker does the same with 02:42.
    let end = address.bytes.suffix(4)
    bytes = [0x02, address.family == .v4 ? 0xbe : 0xb6] + end
  }
  public var description: String {
    let digits = Array("0123456789abcdef".utf8)
    let parts = bytes.map { String(decoding: [digits[Int($0 >> 4)], digits[Int($0 & 15)]], as: UTF8.self) }
    return parts.joined(separator: ":")
  }
}
