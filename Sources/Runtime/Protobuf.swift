/// Writes the few kinds of fields that CRIU's messages have. Source: protobuf.dev, "Encoding".
struct ProtobufWriter {
  private(set) var bytes: [UInt8] = []

  private enum Wire { static let varint: UInt64 = 0, lengthDelimited: UInt64 = 2 }

  private mutating func varint(_ value: UInt64) {
    var rest = value
    while rest > 0x7f {
      bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
      rest >>= 7
    }
    bytes.append(UInt8(rest))
  }

  mutating func put(_ field: UInt64, _ value: UInt64) {
    varint(field << 3 | Wire.varint)
    varint(value)
  }
  /// A negative number takes ten bytes: it is extended to 64 bits.
  mutating func put(_ field: UInt64, _ value: Int32) { put(field, UInt64(bitPattern: Int64(value))) }
  mutating func put(_ field: UInt64, _ value: Bool) { put(field, UInt64(value ? 1 : 0)) }
  mutating func put(_ field: UInt64, _ text: String) { put(field, Array(text.utf8)) }
  mutating func put(_ field: UInt64, _ content: [UInt8]) {
    varint(field << 3 | Wire.lengthDelimited)
    varint(UInt64(content.count))
    bytes += content
  }
  /// An embedded message.
  mutating func put(_ field: UInt64, _ body: (inout ProtobufWriter) -> Void) {
    var inner = ProtobufWriter()
    body(&inner)
    put(field, inner.bytes)
  }
}

/// Reads a message field by field; nil ends it. What is cut off or too long is `malformed`.
struct ProtobufReader {
  enum Value: Equatable {
    case number(UInt64)
    case bytes(ArraySlice<UInt8>)

    var number: UInt64? { if case .number(let number) = self { number } else { nil } }
    var int32: Int32? { number.map { Int32(truncatingIfNeeded: $0) } }
    var bool: Bool? { number.map { $0 != 0 } }
    var message: ArraySlice<UInt8>? { if case .bytes(let bytes) = self { bytes } else { nil } }
    var text: String? { message.map { String(decoding: $0, as: UTF8.self) } }
  }
  struct Malformed: Error {}

  private var rest: ArraySlice<UInt8>
  init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

  mutating func next() throws(Malformed) -> (field: UInt64, value: Value)? {
    if rest.isEmpty { return nil }
    let tag = try varint()
    switch tag & 7 {
    case 0: return (tag >> 3, .number(try varint()))
    case 1: return (tag >> 3, .bytes(try take(8)))
    case 2: return (tag >> 3, .bytes(try take(try varint())))
    case 5: return (tag >> 3, .bytes(try take(4)))
    default: throw Malformed()
    }
  }

  private mutating func varint() throws(Malformed) -> UInt64 {
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      guard let byte = rest.popFirst() else { throw Malformed() }
      value |= UInt64(byte & 0x7f) << shift
      if byte & 0x80 == 0 { return value }
    }
    throw Malformed()
  }
  private mutating func take(_ count: UInt64) throws(Malformed) -> ArraySlice<UInt8> {
    guard count <= UInt64(rest.count) else { throw Malformed() }
    defer { rest = rest.dropFirst(Int(count)) }
    return rest.prefix(Int(count))
  }
}
