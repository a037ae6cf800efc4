import CSys

/// Attributes in an answer; lengths are checked before they are believed.
package struct NetlinkAttributes: Sendable {
  private var values: [(type: UInt16, bytes: ArraySlice<UInt8>)] = []

  /// What follows a broken length is not read.
  package init(_ bytes: ArraySlice<UInt8>) {
    var rest = bytes
    while rest.count >= MemoryLayout<nlattr>.size {
      let length = Int(Netlink.number(rest, at: 0, UInt16.self) ?? 0)
      let type = (Netlink.number(rest, at: 2, UInt16.self) ?? 0) & UInt16(NLA_TYPE_MASK_)
      guard length >= MemoryLayout<nlattr>.size, length <= rest.count else { return }
      values.append((type, rest[(rest.startIndex + 4)..<(rest.startIndex + length)]))
      rest = rest.dropFirst((length + 3) & ~3)
    }
  }

  package subscript(type: some BinaryInteger) -> ArraySlice<UInt8>? {
    values.first { $0.type == UInt16(type) }?.bytes
  }
  /// All with this type, as lists of nf_tables have them.
  package func all(_ type: some BinaryInteger) -> [ArraySlice<UInt8>] {
    values.filter { $0.type == UInt16(type) }.map(\.bytes)
  }
  package func nested(_ type: some BinaryInteger) -> NetlinkAttributes? { self[type].map(NetlinkAttributes.init) }
  /// Text up to its NUL.
  package func text(_ type: some BinaryInteger) -> String? {
    self[type].map { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }
  package func number<I: FixedWidthInteger>(_ type: some BinaryInteger, as kind: I.Type = I.self) -> I? {
    self[type].flatMap { Netlink.number($0, at: 0, kind) }
  }
}

/// `NLA_TYPE_MASK` is a macro with a cast: without the flags for nesting and byte order.
private let NLA_TYPE_MASK_ = 0x3fff

/// A number in host order, or nil where the bytes end before it does.
func number<I: FixedWidthInteger>(_ bytes: ArraySlice<UInt8>, at offset: Int, _ type: I.Type) -> I? {
  guard offset >= 0, bytes.count >= offset + MemoryLayout<I>.size else { return nil }
  var result: I = 0
  withUnsafeMutableBytes(of: &result) { room in
    for place in 0..<room.count { room[place] = bytes[bytes.startIndex + offset + place] }
  }
  return result
}

/// One message of an answer.
package struct NetlinkMessage: Sendable {
  package let type: UInt16
  package let flags: UInt16
  package let sequence: UInt32
  /// What follows the header.
  package let payload: ArraySlice<UInt8>

  /// The attributes behind a fixed part of this many bytes.
  package func attributes(after fixed: Int) -> NetlinkAttributes {
    NetlinkAttributes(payload.dropFirst((fixed + 3) & ~3))
  }

  /// The messages of one block; what follows a broken length is not read.
  package static func split(_ bytes: [UInt8]) -> [NetlinkMessage] {
    var result: [NetlinkMessage] = []
    bytes.withUnsafeBytes { block in
      each(in: block) { header, payload in result.append(NetlinkMessage(header, payload)) }
    }
    return result
  }

  /// Header of each message of a block, and what follows it.
  static func each(in block: UnsafeRawBufferPointer, _ body: (nlmsghdr, UnsafeRawBufferPointer) -> Void) {
    var place = 0
    let size = MemoryLayout<nlmsghdr>.size
    while block.count - place >= size {
      let header = block.loadUnaligned(fromByteOffset: place, as: nlmsghdr.self)
      let length = Int(header.nlmsg_len)
      guard length >= size, length <= block.count - place else { return }
      body(header, UnsafeRawBufferPointer(rebasing: block[(place + size)..<(place + length)]))
      place += (length + 3) & ~3
    }
  }
}

extension NetlinkMessage {
  init(_ header: nlmsghdr, _ payload: UnsafeRawBufferPointer) {
    self.init(
      type: header.nlmsg_type, flags: header.nlmsg_flags, sequence: header.nlmsg_seq, payload: Array(payload)[...])
  }
}
