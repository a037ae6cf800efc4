import CSys

/// One netlink message on its way to the kernel: header, fixed part, attributes. Source: netlink(7).
package struct NetlinkRequest: Sendable {
  private(set) var bytes: [UInt8]
  private(set) var flags: UInt16

  /// - Parameters:
  ///   - type: `RTM_NEWLINK`, …
  ///   - flags: besides `NLM_F_REQUEST` and, but for dumps, `NLM_F_ACK`.
  init(_ type: some BinaryInteger, flags: CInt = 0) {
    let ack = flags & NLM_F_DUMP == NLM_F_DUMP ? 0 : NLM_F_ACK
    self.init(type, exactFlags: flags | NLM_F_REQUEST | ack)
  }
  init(_ type: some BinaryInteger, exactFlags: CInt) {
    flags = UInt16(exactFlags)
    bytes = []
    bytes.reserveCapacity(256)
    var header = nlmsghdr()
    header.nlmsg_type = UInt16(type)
    header.nlmsg_flags = flags
    put(header)
  }

  /// The same; the kernel tells only whether it failed.
  func unacknowledged() -> NetlinkRequest { replacingFlags(flags & ~UInt16(NLM_F_ACK)) }

  func replacingFlags(_ flags: UInt16) -> NetlinkRequest {
    var result = self
    result.flags = flags
    result.bytes.withUnsafeMutableBytes { $0.storeBytes(of: flags, toByteOffset: 6, as: UInt16.self) }
    return result
  }

  /// Appends a structure of the kernel's, padded to four bytes.
  mutating func put<T: BitwiseCopyable>(_ value: T) {
    withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
    pad()
  }

  mutating func attribute(_ type: some BinaryInteger, bytes value: [UInt8]) {
    begin(type, count: value.count)
    bytes.append(contentsOf: value)
    pad()
  }
  /// Text with its NUL.
  mutating func attribute(_ type: some BinaryInteger, _ text: String) {
    attribute(type, bytes: Array(text.utf8) + [0])
  }
  mutating func attribute<I: FixedWidthInteger & BitwiseCopyable>(_ type: some BinaryInteger, number: I) {
    begin(type, count: MemoryLayout<I>.size)
    put(number)
  }
  /// In network order, as nf_tables takes its numbers.
  mutating func attribute(_ type: some BinaryInteger, bigEndian number: UInt32) {
    attribute(type, number: number.bigEndian)
  }
  mutating func attribute<T: BitwiseCopyable>(_ type: some BinaryInteger, structure: T) {
    begin(type, count: MemoryLayout<T>.size)
    put(structure)
  }
  /// An attribute of attributes; its length comes from what `body` writes.
  mutating func nest(_ type: some BinaryInteger, _ body: (inout NetlinkRequest) -> Void) {
    let start = bytes.count
    begin(UInt16(type) | UInt16(NLA_F_NESTED), count: 0)
    body(&self)
    setLength(at: start)
  }

  private mutating func begin(_ type: some BinaryInteger, count: Int) {
    var header = nlattr()
    header.nla_len = UInt16(MemoryLayout<nlattr>.size + count)
    header.nla_type = UInt16(type)
    put(header)
  }
  private mutating func setLength(at start: Int) {
    let length = bytes.count - start
    precondition(length <= Int(UInt16.max), "a netlink attribute of \(length) bytes")
    bytes[start] = UInt8(length & 0xff)
    bytes[start + 1] = UInt8(length >> 8)
    if UInt16(1).bigEndian == 1 { bytes.swapAt(start, start + 1) }
  }
  private mutating func pad() { while bytes.count % 4 != 0 { bytes.append(0) } }

  /// The finished message.
  package func sealed(sequence: UInt32) -> [UInt8] {
    var result = bytes
    result.withUnsafeMutableBytes { raw in
      raw.storeBytes(of: UInt32(raw.count), toByteOffset: 0, as: UInt32.self)  // nlmsg_len
      raw.storeBytes(of: sequence, toByteOffset: 8, as: UInt32.self)  // nlmsg_seq
    }
    return result
  }
}
