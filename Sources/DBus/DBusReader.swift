/// Unmarshals values of either byte order. Everything is checked: the bytes are a stranger's.
struct DBusReader {
  private let bytes: ArraySlice<UInt8>
  private let isBigEndian: Bool
  private(set) var place: Int
  private let start: Int

  /// - Parameter bytes: begins where alignment counts from.
  init(_ bytes: ArraySlice<UInt8>, isBigEndian: Bool) {
    self.bytes = bytes
    self.isBigEndian = isBigEndian
    start = bytes.startIndex
    place = bytes.startIndex
  }
  var isAtEnd: Bool { place == bytes.endIndex }

  mutating func align(_ boundary: Int) throws(DBusError) {
    while (place - start) % boundary != 0 { _ = try take(1) }
  }
  private mutating func take(_ count: Int) throws(DBusError) -> ArraySlice<UInt8> {
    guard count >= 0, count <= bytes.endIndex - place else { throw .malformed("a value breaks off") }
    defer { place += count }
    return bytes[place..<place + count]
  }
  private mutating func integer<I: FixedWidthInteger>(_ type: I.Type = I.self) throws(DBusError) -> I {
    try align(MemoryLayout<I>.size)
    let raw = try take(MemoryLayout<I>.size).withUnsafeBytes { $0.loadUnaligned(as: I.self) }
    return isBigEndian ? I(bigEndian: raw) : I(littleEndian: raw)
  }
  private mutating func text(count: Int) throws(DBusError) -> String {
    let raw = try take(count)
    guard try take(1).first == 0, !raw.contains(0), let text = String(validating: raw, as: UTF8.self) else {
      throw .malformed("a string that is not one")
    }
    return text
  }
  private mutating func signature() throws(DBusError) -> String {
    let count = try take(1).first ?? 0
    return try text(count: Int(count))
  }

  mutating func read(_ type: DBusType, depth: Int = 0) throws(DBusError) -> DBusValue {
    guard depth < DBusLimit.depth else { throw .malformed("values are nested too deep") }
    switch type {
    case .byte: return .byte(try take(1).first ?? 0)
    case .boolean:
      let number: UInt32 = try integer()
      guard number <= 1 else { throw .malformed("a boolean that is \(number)") }
      return .boolean(number == 1)
    case .int16: return .int32(Int32(try integer(Int16.self)))
    case .uint16: return .uint32(UInt32(try integer(UInt16.self)))
    case .int32: return .int32(try integer())
    case .uint32, .unixFD: return .uint32(try integer())
    case .int64: return .int64(try integer())
    case .uint64, .double: return .uint64(try integer())
    case .string: return .string(try text(count: Int(try integer(UInt32.self))))
    case .objectPath: return .objectPath(try text(count: Int(try integer(UInt32.self))))
    case .signature: return .signature(try signature())
    case .variant:
      let types = try SignatureReader.types(try signature())
      guard types.count == 1 else { throw .malformed("a variant of \(types.count) types") }
      return .variant(try read(types[0], depth: depth + 1))
    case .array(let element): return try array(of: element, depth)
    case .structure(let members):
      try align(8)
      var values: [DBusValue] = []
      for member in members { values.append(try read(member, depth: depth + 1)) }
      return .structure(values)
    case .dictionaryEntry(let key, let value):
      try align(8)
      return .dictionaryEntry(try read(key, depth: depth + 1), try read(value, depth: depth + 1))
    }
  }

  private mutating func array(of element: DBusType, _ depth: Int) throws(DBusError) -> DBusValue {
    let count = Int(try integer(UInt32.self))
    try align(element.alignment)
    let end = place + count
    guard count <= DBusLimit.messageBytes, end <= bytes.endIndex else { throw .malformed("an array breaks off") }
    var values: [DBusValue] = []
    while place < end {
      let before = place
      values.append(try read(element, depth: depth + 1))
      guard place > before else { throw .malformed("an array of nothing") }
    }
    guard place == end else { throw .malformed("an array's last element sticks out") }
    return .array(of: element, values)
  }
}
