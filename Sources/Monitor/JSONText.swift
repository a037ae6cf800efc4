import Glibc

/// Text of any bytes as the inside of a JSON string.
enum JSONText {
  /// Writes at most 6 bytes for each byte; what is not UTF-8 becomes U+FFFD.
  /// - Returns: bytes written.
  static func escape(_ text: UnsafePointer<UInt8>, _ count: Int, to output: UnsafeMutablePointer<UInt8>) -> Int {
    var written = 0
    var place = 0
    while place < count {
      let start = place
      while place < count, isPlain(text[place]) { place += 1 }
      if place > start {
        memcpy(output + written, text + start, place - start)
        written += place - start
        if place == count { break }
      }
      let byte = text[place]
      if byte < 0x80 {
        written += escape(byte, to: output + written)
        place += 1
        continue
      }
      let length = characterLength(text + place, count - place)
      if length == 0 {
        memcpy(output + written, "\\ufffd", 6)
        written += 6
        place += 1
      } else {
        memcpy(output + written, text + place, length)
        written += length
        place += length
      }
    }
    return written
  }

  @inline(__always)
  private static func isPlain(_ byte: UInt8) -> Bool {
    byte >= 0x20 && byte < 0x7f && byte != UInt8(ascii: "\"") && byte != UInt8(ascii: "\\")
  }

  private static func escape(_ byte: UInt8, to output: UnsafeMutablePointer<UInt8>) -> Int {
    output[0] = UInt8(ascii: "\\")
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"): output[1] = byte
    case 8: output[1] = UInt8(ascii: "b")
    case 9: output[1] = UInt8(ascii: "t")
    case 10: output[1] = UInt8(ascii: "n")
    case 12: output[1] = UInt8(ascii: "f")
    case 13: output[1] = UInt8(ascii: "r")
    default:
      memcpy(output, "\\u00", 4)
      output[4] = hexDigit(byte >> 4)
      output[5] = hexDigit(byte & 15)
      return 6
    }
    return 2
  }
  private static func hexDigit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }

  /// Bytes of the UTF-8 character that begins here, 0 where none does. Source: Unicode 15, table 3-7.
  static func characterLength(_ text: UnsafePointer<UInt8>, _ count: Int) -> Int {
    func follows(_ index: Int, _ range: ClosedRange<UInt8> = 0x80...0xbf) -> Bool {
      index < count && range.contains(text[index])
    }
    switch text[0] {
    case 0xc2...0xdf: return follows(1) ? 2 : 0
    case 0xe0: return follows(1, 0xa0...0xbf) && follows(2) ? 3 : 0
    case 0xed: return follows(1, 0x80...0x9f) && follows(2) ? 3 : 0
    case 0xe1...0xef: return follows(1) && follows(2) ? 3 : 0
    case 0xf0: return follows(1, 0x90...0xbf) && follows(2) && follows(3) ? 4 : 0
    case 0xf1...0xf3: return follows(1) && follows(2) && follows(3) ? 4 : 0
    case 0xf4: return follows(1, 0x80...0x8f) && follows(2) && follows(3) ? 4 : 0
    default: return 0
    }
  }
}
