import CSys
import Glibc
import Sys

/// A conversation with one part of the kernel, in the network namespace in which it was opened.
package struct NetlinkSocket: ~Copyable {
  package enum Family: CInt, Sendable {
    case route = 0  // NETLINK_ROUTE
    case netfilter = 12  // NETLINK_NETFILTER
  }
  package enum Limit {
    /// Bytes of one block of answers; the kernel makes none larger than 32 KiB without being asked.
    static let blockBytes = 64 << 10
    /// Requests that go out together: their acknowledgements have to fit the socket's buffer.
    package static let requestsMax = 64
    /// How often an interrupted dump is read again.
    static let dumpTriesMax = 16
  }

  private let fd: OwnedFD
  private var sequence: UInt32 = 0

  package init(_ family: Family) throws(NetlinkFailure) {
    do throws(Errno) { fd = try Self.opened(family) } catch { throw NetlinkFailure(error) }
  }
  private static func opened(_ family: Family) throws(Errno) -> OwnedFD {
    let fd = OwnedFD(adopting: try check(csys_socket(AF_NETLINK, CInt(SOCK_RAW.rawValue), family.rawValue)))
    // Words with errors, and no copy of the request in them. Linux 4.12 and 4.3.
    try check(csys_setsockopt(fd.borrowed, SOL_NETLINK_, NETLINK_EXT_ACK, 1))
    try check(csys_setsockopt(fd.borrowed, SOL_NETLINK_, NETLINK_CAP_ACK, 1))
    return fd
  }

  /// Sends the requests in one go and waits for the kernel's word: of each that fails, and of the last.
  /// - Returns: answers other than acknowledgements, in order.
  /// - Throws: the first failure, with the number of its request; the kernel has tried the later ones, too.
  @discardableResult
  package mutating func exchange(_ requests: [NetlinkRequest]) throws(NetlinkFailure) -> [NetlinkMessage] {
    precondition(requests.count <= Limit.requestsMax, "\(requests.count) netlink requests at once")
    let first = sequence &+ 1
    var bytes: [UInt8] = []
    for (number, request) in requests.enumerated() {
      sequence &+= 1
      let isLast = number == requests.count - 1
      bytes += (isLast ? request : request.unacknowledged()).sealed(sequence: sequence)
    }
    try send(bytes)
    var answers: [NetlinkMessage] = []
    var failure: NetlinkFailure?
    var isDone = requests.isEmpty
    while !isDone {
      for message in try receive() {
        let number = message.sequence &- first
        guard number < UInt32(requests.count) else { continue }  // of an exchange that was given up
        guard message.type == UInt16(NLMSG_ERROR) else {
          answers.append(message)
          continue
        }
        isDone = isDone || number == UInt32(requests.count - 1)
        if let found = NetlinkFailure(message, request: Int(number)), failure == nil { failure = found }
      }
    }
    if let failure { throw failure }
    return answers
  }

  /// Reads a whole table. One that changed meanwhile is read again, so that nothing is missing or there twice.
  package mutating func dump(_ request: NetlinkRequest) throws(NetlinkFailure) -> [NetlinkMessage] {
    try scan(request) { header, payload in NetlinkMessage(header, payload) }
  }

  /// As `dump`, for tables of which little is kept. - Parameter make: what becomes of a message; nil passes it over.
  mutating func scan<R>(_ request: NetlinkRequest, _ make: (nlmsghdr, UnsafeRawBufferPointer) -> R?)
    throws(NetlinkFailure) -> [R]
  {
    for _ in 0..<Limit.dumpTriesMax {
      sequence &+= 1
      try send(request.sealed(sequence: sequence))
      if let answers = try scanned(make) { return answers }
    }
    throw NetlinkFailure(Errno(rawValue: EINTR), text: "the table changed during every reading")
  }

  /// nil where the dump was interrupted.
  private func scanned<R>(_ make: (nlmsghdr, UnsafeRawBufferPointer) -> R?) throws(NetlinkFailure) -> [R]? {
    var answers: [R] = []
    var interrupted = false, isDone = false
    var failure: NetlinkFailure?
    while !isDone {
      try receiveBlock().withUnsafeBytes { block in
        NetlinkMessage.each(in: block) { header, payload in
          guard header.nlmsg_seq == sequence, !isDone else { return }
          if header.nlmsg_flags & UInt16(NLM_F_DUMP_INTR) != 0 { interrupted = true }
          switch CInt(header.nlmsg_type) {
          case NLMSG_DONE, NLMSG_ERROR:
            isDone = true
            failure = NetlinkFailure(NetlinkMessage(header, payload), request: 0)
          default: if let answer = make(header, payload) { answers.append(answer) }
          }
        }
      }
    }
    if let failure { throw failure }
    return interrupted ? nil : answers
  }

  /// Sends an nf_tables batch: all of it happens, or nothing.
  package mutating func commit(_ batch: NFTBatch) throws(NetlinkFailure) {
    if batch.requests.isEmpty { return }
    let begin = sequence &+ 1
    var bytes: [UInt8] = []
    let all = batch.framed
    for request in all {
      sequence &+= 1
      bytes += request.sealed(sequence: sequence)
    }
    // The frame around the changes is not acknowledged; the last change is.
    let last = sequence &- 1
    try makeRoom(bytes.count)
    try send(bytes)
    var failure: NetlinkFailure?
    while true {
      for message in try receive() where message.type == UInt16(NLMSG_ERROR) {
        let number = message.sequence &- begin
        guard number < UInt32(all.count) else { continue }
        if let found = NetlinkFailure(message, request: Int(number) - 1), failure == nil { failure = found }
        if message.sequence == last || message.sequence == begin {
          if let failure { throw failure }
          return
        }
      }
    }
  }

  /// A batch is one message to the socket: its buffer must hold it.
  private func makeRoom(_ count: Int) throws(NetlinkFailure) {
    guard count > Limit.blockBytes else { return }
    let wanted = CInt(clamping: count * 2)
    if csys_setsockopt(fd.borrowed, SOL_SOCKET, SO_SNDBUFFORCE, wanted) < 0 {
      _ = csys_setsockopt(fd.borrowed, SOL_SOCKET, SO_SNDBUF, wanted)  // in a user's own namespace
    }
  }

  private func send(_ bytes: [UInt8]) throws(NetlinkFailure) {
    let raw = fd.borrowed
    do throws(Errno) {
      _ = try uninterrupted { () throws(Errno) in try check(csys_write(raw, bytes, bytes.count)) }
    } catch { throw NetlinkFailure(error) }
  }

  private func receive() throws(NetlinkFailure) -> [NetlinkMessage] { NetlinkMessage.split(try receiveBlock()) }

  private func receiveBlock() throws(NetlinkFailure) -> [UInt8] {
    while true {
      var got = 0
      let block = [UInt8](unsafeUninitializedCapacity: Limit.blockBytes) { room, count in
        got = csys_receive_netlink(fd.borrowed, room.baseAddress, room.count, 0)
        count = min(max(got, 0), room.count)
      }
      if got == -Int(EINTR) || got == -Int(EAGAIN) { continue }  // a signal, or a message of somebody else
      if got < 0 { throw NetlinkFailure(Errno(rawValue: CInt(-got))) }
      guard got <= Limit.blockBytes else { throw NetlinkFailure(Errno(rawValue: EMSGSIZE)) }
      return block
    }
  }
}

/// Source: linux/socket.h, which is not for programs.
private let SOL_NETLINK_: CInt = 270
