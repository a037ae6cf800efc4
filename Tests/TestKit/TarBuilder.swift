/// Writes tars by hand, broken ones too.
package struct TarBuilder {
  package private(set) var bytes: [UInt8] = []
  package init() {}

  /// One header, fields as given: numbers are text already where a test wants to lie.
  package struct Header {
    package var name: [UInt8]
    package var type: Character = "0"
    package var mode: [UInt8] = octal(0o644, 8)
    package var uid: [UInt8] = octal(0, 8)
    package var gid: [UInt8] = octal(0, 8)
    package var size: [UInt8] = octal(0, 12)
    package var time: [UInt8] = octal(1_000_000_000, 12)
    package var linkName: [UInt8] = []
    package var magic: [UInt8] = Array("ustar\u{0}00".utf8)
    package var major: [UInt8] = octal(0, 8)
    package var minor: [UInt8] = octal(0, 8)
    package var prefix: [UInt8] = []
    package var wrongSum = false
    /// Bytes put at a place of the finished block, before the sum.
    package var patches: [(at: Int, bytes: [UInt8])] = []

    package init(_ name: String, type: Character = "0") {
      self.name = Array(name.utf8)
      self.type = type
    }

    package var block: [UInt8] {
      var block = [UInt8](repeating: 0, count: 512)
      func put(_ field: [UInt8], _ at: Int, _ count: Int) {
        for (place, byte) in field.prefix(count).enumerated() { block[at + place] = byte }
      }
      put(name, 0, 100)
      put(mode, 100, 8)
      put(uid, 108, 8)
      put(gid, 116, 8)
      put(size, 124, 12)
      put(time, 136, 12)
      put(Array(repeating: 0x20, count: 8), 148, 8)
      put([type.asciiValue ?? 0xff], 156, 1)
      put(linkName, 157, 100)
      put(magic, 257, 8)
      put(major, 329, 8)
      put(minor, 337, 8)
      put(prefix, 345, 155)
      for patch in patches { put(patch.bytes, patch.at, 512 - patch.at) }
      let sum = block.reduce(0) { $0 + Int($1) } + (wrongSum ? 1 : 0)
      put(TarBuilder.octal(sum, 7) + [0x20], 148, 8)
      return block
    }
  }

  /// Octal digits with a NUL, filling `count` bytes.
  package static func octal(_ value: Int, _ count: Int) -> [UInt8] {
    let digits = Array(String(value, radix: 8).utf8)
    return Array(repeating: 0x30, count: max(0, count - 1 - digits.count)) + digits + [0]
  }
  /// GNU's binary numbers.
  package static func base256(_ value: Int64, _ count: Int) -> [UInt8] {
    var field = [UInt8](repeating: value < 0 ? 0xff : 0, count: count)
    for place in 0..<8 { field[count - 1 - place] = UInt8(truncatingIfNeeded: value >> Int64(8 * place)) }
    field[0] |= 0x80
    return field
  }

  package mutating func add(_ header: Header, data: [UInt8] = []) {
    bytes += header.block
    add(raw: data)
  }
  /// Data and its padding, without a header.
  package mutating func add(raw data: [UInt8]) {
    bytes += data
    bytes += [UInt8](repeating: 0, count: (512 - data.count % 512) % 512)
  }
  package mutating func file(_ name: String, _ text: String = "", mode: Int = 0o644, uid: Int = 0, gid: Int = 0) {
    var header = Header(name)
    header.mode = TarBuilder.octal(mode, 8)
    header.uid = TarBuilder.octal(uid, 8)
    header.gid = TarBuilder.octal(gid, 8)
    header.size = TarBuilder.octal(text.utf8.count, 12)
    add(header, data: Array(text.utf8))
  }
  package mutating func directory(_ name: String, mode: Int = 0o755) {
    var header = Header(name, type: "5")
    header.mode = TarBuilder.octal(mode, 8)
    add(header)
  }
  package mutating func link(_ name: String, to target: String, hard: Bool = false) {
    var header = Header(name, type: hard ? "1" : "2")
    header.linkName = Array(target.utf8)
    header.mode = TarBuilder.octal(0o777, 8)
    add(header)
  }
  package mutating func device(_ name: String, type: Character = "3", major: Int, minor: Int) {
    var header = Header(name, type: type)
    header.major = TarBuilder.octal(major, 8)
    header.minor = TarBuilder.octal(minor, 8)
    add(header)
  }

  /// A PAX header for the next entry (`g`: for all).
  package mutating func pax(_ records: [(String, String)], type: Character = "x") {
    pax(raw: records.flatMap { TarBuilder.record($0.0, Array($0.1.utf8)) }, type: type)
  }
  package mutating func pax(raw data: [UInt8], type: Character = "x") {
    var header = Header("PaxHeaders/x", type: type)
    header.size = TarBuilder.octal(data.count, 12)
    add(header, data: data)
  }
  /// `LENGTH KEY=VALUE\n`
  package static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
    let rest = Array(" \(key)=".utf8) + value + [10]
    var length = rest.count + 1
    while String(length).utf8.count + rest.count != length { length += 1 }
    return Array(String(length).utf8) + rest
  }
  /// GNU's long name (`L`) or long link name (`K`) of the next entry.
  package mutating func long(_ text: String, type: Character = "L") {
    var header = Header("././@LongLink", type: type)
    header.magic = Array("ustar  \u{0}".utf8)
    header.size = TarBuilder.octal(text.utf8.count + 1, 12)
    add(header, data: Array(text.utf8) + [0])
  }

  /// With the two blocks of zeros at the end.
  package var finished: [UInt8] { bytes + [UInt8](repeating: 0, count: 1024) }

  /// A tar made by `body`, finished.
  package static func make(_ body: (inout TarBuilder) -> Void) -> [UInt8] {
    var builder = TarBuilder()
    body(&builder)
    return builder.finished
  }
}

/// gzip without compression, so that no program is needed and damage is easy. Source: RFC 1951, 3.2.4; RFC 1952.
package func storedGzip(_ bytes: [UInt8], flags: UInt8 = 0, extra: [UInt8] = []) -> [UInt8] {
  var result: [UInt8] = [0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 255] + extra
  var rest = bytes[...]
  repeat {
    let part = rest.prefix(0xffff)
    rest = rest.dropFirst(part.count)
    let count = UInt16(part.count)
    result += [rest.isEmpty ? 1 : 0]
    for value in [count, ~count] { result += [UInt8(value & 0xff), UInt8(value >> 8)] }
    result += part
  } while !rest.isEmpty
  for value in [crc32(bytes), UInt32(truncatingIfNeeded: bytes.count)] {
    for shift in [0, 8, 16, 24] as [UInt32] { result.append(UInt8(truncatingIfNeeded: value >> shift)) }
  }
  return result
}

private let crcTable: [UInt32] = (0..<256).map { number in
  (0..<8).reduce(UInt32(number)) { value, _ in value & 1 == 1 ? 0xedb8_8320 ^ value >> 1 : value >> 1 }
}
private func crc32(_ bytes: [UInt8]) -> UInt32 {
  ~bytes.reduce(~0) { crcTable[Int(($0 ^ UInt32($1)) & 0xff)] ^ $0 >> 8 }
}
