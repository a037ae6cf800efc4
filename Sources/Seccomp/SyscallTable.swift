import Glibc

/// Names and numbers of system calls, kept as constant text that costs nothing at start.
package enum SyscallTable {
  /// Bytes of a record and of its name, see `data`.
  private static let recordSize = 48
  private static let nameSize = 28

  /// Column of the record that holds i386's multiplexed number.
  static let multiplexedColumn = 4

  /// The record of a name, or nil where no architecture has it.
  static func record(of name: String) -> Int? {
    var key: (UInt64, UInt64, UInt64, UInt32) = (
      Self.blank, Self.blank, Self.blank, UInt32(truncatingIfNeeded: Self.blank)
    )
    return withUnsafeMutableBytes(of: &key) { padded -> Int? in
      var name = name
      let fits = name.withUTF8 { bytes in
        guard bytes.count <= nameSize else { return false }
        if let start = bytes.baseAddress { memcpy(padded.baseAddress!, start, bytes.count) }
        return true
      }
      return fits ? search(UnsafeRawPointer(padded.baseAddress!)) : nil
    }
  }
  private static let blank: UInt64 = 0x2020_2020_2020_2020

  private static func search(_ key: UnsafeRawPointer) -> Int? {
    var low = 0
    var high = count
    let head = UInt64(bigEndian: key.loadUnaligned(as: UInt64.self))
    while low < high {
      let middle = (low + high) / 2
      let place = address(of: middle)
      let there = UInt64(bigEndian: place.loadUnaligned(as: UInt64.self))
      let order = head == there ? Int(memcmp(key, place, nameSize)) : head < there ? -1 : 1
      if order == 0 { return middle }
      if order < 0 { high = middle } else { low = middle + 1 }
    }
    return nil
  }

  private static func address(of record: Int) -> UnsafeRawPointer {
    UnsafeRawPointer(data.utf8Start) + (record / 2) * (2 * recordSize + 1) + (record % 2) * recordSize
  }

  /// The number in one column of a record, or nil for "-".
  static func number(_ record: Int, column: Int) -> UInt32? {
    let text = address(of: record) + nameSize + 4 * column
    var value: UInt32 = 0
    for offset in 0..<4 {
      let byte = text.load(fromByteOffset: offset, as: UInt8.self)
      if byte == UInt8(ascii: "-") { return nil }
      if byte != UInt8(ascii: " ") { value = value * 10 + UInt32(byte - UInt8(ascii: "0")) }
    }
    return value
  }

  /// The number of a call on an architecture, x32's bit included.
  package static func number(of name: String, on architecture: SeccompArchitecture) -> UInt32? {
    record(of: name).flatMap { number($0, column: architecture.column) }.map { $0 | architecture.numberBase }
  }

  /// All names, sorted. For tests and tools.
  package static var names: [String] {
    (0..<count).map { record in
      let bytes = UnsafeRawBufferPointer(start: address(of: record), count: nameSize)
      return String(decoding: bytes.prefix { $0 != UInt8(ascii: " ") }, as: UTF8.self)
    }
  }
}
