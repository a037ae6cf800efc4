/// Writes one answer into memory that is there. Source: RFC 1035, 4.1; RFC 6891, 6.1.
package struct Reply: ~Copyable {
  package enum Limit {
    /// Bytes of our own answers by datagram: no path fragments them (the DNS flag day of 2020).
    package static let datagramBytes = 1232
    /// Seconds that others may remember an answer: a container may get another address at any moment.
    static let timeToLive: UInt32 = 0
  }
  private let room: UnsafeMutableRawBufferPointer
  private(set) package var count: Int
  private let optionBytes: Int
  private var answers: UInt16 = 0
  private var isTruncated = false

  /// - Parameter room: as much as the sender takes, and at least the question's bytes and 11 more.
  package init(_ packet: UnsafeRawBufferPointer, _ query: borrowing Query, room: UnsafeMutableRawBufferPointer) {
    self.room = room
    count = query.questionEnd
    optionBytes = query.hasExtension ? 11 : 0
    room.copyMemory(from: UnsafeRawBufferPointer(rebasing: packet[..<query.questionEnd]))
  }

  /// The header alone: for what is no question.
  package static func refusal(
    of packet: UnsafeRawBufferPointer, _ code: ResponseCode, room: UnsafeMutableRawBufferPointer
  ) -> Int {
    for place in 0..<Query.headerBytes { room[place] = place < 4 ? packet[place] : 0 }
    room[2] = 0x80 | packet[2] & 0x79  // QR, the opcode, RD
    room[3] = code.rawValue
    return Query.headerBytes
  }

  /// One address of the name that was asked for; what does not fit is left to TCP.
  package mutating func append(_ type: UInt16, _ data: some RandomAccessCollection<UInt8>) {
    guard !isTruncated, count + 12 + data.count + optionBytes <= room.count else {
      isTruncated = true
      return
    }
    put(0xc00c)  // the question's name
    put(type)
    put(Query.internet)
    put(UInt16(truncatingIfNeeded: Limit.timeToLive >> 16))
    put(UInt16(truncatingIfNeeded: Limit.timeToLive))
    put(UInt16(data.count))
    for byte in data {
      room[count] = byte
      count += 1
    }
    answers += 1
  }

  private mutating func put(_ value: UInt16) {
    room[count] = UInt8(truncatingIfNeeded: value >> 8)
    room[count + 1] = UInt8(truncatingIfNeeded: value)
    count += 2
  }

  /// - Parameter isOurs: the answer comes from the records (AA), not from a failure to ask others.
  /// - Returns: the bytes of the whole packet.
  package consuming func finish(
    _ query: borrowing Query, _ code: ResponseCode = .noError, isOurs: Bool = true, extended: UInt8 = 0
  ) -> Int {
    room[2] = 0x80 | (isOurs ? 0x04 : 0) | (isTruncated ? 0x02 : 0) | (query.recursionDesired ? 1 : 0)
    room[3] = 0x80 | code.rawValue  // RA
    let end = count
    count = 4
    put(1)
    put(answers)
    put(0)
    put(optionBytes > 0 ? 1 : 0)
    count = end
    if optionBytes > 0 {
      room[count] = 0  // the root
      count += 1
      put(RecordType.option)
      put(UInt16(Limit.datagramBytes))
      put(UInt16(extended) << 8)
      put(0)
      put(0)
    }
    return count
  }
}
