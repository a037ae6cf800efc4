import CCrypto

/// A SHA-256 sum in the making.
public struct SHA256Stream: Sendable {
  private var context = SHA256_CTX()

  public init() { SHA256_Init(&context) }

  public mutating func update(_ bytes: UnsafeRawBufferPointer) {
    if !bytes.isEmpty { SHA256_Update(&context, bytes.baseAddress, bytes.count) }
  }
  public mutating func update(_ bytes: [UInt8]) { bytes.withUnsafeBytes { update($0) } }

  /// The digest of all bytes so far; the stream can go on.
  public func digest() -> Digest {
    var copy = context
    var sum = [UInt8](repeating: 0, count: 32)
    SHA256_Final(&sum, &copy)
    return Digest(sum: sum)
  }
}

extension Digest {
  /// The digest of these bytes.
  public init(of bytes: [UInt8]) {
    var stream = SHA256Stream()
    stream.update(bytes)
    self = stream.digest()
  }
}
