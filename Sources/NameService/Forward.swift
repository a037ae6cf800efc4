import CSys
import DNSRecords
import Glibc
import Sys

/// One question on its way to the outside: a socket of its own, so that the kernel chooses a random port and lets
/// nobody but the server answer.
final class Forward {
  enum Origin {
    case datagram(Listener, csys_address)
    case stream(StreamClient)
  }
  enum Limit {
    /// Questions by datagram on their way at a time.
    static let pendingMax = 512
    /// Of these, by one client, once half of them are taken.
    static let pendingPerClientMax = 64
    /// Milliseconds that a server has for a datagram, and for a connection.
    static let datagramMilliseconds: UInt64 = 1_500
    static let streamMilliseconds: UInt64 = 2_500
    /// Times that a question is sent: resolvers wait about five seconds.
    static let attemptsMax = 3
    static let port: UInt16 = 53
  }
  let origin: Origin
  let client: [UInt8]
  /// As it came; the first two bytes are replaced by a random id on the way out.
  let packet: [UInt8]
  let query: Query
  let upstreams: [HostAddress]
  /// How many times it was sent.
  var attempts = 0
  var id: UInt16 = 0
  var socket: OwnedFD?
  var slot: Slots.Number?
  var deadline: UInt64 = 0
  /// By stream: the reply so far, its length first.
  var input: [UInt8] = []
  var isSent = false

  init(_ origin: Origin, client: [UInt8], packet: [UInt8], query: Query, upstreams: [HostAddress]) {
    self.origin = origin
    self.client = client
    self.packet = packet
    self.query = query
    self.upstreams = upstreams
  }

  var isStream: Bool { if case .stream = origin { true } else { false } }
  /// One server alone is asked twice by datagram, which may be lost; a stream that fails once fails again.
  var attemptsMax: Int { max(isStream ? 1 : 2, min(Limit.attemptsMax, upstreams.count)) }
  /// There is another server that was not asked yet.
  var hasFreshServer: Bool { attempts < min(attemptsMax, upstreams.count) }

  /// Opens a new socket to the next server, under a new id.
  /// - Returns: the server's reply will come to this socket; nothing is sent yet by stream.
  func connect() throws(Errno) {
    let server = upstreams[attempts % upstreams.count]
    attempts += 1
    id = UInt16.random(in: 0...UInt16.max)  // getrandom(2)
    input = []
    isSent = false
    let type = CInt((isStream ? SOCK_STREAM : SOCK_DGRAM).rawValue) | CInt(SOCK_NONBLOCK.rawValue)
    let socket = OwnedFD(adopting: try check(csys_socket(server.isIPv4 ? AF_INET : AF_INET6, type, 0)))
    var place = csys_address(server, port: Limit.port)
    let result = csys_connect(socket.borrowed, &place, place.size)
    if result != -EINPROGRESS { try check(result) }
    self.socket = consume socket
    if !isStream { try send([]) }
  }

  /// - Parameter prefix: the length, by stream.
  func send(_ prefix: [UInt8]) throws(Errno) {
    guard let socket = socket?.borrowed else { return }
    var bytes = prefix + packet
    bytes[prefix.count] = UInt8(id >> 8)
    bytes[prefix.count + 1] = UInt8(truncatingIfNeeded: id)
    let sent = try check(csys_write(socket, bytes, bytes.count))
    if sent != bytes.count { throw .inputOutput }  // a fresh connection takes a few hundred bytes at once
    isSent = true
  }

  /// The reply is the one to this question: id, QR and the question itself, to the letter.
  func accepts(_ reply: UnsafeRawBufferPointer) -> Bool {
    guard reply.count >= query.questionEnd, Query.number(reply, 0) == id, reply[2] & 0x80 != 0,
      Query.number(reply, 4) == 1
    else { return false }
    return reply[Query.headerBytes..<query.questionEnd].elementsEqual(packet[Query.headerBytes..<query.questionEnd])
  }
}
