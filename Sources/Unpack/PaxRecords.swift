/// The records of a PAX header. Source: POSIX pax(1), "pax Extended Header".
struct PaxRecords {
  var name: [UInt8]?
  var linkName: [UInt8]?
  var size: Int64?
  var uid: UInt32?
  var gid: UInt32?
  var modified: Timestamp?
  var attributes: [ExtendedAttribute] = []
  /// GNU.sparse.*: the versions 0.0 and 0.1 keep the map here, 1.0 before the data.
  var sparseName: [UInt8]?
  var sparsePieces: [SparseMap.Piece] = []
  var sparseRealSize: Int64?
  var sparseMapFollows = false
  var sparseSeen = false
  private var sparseOffset: Int64?
  private var sparseMajor: Int64 = 0

  init() {}

  /// - Throws: for a record that is not `LENGTH KEY=VALUE\n`, or a value that its key does not allow.
  init(_ bytes: [UInt8]) throws(TarFault) {
    var rest = bytes[...]
    while !rest.isEmpty {
      if rest.allSatisfy({ $0 == 0 }) { break }  // some writers pad
      guard let blank = rest.firstIndex(of: 0x20), let length = PaxRecords.decimal(rest[..<blank]),
        length <= rest.count, length > blank - rest.startIndex + 1,
        rest[rest.startIndex + Int(length) - 1] == UInt8(ascii: "\n")
      else { throw TarFault("a PAX record is malformed") }
      let record = rest[(blank + 1)..<(rest.startIndex + Int(length) - 1)]
      guard let equals = record.firstIndex(of: UInt8(ascii: "=")), equals > record.startIndex else {
        throw TarFault("a PAX record has no key")
      }
      try apply(
        key: String(decoding: record[..<equals], as: UTF8.self), value: Array(record[(equals + 1)...]))
      rest = rest[(rest.startIndex + Int(length))...]
    }
    if sparseMajor >= 1 { sparseMapFollows = true }
  }

  private mutating func apply(key: String, value: [UInt8]) throws(TarFault) {
    switch key {
    case "path": name = try PaxRecords.text(value, key)
    case "linkpath": linkName = try PaxRecords.text(value, key)
    case "size": size = try value.isEmpty ? nil : PaxRecords.number(value, key)
    case "uid": uid = try value.isEmpty ? nil : PaxRecords.owner(value, key)
    case "gid": gid = try value.isEmpty ? nil : PaxRecords.owner(value, key)
    case "mtime": modified = try value.isEmpty ? nil : PaxRecords.time(value)
    case "GNU.sparse.major":
      sparseMajor = try PaxRecords.number(value, key)
      sparseSeen = true
      guard sparseMajor <= 1 else { throw TarFault("an unknown format of files with holes") }
    case "GNU.sparse.name": sparseName = try PaxRecords.text(value, key)
    case "GNU.sparse.size", "GNU.sparse.realsize":
      sparseRealSize = try PaxRecords.number(value, key)
      sparseSeen = true
    case "GNU.sparse.offset": sparseOffset = try PaxRecords.number(value, key)
    case "GNU.sparse.numbytes":
      guard let offset = sparseOffset else { throw TarFault("\(key) without an offset") }
      sparseOffset = nil
      try add(SparseMap.Piece(offset: offset, length: try PaxRecords.number(value, key)))
    case "GNU.sparse.map": try readMap(value, key)
    default:
      if key.hasPrefix("SCHILY.xattr.") { try addAttribute(String(key.dropFirst(13)), value) }
    }
  }

  private mutating func add(_ piece: SparseMap.Piece) throws(TarFault) {
    guard sparsePieces.count < TarLimit.sparsePiecesMax else {
      throw TarFault("more than \(TarLimit.sparsePiecesMax) pieces")
    }
    sparsePieces.append(piece)
  }
  private mutating func readMap(_ value: [UInt8], _ key: String) throws(TarFault) {
    let numbers = value.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false)
    if value.isEmpty { return }
    guard numbers.count % 2 == 0 else { throw TarFault("\(key) has an odd count of numbers") }
    for pair in stride(from: 0, to: numbers.count, by: 2) {
      try add(
        SparseMap.Piece(
          offset: try PaxRecords.number(numbers[pair], key), length: try PaxRecords.number(numbers[pair + 1], key)))
    }
  }
  private mutating func addAttribute(_ name: String, _ value: [UInt8]) throws(TarFault) {
    guard !name.isEmpty, name.utf8.count <= 255, !name.utf8.contains(0) else {
      throw TarFault("an extended attribute has an impossible name")
    }
    guard value.count <= TarLimit.attributeBytesMax else {
      throw TarFault("the extended attribute \(name.prefix(60)) is larger than \(TarLimit.attributeBytesMax) bytes")
    }
    attributes.removeAll { $0.name == name }
    guard attributes.count < TarLimit.attributesMax else {
      throw TarFault("more than \(TarLimit.attributesMax) extended attributes")
    }
    attributes.append(ExtendedAttribute(name: name, value: value))
  }

  /// A text; empty takes the record back, as POSIX says.
  private static func text(_ value: [UInt8], _ key: String) throws(TarFault) -> [UInt8]? {
    if value.contains(0) { throw TarFault("the PAX record \(key) has a NUL") }
    return value.isEmpty ? nil : value
  }
  static func decimal(_ digits: some Collection<UInt8>) -> Int64? {
    guard (1...19).contains(digits.count) else { return nil }
    var value: Int64 = 0
    for digit in digits {
      guard 0x30...0x39 ~= digit else { return nil }
      let (times, over) = value.multipliedReportingOverflow(by: 10)
      let (sum, over2) = times.addingReportingOverflow(Int64(digit - 0x30))
      if over || over2 { return nil }
      value = sum
    }
    return value
  }
  static func number(_ value: some Collection<UInt8>, _ key: String) throws(TarFault) -> Int64 {
    guard let number = decimal(value) else { throw TarFault("the PAX record \(key) is no number from 0") }
    return number
  }
  private static func owner(_ value: [UInt8], _ key: String) throws(TarFault) -> UInt32 {
    guard let id = UInt32(exactly: try number(value, key)), id != .max else {
      throw TarFault("the \(key) is too large")
    }
    return id
  }

  /// `[-]SECONDS[.FRACTION]`
  static func time(_ value: [UInt8]) throws(TarFault) -> Timestamp {
    let negative = value.first == UInt8(ascii: "-")
    let parts = value.dropFirst(negative ? 1 : 0).split(
      separator: UInt8(ascii: "."), maxSplits: 1, omittingEmptySubsequences: false)
    guard let seconds = decimal(parts[0]) else { throw TarFault("the PAX record mtime is no time") }
    var nanoseconds: Int64 = 0
    if parts.count > 1 {
      guard parts[1].allSatisfy({ 0x30...0x39 ~= $0 }) else { throw TarFault("the PAX record mtime is no time") }
      var scale: Int64 = 100_000_000
      for digit in parts[1].prefix(9) {
        nanoseconds += Int64(digit - 0x30) * scale
        scale /= 10
      }
    }
    if !negative { return Timestamp(seconds: seconds, nanoseconds: nanoseconds) }
    return nanoseconds == 0
      ? Timestamp(seconds: -seconds)
      : Timestamp(seconds: -seconds - 1, nanoseconds: 1_000_000_000 - nanoseconds)
  }
}
