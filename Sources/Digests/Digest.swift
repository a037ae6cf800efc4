/// The name of some content: `sha256:` and 64 lower-case hex digits.
///
/// Source: image-spec, descriptor.md, "Digests".
public struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
  /// 64 lower-case hex digits.
  public let hex: String

  /// Accepts the full form `sha256:<64 hex>` only; nil for any other algorithm, length or letter.
  public init?(_ text: some StringProtocol) {
    guard text.hasPrefix("sha256:") else { return nil }
    self.init(hex: text.dropFirst(7))
  }

  /// Accepts 64 lower-case hex digits.
  public init?(hex: some StringProtocol) {
    let digits = hex.utf8
    guard digits.count == 64, digits.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else {
      return nil
    }
    self.hex = String(hex)
  }

  /// - Parameter bytes: the 32 bytes of a SHA-256 sum.
  init(sum bytes: some Collection<UInt8>) {
    precondition(bytes.count == 32, "not a SHA-256 sum: \(bytes.count) bytes")
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    text.reserveCapacity(64)
    for byte in bytes {
      text.append(digits[Int(byte >> 4)])
      text.append(digits[Int(byte & 15)])
    }
    hex = String(decoding: text, as: UTF8.self)
  }

  public static func < (a: Digest, b: Digest) -> Bool { a.hex < b.hex }
  public var description: String { "sha256:" + hex }
  /// The first 12 digits, as `images` and `ps` show them.
  public var short: String { String(hex.prefix(12)) }
}
