extension JSON {
  /// What is wrong with a text, and where.
  public struct ParseError: Error, Hashable, Sendable, CustomStringConvertible {
    public let reason: String
    /// Bytes from the start.
    public let offset: Int
    public var description: String { "not valid JSON at byte \(offset): \(reason)" }
  }

  /// Reads one value and nothing after it.
  public static func parse(_ bytes: [UInt8]) throws(ParseError) -> JSON {
    let result: Result<JSON, ParseError> = bytes.withUnsafeBufferPointer { buffer in
      var parser = Parser(bytes: buffer)
      do throws(ParseError) { return .success(try parser.document()) } catch { return .failure(error) }
    }
    return try result.get()
  }
  public static func parse(_ text: String) throws(ParseError) -> JSON { try parse(Array(text.utf8)) }
}

private struct Parser {
  let bytes: UnsafeBufferPointer<UInt8>
  var place = 0

  func failure(_ reason: String) -> JSON.ParseError { JSON.ParseError(reason: reason, offset: place) }

  mutating func document() throws(JSON.ParseError) -> JSON {
    let result = try value(depth: 0)
    skipSpace()
    if place < bytes.count { throw failure("text after the value") }
    return result
  }

  mutating func skipSpace() {
    while place < bytes.count,
      bytes[place] == 0x20 || (0x09...0x0d).contains(bytes[place]) && bytes[place] != 0x0b && bytes[place] != 0x0c
    {
      place += 1
    }
  }

  func peek() throws(JSON.ParseError) -> UInt8 {
    guard place < bytes.count else { throw failure("unexpected end") }
    return bytes[place]
  }

  mutating func value(depth: Int) throws(JSON.ParseError) -> JSON {
    if depth > JSON.Limit.depthMax { throw failure("nested deeper than \(JSON.Limit.depthMax)") }
    skipSpace()
    switch try peek() {
    case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
    case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t"): return try word("true", .bool(true))
    case UInt8(ascii: "f"): return try word("false", .bool(false))
    case UInt8(ascii: "n"): return try word("null", .null)
    default: return .number(try number())
    }
  }

  mutating func word(_ text: StaticString, _ value: JSON) throws(JSON.ParseError) -> JSON {
    for i in 0..<text.utf8CodeUnitCount {
      guard place < bytes.count, bytes[place] == text.utf8Start[i] else { throw failure("expected \(text)") }
      place += 1
    }
    return value
  }

  mutating func object(depth: Int) throws(JSON.ParseError) -> JSON.Object {
    var result = JSON.Object()
    place += 1
    skipSpace()
    if try peek() == UInt8(ascii: "}") { place += 1; return result }
    while true {
      skipSpace()
      guard try peek() == UInt8(ascii: "\"") else { throw failure("expected a member name") }
      let name = try string()
      skipSpace()
      guard try peek() == UInt8(ascii: ":") else { throw failure("expected ':'") }
      place += 1
      result[name] = try value(depth: depth)
      skipSpace()
      switch try peek() {
      case UInt8(ascii: ","): place += 1
      case UInt8(ascii: "}"): place += 1; return result
      default: throw failure("expected ',' or '}'")
      }
    }
  }

  mutating func array(depth: Int) throws(JSON.ParseError) -> [JSON] {
    var result: [JSON] = []
    place += 1
    skipSpace()
    if try peek() == UInt8(ascii: "]") { place += 1; return result }
    while true {
      result.append(try value(depth: depth))
      skipSpace()
      switch try peek() {
      case UInt8(ascii: ","): place += 1
      case UInt8(ascii: "]"): place += 1; return result
      default: throw failure("expected ',' or ']'")
      }
    }
  }

  mutating func number() throws(JSON.ParseError) -> String {
    let start = place
    func digit(_ at: Int) -> Bool { at < bytes.count && (0x30...0x39).contains(bytes[at]) }
    if try peek() == UInt8(ascii: "-") { place += 1 }
    guard digit(place) else { place = start; throw failure("expected a value") }
    if bytes[place] == 0x30 { place += 1 } else { while digit(place) { place += 1 } }
    if digit(place) { throw failure("a number with a leading zero") }
    if place < bytes.count, bytes[place] == UInt8(ascii: ".") {
      place += 1
      guard digit(place) else { throw failure("expected digits") }
      while digit(place) { place += 1 }
    }
    if place < bytes.count, bytes[place] | 0x20 == UInt8(ascii: "e") {
      place += 1
      if place < bytes.count, bytes[place] == UInt8(ascii: "+") || bytes[place] == UInt8(ascii: "-") { place += 1 }
      guard digit(place) else { throw failure("expected digits") }
      while digit(place) { place += 1 }
    }
    return String(decoding: bytes[start..<place], as: UTF8.self)
  }

  mutating func string() throws(JSON.ParseError) -> String {
    place += 1
    let start = place
    let count = bytes.count
    var end = start
    var union: UInt64 = 0
    // Eight bytes at a time while none of them ends the run of plain ones.
    while end + 8 <= count {
      let word = UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: end, as: UInt64.self)
      if Self.hasZeroByte(word ^ Self.quotes) || Self.hasZeroByte(word ^ Self.backslashes)
        || (word &- Self.spaces) & ~word & Self.highBits != 0
      {
        break
      }
      union |= word
      end += 8
    }
    while end < count {
      let byte = bytes[end]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20 { break }
      union |= UInt64(byte)
      end += 1
    }
    place = end
    if place < bytes.count, bytes[place] == UInt8(ascii: "\"") {
      defer { place += 1 }
      let found = bytes[start..<place]
      // Nearly all are ASCII: a tenth of the validation's price.
      return union & Self.highBits == 0
        ? String(decoding: UnsafeBufferPointer(rebasing: found), as: UTF8.self) : try text(found)
    }
    var unescaped = Array(bytes[start..<place])
    while true {
      switch try peek() {
      case UInt8(ascii: "\""):
        place += 1
        return try unescaped.withUnsafeBufferPointer { (buffer) throws(JSON.ParseError) in try text(buffer[...]) }
      case UInt8(ascii: "\\"): try escape(into: &unescaped)
      case let byte where byte >= 0x20:
        unescaped.append(byte)
        place += 1
      default: throw failure("a control character in a string")
      }
    }
  }

  private static let quotes: UInt64 = 0x2222_2222_2222_2222
  private static let backslashes: UInt64 = 0x5c5c_5c5c_5c5c_5c5c
  private static let spaces: UInt64 = 0x2020_2020_2020_2020
  private static let highBits: UInt64 = 0x8080_8080_8080_8080
  private static func hasZeroByte(_ word: UInt64) -> Bool {
    (word &- 0x0101_0101_0101_0101) & ~word & highBits != 0
  }

  func text(_ utf8: Slice<UnsafeBufferPointer<UInt8>>) throws(JSON.ParseError) -> String {
    guard let text = String(validating: utf8, as: UTF8.self) else { throw failure("a string that is not UTF-8") }
    return text
  }

  mutating func escape(into output: inout [UInt8]) throws(JSON.ParseError) {
    place += 1
    let letter = try peek()
    place += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): output.append(letter)
    case UInt8(ascii: "b"): output.append(8)
    case UInt8(ascii: "f"): output.append(12)
    case UInt8(ascii: "n"): output.append(10)
    case UInt8(ascii: "r"): output.append(13)
    case UInt8(ascii: "t"): output.append(9)
    case UInt8(ascii: "u"):
      var code = try hex4()
      if (0xd800..<0xdc00).contains(code), place + 1 < bytes.count, bytes[place] == UInt8(ascii: "\\"),
        bytes[place + 1] == UInt8(ascii: "u")
      {
        place += 2
        let low = try hex4()
        guard (0xdc00..<0xe000).contains(low) else { throw failure("a lone surrogate") }
        code = 0x10000 + (code - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(code) else { throw failure("a lone surrogate") }
      output.append(contentsOf: Array(String(Character(scalar)).utf8))
    default: throw failure("an unknown escape")
    }
  }

  mutating func hex4() throws(JSON.ParseError) -> UInt32 {
    guard place + 4 <= bytes.count else { throw failure("unexpected end") }
    var code: UInt32 = 0
    for _ in 0..<4 {
      let byte = bytes[place]
      let digit: UInt8
      switch byte {
      case 0x30...0x39: digit = byte - 0x30
      case 0x41...0x46: digit = byte - 0x41 + 10
      case 0x61...0x66: digit = byte - 0x61 + 10
      default: throw failure("expected a hex digit")
      }
      code = code << 4 | UInt32(digit)
      place += 1
    }
    return code
  }
}
