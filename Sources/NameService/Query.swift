/// Numbers of the protocol. Source: IANA, "DNS Parameters".
package enum ResponseCode: UInt8, Sendable {
  case noError = 0, formatError = 1, serverFailure = 2, nameError = 3, notImplemented = 4, refused = 5
}

package enum RecordType {
  static let a: UInt16 = 1, nameServer: UInt16 = 2, authority: UInt16 = 6, pointer: UInt16 = 12, aaaa: UInt16 = 28
  static let option: UInt16 = 41, signer: UInt16 = 43, key: UInt16 = 48
  static let incrementalTransfer: UInt16 = 251, transfer: UInt16 = 252, any: UInt16 = 255
}

/// One question, as far as the service has to understand it. Source: RFC 1035, 4.1; RFC 6891, 6.1.
package struct Query: Equatable, Sendable {
  package var id: UInt16
  /// RD, in its place in the second pair of bytes.
  var recursionDesired: Bool
  /// Labels with their lengths, in lower case, without the root's zero.
  package var name: [UInt8]
  package var type: UInt16
  package var recordClass: UInt16
  /// Where the question ends in the packet: it begins at 12.
  package var questionEnd: Int
  /// The sender understands EDNS: an answer has an OPT record, too.
  package var hasExtension = false
  var extensionVersion: UInt8 = 0
  /// Bytes that the sender takes in one datagram.
  package var datagramBytesMax = Limit.plainDatagramBytes

  enum Limit {
    /// Source: RFC 1035, 4.2.1.
    static let plainDatagramBytes = 512
    /// Bytes of a query: names, OPT and TSIG fit many times.
    static let bytesMax = 1232
    /// Additional records of a query: OPT, TSIG, SIG(0).
    static let additionalMax = 4
  }
  static let headerBytes = 12
  static let internet: UInt16 = 1

  package enum Outcome: Equatable, Sendable {
    case query(Query)
    /// Answered with the header alone.
    case malformed(ResponseCode)
    /// An answer, or too short for one: nothing is said.
    case ignored
  }

  package static func parse(_ bytes: UnsafeRawBufferPointer) -> Outcome {
    guard bytes.count >= headerBytes, bytes[2] & 0x80 == 0 else { return .ignored }
    guard bytes[2] & 0x78 == 0 else { return .malformed(.notImplemented) }
    guard bytes.count <= Limit.bytesMax else { return .malformed(.formatError) }
    let additional = number(bytes, 10)
    guard number(bytes, 4) == 1, number(bytes, 6) == 0, number(bytes, 8) == 0, additional <= Limit.additionalMax,
      let (name, end) = questionName(bytes), end + 4 <= bytes.count
    else { return .malformed(.formatError) }
    var query = Query(
      id: number(bytes, 0), recursionDesired: bytes[2] & 1 != 0, name: name, type: number(bytes, end),
      recordClass: number(bytes, end + 2), questionEnd: end + 4)
    var place = query.questionEnd
    for _ in 0..<additional {
      guard let next = query.takeAdditional(bytes, place) else { return .malformed(.formatError) }
      place = next
    }
    return place == bytes.count ? .query(query) : .malformed(.formatError)
  }

  @inline(__always) static func number(_ bytes: UnsafeRawBufferPointer, _ place: Int) -> UInt16 {
    UInt16(bytes[place]) << 8 | UInt16(bytes[place + 1])
  }

  /// The first name of a packet cannot be compressed: there is nothing before it.
  private static func questionName(_ bytes: UnsafeRawBufferPointer) -> (name: [UInt8], end: Int)? {
    var end = headerBytes
    while true {
      guard end < bytes.count else { return nil }
      let length = Int(bytes[end])
      if length == 0 { break }
      guard length <= DomainName.Limit.labelBytesMax else { return nil }
      end += 1 + length
      guard end - headerBytes <= DomainName.Limit.wireBytesMax else { return nil }
    }
    let count = end - headerBytes
    let name = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      // A length is below 64, so that it is no letter.
      for index in 0..<count { buffer[index] = DomainName.lowercased(bytes[headerBytes + index]) }
      filled = count
    }
    return (name, end + 1)
  }

  /// The end of a name that may be compressed. Nothing follows the pointer, so that nothing can loop.
  static func skipName(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int? {
    var place = start
    while place < bytes.count, place - start <= DomainName.Limit.wireBytesMax {
      let length = Int(bytes[place])
      if length == 0 { return place + 1 }
      if length & 0xc0 == 0xc0 { return place + 2 <= bytes.count ? place + 2 : nil }
      guard length <= DomainName.Limit.labelBytesMax else { return nil }
      place += 1 + length
    }
    return nil
  }

  /// - Returns: where the record ends.
  private mutating func takeAdditional(_ bytes: UnsafeRawBufferPointer, _ start: Int) -> Int? {
    guard let place = Self.skipName(bytes, start), place + 10 <= bytes.count else { return nil }
    let end = place + 10 + Int(Self.number(bytes, place + 8))
    guard end <= bytes.count else { return nil }
    guard Self.number(bytes, place) == RecordType.option else { return end }
    guard !hasExtension, place == start + 1 else { return nil }  // one only, and of the root
    hasExtension = true
    datagramBytesMax = max(Limit.plainDatagramBytes, Int(Self.number(bytes, place + 2)))
    extensionVersion = bytes[place + 5]
    return end
  }
}
