/// Marshals values, little-endian.
struct DBusWriter {
  private(set) var bytes: [UInt8] = []

  mutating func align(_ boundary: Int) {
    while bytes.count % boundary != 0 { bytes.append(0) }
  }
  private mutating func integer<I: FixedWidthInteger>(_ value: I) {
    align(MemoryLayout<I>.size)
    withUnsafeBytes(of: value.littleEndian) { bytes += $0 }
  }
  private mutating func text(_ text: String) {
    integer(UInt32(text.utf8.count))
    bytes += Array(text.utf8) + [0]
  }

  mutating func write(_ value: DBusValue) {
    switch value {
    case .byte(let value): bytes.append(value)
    case .boolean(let value): integer(UInt32(value ? 1 : 0))
    case .int32(let value): integer(value)
    case .uint32(let value): integer(value)
    case .int64(let value): integer(value)
    case .uint64(let value): integer(value)
    case .string(let value), .objectPath(let value): text(value)
    case .signature(let value): signature(value)
    case .variant(let value):
      signature(value.type.signature)
      write(value)
    case .structure(let members):
      align(8)
      for member in members { write(member) }
    case .dictionaryEntry(let key, let value):
      align(8)
      write(key)
      write(value)
    case .array(let element, let values):
      align(4)
      let place = bytes.count
      bytes += [0, 0, 0, 0]
      align(element.alignment)  // not counted, and there even for no elements
      let start = bytes.count
      for value in values { write(value) }
      let count = UInt32(bytes.count - start)
      withUnsafeBytes(of: count.littleEndian) { bytes.replaceSubrange(place..<place + 4, with: $0) }
    }
  }
  private mutating func signature(_ text: String) {
    bytes.append(UInt8(text.utf8.count))
    bytes += Array(text.utf8) + [0]
  }
}
