package import Problems

/// Reads a tar from start to end: old, ustar, GNU and PAX archives. The meaning of each field is Go's, as other
/// container tools have it, so that nobody sees another file in a layer than Berth does.
package final class TarReader {
  private let source: any ByteSource
  private var chunk = UnsafeRawBufferPointer(start: nil, count: 0)
  /// A header that a chunk's end cut in two.
  private let assembled = UnsafeMutableRawBufferPointer.allocate(byteCount: TarHeader.blockBytes, alignment: 8)
  /// Data of the current entry that was not read yet, and its padding.
  private var left: Int64 = 0
  private var padding: Int64 = 0
  private var global = PaxRecords()
  private var ended = false
  /// For messages.
  private var currentName: [UInt8] = []
  /// Largest size that a file may claim.
  private let limitBytes: Int64

  package init(_ source: any ByteSource, limitBytes: Int64) {
    self.source = source
    self.limitBytes = limitBytes
  }
  deinit { assembled.deallocate() }

  // MARK: bytes

  /// Makes sure that the chunk has bytes; false at the end of the input.
  private func refill() throws(Problem) -> Bool {
    if chunk.isEmpty { chunk = try source.next() }
    return !chunk.isEmpty
  }
  /// Up to `max` bytes in one piece; none at the end of the input.
  private func take(_ max: Int64) throws(Problem) -> UnsafeRawBufferPointer {
    guard try refill() else { return chunk }
    let count = Int(min(Int64(chunk.count), max))
    let piece = UnsafeRawBufferPointer(rebasing: chunk[..<count])
    chunk = UnsafeRawBufferPointer(rebasing: chunk[count...])
    return piece
  }
  /// 512 bytes; nil at the end of the input, which may not come in the middle of a block.
  private func block() throws(Problem) -> UnsafeRawBufferPointer? {
    let size = TarHeader.blockBytes
    guard try refill() else { return nil }
    if chunk.count >= size { return try take(Int64(size)) }
    var count = 0
    while count < size {
      let piece = try take(Int64(size - count))
      if piece.isEmpty { throw truncated() }
      UnsafeMutableRawBufferPointer(rebasing: assembled[count...]).copyMemory(from: piece)
      count += piece.count
    }
    return UnsafeRawBufferPointer(assembled)
  }
  private func skip(_ bytes: Int64) throws(Problem) {
    var rest = bytes
    while rest > 0 {
      let piece = try take(rest)
      if piece.isEmpty { throw truncated() }
      rest -= Int64(piece.count)
    }
  }

  private func truncated() -> Problem { fault(TarFault("the archive ends in its middle")) }
  private func fault(_ fault: TarFault) -> Problem {
    if currentName.isEmpty { return Problem(code: .invalid, message: "the layer's tar: \(fault.reason)") }
    return Problem(code: .invalid, message: "entry \(shown(currentName)): \(fault.reason)")
  }
  /// Runs `body`; what is wrong gets the entry's name.
  private func checked<R>(_ body: () throws(TarFault) -> R) throws(Problem) -> R {
    do throws(TarFault) { return try body() } catch { throw fault(error) }
  }

  // MARK: entries

  /// The next bytes of the current entry's file, in one piece; none at its end.
  package func data() throws(Problem) -> UnsafeRawBufferPointer {
    if left == 0 { return UnsafeRawBufferPointer(start: nil, count: 0) }
    let piece = try take(left)
    if piece.isEmpty { throw truncated() }
    left -= Int64(piece.count)
    return piece
  }

  private func begin(size: Int64) {
    left = size
    padding = (512 - size % 512) % 512
  }

  /// The next entry; nil at the end of the archive. What follows the end is left to the source.
  package func next() throws(Problem) -> TarEntry? {
    try skip(left)
    try skip(padding)
    (left, padding) = (0, 0)
    if ended { return nil }
    var pax: PaxRecords?
    var longName: [UInt8]?
    var longLink: [UInt8]?
    while true {
      guard let block = try header() else {
        if pax != nil || longName != nil || longLink != nil { throw truncated() }
        ended = true
        return nil
      }
      let header = try checked { () throws(TarFault) in try TarHeader(block) }
      currentName = header.name
      switch header.type {
      case UInt8(ascii: "x"), UInt8(ascii: "X"):
        let bytes = try payload(header, "PAX header")
        pax = try checked { () throws(TarFault) in try PaxRecords(bytes) }
      case UInt8(ascii: "g"):
        let bytes = try payload(header, "global PAX header")
        try setGlobal(try checked { () throws(TarFault) in try PaxRecords(bytes) })
      case UInt8(ascii: "L"): longName = try payload(header, "long name").filter(untilNUL: ())
      case UInt8(ascii: "K"): longLink = try payload(header, "long link name").filter(untilNUL: ())
      case UInt8(ascii: "V"): try skipPayload(header)  // a volume's label
      default:
        return try entry(header, pax ?? PaxRecords(), longName: longName, longLink: longLink)
      }
    }
  }

  /// A header block; nil at the end: two blocks of zeros, or no more input.
  private func header() throws(Problem) -> UnsafeRawBufferPointer? {
    guard let block = try block() else { return nil }
    if !TarHeader.isZero(block) { return block }
    if let second = try self.block(), !TarHeader.isZero(second) {
      throw fault(TarFault("a lone block of zeros in front of an entry"))
    }
    return nil
  }

  /// The data of a header that describes the next one.
  private func payload(_ header: TarHeader, _ what: String) throws(Problem) -> [UInt8] {
    let size = try checked { () throws(TarFault) in try header.number(124..<136, "size") }
    guard (0...TarLimit.paxBytesMax).contains(size) else {
      throw fault(TarFault("the \(what) of \(size) bytes is larger than the limit of \(TarLimit.paxBytesMax)"))
    }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(Int(size))
    begin(size: size)
    while left > 0 { bytes.append(contentsOf: try data()) }
    try skip(padding)
    (left, padding) = (0, 0)
    return bytes
  }
  private func skipPayload(_ header: TarHeader) throws(Problem) {
    let size = try checked { () throws(TarFault) in try sizeOf(header, PaxRecords()) }
    begin(size: size)
    try skip(left)
    try skip(padding)
    (left, padding) = (0, 0)
  }

  /// Owner and time may be set for all; a name or size for all would be a trick.
  private func setGlobal(_ records: PaxRecords) throws(Problem) {
    guard records.name == nil, records.sparseName == nil, records.linkName == nil, records.size == nil,
      !records.sparseSeen,
      records.attributes.isEmpty
    else { throw fault(TarFault("a global PAX header sets what belongs to one entry")) }
    global.uid = records.uid ?? global.uid
    global.gid = records.gid ?? global.gid
    global.modified = records.modified ?? global.modified
  }

  private func sizeOf(_ header: TarHeader, _ pax: PaxRecords) throws(TarFault) -> Int64 {
    let size: Int64
    if let told = pax.size { size = told } else { size = try header.number(124..<136, "size") }
    if size < 0 { throw TarFault("a negative size") }
    if size > limitBytes { throw TarFault("its size of \(size) bytes is larger than the limit of \(limitBytes)") }
    return size
  }

  private func entry(
    _ header: TarHeader, _ pax: PaxRecords, longName: [UInt8]?, longLink: [UInt8]?
  ) throws(Problem) -> TarEntry {
    currentName = longName ?? pax.sparseName ?? pax.name ?? currentName
    let name = currentName
    var entry = try checked { () throws(TarFault) in
      var entry = TarEntry(kind: try TarReader.kind(header, name), name: name)
      entry.linkName = longLink ?? pax.linkName ?? header.linkName
      entry.mode = UInt32(truncatingIfNeeded: try header.number(100..<108, "mode")) & 0o7777
      // PAX holds what does not fit into the header: there, the field may hold nonsense.
      entry.uid = try TarReader.owner(header, 108..<116, "uid", pax.uid ?? global.uid)
      entry.gid = try TarReader.owner(header, 116..<124, "gid", pax.gid ?? global.gid)
      if let time = pax.modified ?? global.modified {
        entry.modified = time
      } else {
        entry.modified = Timestamp(seconds: try header.number(136..<148, "mtime"))
      }
      entry.attributes = pax.attributes
      if entry.kind == .file { entry.size = try sizeOf(header, pax) }
      return entry
    }
    if entry.kind != .file { return entry }
    begin(size: entry.size)
    if header.type == UInt8(ascii: "S") {
      entry.sparse = try oldSparseMap(header)
    } else if pax.sparseSeen {
      entry.sparse = try paxSparseMap(pax)
    }
    if let sparse = entry.sparse {
      guard sparse.storedBytes == left else {
        throw fault(TarFault("the pieces of a file with holes are not its data"))
      }
      guard sparse.realSize <= limitBytes else {
        throw fault(TarFault("its size of \(sparse.realSize) bytes is larger than the limit of \(limitBytes)"))
      }
      entry.size = left
    }
    return entry
  }

  private static func owner(
    _ header: TarHeader, _ range: Range<Int>, _ what: String, _ told: UInt32?
  ) throws(TarFault) -> UInt32 {
    if let told { return told }
    guard let id = UInt32(exactly: try header.number(range, what)), id != .max else {
      throw TarFault("the \(what) is out of range")
    }
    return id
  }

  private static func kind(_ header: TarHeader, _ name: [UInt8]) throws(TarFault) -> TarEntry.Kind {
    switch header.type {
    case 0, UInt8(ascii: "0"), UInt8(ascii: "7"):
      return name.last == UInt8(ascii: "/") ? .directory : .file  // how archives without types said "directory"
    case UInt8(ascii: "S"): return .file
    case UInt8(ascii: "1"): return .hardLink
    case UInt8(ascii: "2"): return .symlink
    case UInt8(ascii: "3"), UInt8(ascii: "4"):
      guard let major = UInt32(exactly: try header.number(329..<337, "major number")), major < 1 << 12,
        let minor = UInt32(exactly: try header.number(337..<345, "minor number")), minor < 1 << 20
      else { throw TarFault("a device number that Linux does not have") }
      return header.type == UInt8(ascii: "3")
        ? .characterDevice(major: major, minor: minor) : .blockDevice(major: major, minor: minor)
    case UInt8(ascii: "5"): return .directory
    case UInt8(ascii: "6"): return .fifo
    default:
      let type = header.type
      throw TarFault("unknown type \(0x21...0x7e ~= type ? "'\(Character(UnicodeScalar(type)))'" : "\(type)")")
    }
  }

  // MARK: holes

  /// GNU's old format: four pieces in the header, 21 in each block that follows.
  private func oldSparseMap(_ header: TarHeader) throws(Problem) -> SparseMap {
    var pieces: [SparseMap.Piece] = []
    let realSize = try checked { () throws(TarFault) in try header.number(483..<495, "real size") }
    try checked { () throws(TarFault) in try TarReader.pieces(header.block, from: 386, count: 4, into: &pieces) }
    var more = header.block[482] != 0
    while more {
      guard let block = try block() else { throw truncated() }
      try checked { () throws(TarFault) in try TarReader.pieces(block, from: 0, count: 21, into: &pieces) }
      more = block[504] != 0
      if pieces.count > TarLimit.sparsePiecesMax { break }  // SparseMap says no
    }
    return try checked { () throws(TarFault) in try SparseMap(pieces: pieces, realSize: realSize) }
  }
  private static func pieces(
    _ block: UnsafeRawBufferPointer, from start: Int, count: Int, into pieces: inout [SparseMap.Piece]
  ) throws(TarFault) {
    for number in 0..<count {
      let at = start + 24 * number
      if block[at] == 0 { return }
      let offset = try TarHeader.number(UnsafeRawBufferPointer(rebasing: block[at..<(at + 12)]), "offset of a piece")
      let length = try TarHeader.number(
        UnsafeRawBufferPointer(rebasing: block[(at + 12)..<(at + 24)]), "length of a piece")
      pieces.append(SparseMap.Piece(offset: offset, length: length))
    }
  }

  private func paxSparseMap(_ pax: PaxRecords) throws(Problem) -> SparseMap {
    guard let realSize = pax.sparseRealSize else { throw fault(TarFault("a file with holes without its size")) }
    let pieces = pax.sparseMapFollows ? try mapInFrontOfData() : pax.sparsePieces
    return try checked { () throws(TarFault) in try SparseMap(pieces: pieces, realSize: realSize) }
  }

  /// Format 1.0: a count and pairs of numbers, a line each, at the start of the data, padded to a block.
  private func mapInFrontOfData() throws(Problem) -> [SparseMap.Piece] {
    var text: [UInt8] = []
    var lines = 0
    var wanted = 1
    var lineStart = 0
    var numbers: [Int64] = []
    while lines < wanted {
      guard left >= 512, let block = try block() else {
        throw fault(TarFault("the map of a file with holes does not end"))
      }
      left -= 512
      text.append(contentsOf: block)
      if text.count > TarLimit.sparseMapBytesMax { throw fault(TarFault("the map of a file with holes is too long")) }
      while lines < wanted, let end = text[lineStart...].firstIndex(of: UInt8(ascii: "\n")) {
        let digits = text[lineStart..<end]
        let number = try checked { () throws(TarFault) in try PaxRecords.number(digits, "map of a file with holes") }
        if lines == 0 {
          guard number <= TarLimit.sparsePiecesMax else { throw fault(TarFault("too many pieces")) }
          wanted = 1 + 2 * Int(number)
        } else {
          numbers.append(number)
        }
        lines += 1
        lineStart = end + 1
      }
    }
    return stride(from: 0, to: numbers.count, by: 2).map {
      SparseMap.Piece(offset: numbers[$0], length: numbers[$0 + 1])
    }
  }
}

extension [UInt8] {
  /// GNU's long names end with a NUL.
  fileprivate func filter(untilNUL: Void) -> [UInt8] { Array(prefix { $0 != 0 }) }
}

/// A foreign name for a message: escaped and shortened.
func shown(_ name: some Collection<UInt8>) -> String {
  var text = "\""
  for scalar in String(decoding: name.prefix(160), as: UTF8.self).unicodeScalars {
    switch scalar.value {
    case 0..<0x20, 0x7f..<0xa0: text += "\\u{\(String(scalar.value, radix: 16))}"
    default: text.unicodeScalars.append(scalar)
    }
  }
  return text + (name.count > 160 ? "…\"" : "\"")
}
