import CSys
import Digests
import Glibc
package import Problems
import Sys
import UnpackProtocol

/// Something that gives a tar's bytes, a piece at a time.
package protocol ByteSource: AnyObject {
  /// The next bytes, valid until the next call; none at the end.
  func next() throws(Problem) -> UnsafeRawBufferPointer
}

/// A layer's plain tar: read from a descriptor, inflated, and hashed on both sides.
final class LayerStream: ByteSource {
  /// Bytes of one buffer.
  static let bufferBytes = 256 << 10
  /// Output may be this many times the input once it is larger than `ratioFreeBytes`: no real layer is.
  static let ratioMax: Int64 = 200
  static let ratioFreeBytes: Int64 = 8 << 30

  private let input: CInt
  private let limitBytes: Int64
  private let packed: HashRing
  /// nil where the input is the plain tar.
  private var plain: HashRing?
  private var decoder: (any Decoder)?
  private var rest = UnsafeRawBufferPointer(start: nil, count: 0)
  private var ended = false

  /// Reads the first buffer, too: only for a process that has shut itself in.
  init(input: CInt, compression: UnpackCompression, limitBytes: Int64) throws(Problem) {
    self.input = input
    self.limitBytes = limitBytes
    packed = try HashRing(bufferBytes: LayerStream.bufferBytes)
    _ = csys_fcntl(input, CInt(CSYS_F_SETPIPE_SZ), 1 << 20)  // fewer switches between us and the writer; files say no
    rest = try fill()
    switch compression == .auto ? try LayerStream.detect(rest) : compression {
    case .auto, .none: return
    case .gzip: decoder = GzipDecoder()
    case .zstd: decoder = try ZstdDecoder()
    }
    plain = try HashRing(bufferBytes: LayerStream.bufferBytes)
  }
  deinit {
    packed.stop()
    plain?.stop()
  }

  private static func detect(_ bytes: UnsafeRawBufferPointer) throws(Problem) -> UnpackCompression {
    func starts(_ magic: [UInt8]) -> Bool { bytes.starts(with: magic) }
    if starts([0x1f, 0x8b]) { return .gzip }
    if starts([0x28, 0xb5, 0x2f, 0xfd]) { return .zstd }
    if bytes.count > 4, bytes[0] & 0xf0 == 0x50, bytes[1...3].elementsEqual([0x2a, 0x4d, 0x18]) { return .zstd }
    for (magic, name) in [(Array("BZh".utf8), "bzip2"), ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], "xz")] where starts(magic) {
      throw Problem(code: .invalid, message: "the layer is packed with \(name), which image layers may not be")
    }
    return .none
  }

  /// One buffer of the input, full except at the end.
  private func fill() throws(Problem) -> UnsafeRawBufferPointer {
    let buffer = packed.next()
    var count = 0
    while count < buffer.count && !ended {
      let part = UnsafeMutableRawBufferPointer(rebasing: buffer[count...])
      let got = try doing("read the layer") { () throws(Errno) in
        try uninterrupted { () throws(Errno) in try read(input, into: part) }
      }
      if got == 0 { ended = true }
      count += got
      // A decoder takes what there is; a plain tar wants whole buffers.
      if decoder != nil { break }
    }
    return count == 0 ? UnsafeRawBufferPointer(start: nil, count: 0) : packed.submit(count)
  }

  func next() throws(Problem) -> UnsafeRawBufferPointer {
    guard let decoder, let plain else {
      let bytes = rest.isEmpty ? try fill() : rest
      rest = UnsafeRawBufferPointer(start: nil, count: 0)
      try checkLimits(packed.bytes)
      return bytes
    }
    let buffer = plain.next()
    var count = 0
    while count < buffer.count {
      let made = try decoder.decode(&rest, into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
      count += made
      if made == 0 && rest.isEmpty {
        if ended {
          try decoder.finish()
          break
        }
        rest = try fill()
      }
    }
    if count == 0 { return UnsafeRawBufferPointer(start: nil, count: 0) }
    let bytes = plain.submit(count)
    try checkLimits(plain.bytes)
    return bytes
  }

  private func checkLimits(_ bytes: Int64) throws(Problem) {
    if bytes > limitBytes {
      throw Problem(code: .invalid, message: "the layer is larger than the limit of \(limitBytes) bytes")
    }
    if bytes > LayerStream.ratioFreeBytes && bytes / LayerStream.ratioMax > packed.bytes {
      throw Problem(
        code: .invalid, message: "the layer grew to more than \(LayerStream.ratioMax) times its packed size")
    }
  }

  /// Reads what follows the archive, so that the digests cover every byte, and answers them.
  func finish(entries: Int) throws(Problem) -> UnpackedLayer {
    while !(try next().isEmpty) {}
    let compressedDigest = packed.digest()
    let diffID = decoder == nil ? compressedDigest : plain?.digest() ?? compressedDigest
    return UnpackedLayer(
      compressedDigest: compressedDigest, compressedBytes: packed.bytes, diffID: diffID,
      bytes: decoder == nil ? packed.bytes : plain?.bytes ?? 0, entries: entries)
  }
}
