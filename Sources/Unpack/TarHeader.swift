/// A header block of 512 bytes. Sources: POSIX pax(1), "ustar Interchange Format"; GNU tar manual, "Basic Tar Format".
struct TarHeader {
  static let blockBytes = 512
  let block: UnsafeRawBufferPointer
  enum Format { case old, ustar, gnu }
  let format: Format

  /// - Throws: when the checksum is wrong.
  init(_ block: UnsafeRawBufferPointer) throws(TarFault) {
    self.block = block
    let magic = block[257..<265]
    if magic.elementsEqual("ustar  \0".utf8) {
      format = .gnu
    } else {
      format = magic.prefix(5).elementsEqual("ustar".utf8) ? .ustar : .old
    }
    let written = try number(148..<156, "checksum")
    guard TarHeader.sums(block).contains(written) else { throw TarFault("wrong header checksum") }
  }

  static func isZero(_ block: UnsafeRawBufferPointer) -> Bool { block.allSatisfy { $0 == 0 } }

  /// The sum of the header's bytes, its own field taken as blanks; old writers summed signed bytes.
  private static func sums(_ block: UnsafeRawBufferPointer) -> [Int64] {
    var unsigned: Int64 = 0
    var signed: Int64 = 0
    for (place, byte) in block.enumerated() {
      let value: UInt8 = (148..<156).contains(place) ? 0x20 : byte
      unsigned += Int64(value)
      signed += Int64(Int8(bitPattern: value))
    }
    return [unsigned, signed]
  }

  var type: UInt8 { block[156] }

  /// A text field up to its NUL.
  func text(_ range: Range<Int>) -> [UInt8] { Array(block[range].prefix { $0 != 0 }) }

  /// The name, with ustar's prefix.
  var name: [UInt8] {
    let name = text(0..<100)
    guard format == .ustar else { return name }
    let prefix = text(345..<500)
    return prefix.isEmpty ? name : prefix + [UInt8(ascii: "/")] + name
  }
  var linkName: [UInt8] { text(157..<257) }

  /// A number: octal digits among blanks and NULs, or base-256 when the first bit is set.
  func number(_ range: Range<Int>, _ what: String) throws(TarFault) -> Int64 {
    try TarHeader.number(UnsafeRawBufferPointer(rebasing: block[range]), what)
  }

  static func number(_ field: UnsafeRawBufferPointer, _ what: String) throws(TarFault) -> Int64 {
    if field[0] & 0x80 != 0 { return try base256(field, what) }
    var value: Int64 = 0
    var place = 0
    while place < field.count, field[place] == 0x20 || field[place] == 0 { place += 1 }
    while place < field.count, field[place] != 0x20, field[place] != 0 {
      guard 0x30...0x37 ~= field[place] else { throw TarFault("the \(what) is no octal number") }
      value = value << 3 | Int64(field[place] - 0x30)  // 12 digits at most: no overflow
      place += 1
    }
    guard field[place...].allSatisfy({ $0 == 0x20 || $0 == 0 }) else {
      throw TarFault("the \(what) is no octal number")
    }
    return value
  }

  /// Two's complement, big-endian; the first bit is the mark, the second the sign.
  private static func base256(_ field: UnsafeRawBufferPointer, _ what: String) throws(TarFault) -> Int64 {
    let negative = field[0] & 0x40 != 0
    var value: Int64 = negative ? -1 : 0
    for (place, byte) in field.enumerated() {
      let bits = place == 0 ? (negative ? byte | 0x80 : byte & 0x7f) : byte
      guard value == (value << 8) >> 8 else { throw TarFault("the \(what) is too large") }
      value = value << 8 | Int64(bits)
    }
    guard (value < 0) == negative else { throw TarFault("the \(what) is too large") }
    return value
  }
}
