import CSys
import Glibc
import MonitorProtocol
import Sys

/// One attached client: its socket, and what it has not taken yet.
final class Client {
  enum Limit {
    /// Clients at a time.
    static let clientsMax = 64
    /// Milliseconds that a client which attached later may hold up the container by taking nothing.
    static let stallMillisecondsMax: Int64 = 2000
  }
  private let socket: OwnedFD
  /// The client that the container was started for: it is waited for, as a shell's pipe is.
  let isFirst: Bool
  /// Whole packets, oldest first.
  private var backlog: [[UInt8]] = []
  /// When it last took something while a backlog was there: milliseconds of the loop's clock.
  private(set) var stalledSince: Int64?
  /// It has sent input: `stdinOnce` closes the input when it goes.
  var ownsInput: Bool
  /// The peer takes nothing any more.
  private(set) var isBroken = false
  /// Its place in the loop: the flags, or nil when it is not there.
  var registered: UInt32?

  init(_ socket: consuming OwnedFD, isFirst: Bool) {
    self.socket = socket
    self.isFirst = isFirst
    ownsInput = isFirst
  }

  var fd: CInt { socket.borrowed }
  var hasBacklog: Bool { !backlog.isEmpty }

  /// Sends one packet, or keeps it until the client takes it.
  func send(_ packet: UnsafeRawBufferPointer, now: Int64) {
    if isBroken { return }
    if backlog.isEmpty {
      let result = csys_send_fds(fd, packet.baseAddress, packet.count, nil, 0, CInt(MSG_DONTWAIT))
      if result >= 0 { return }
      if result != -Int(EAGAIN) && result != -Int(EINTR) && result != -Int(ENOBUFS) {
        isBroken = true
        return
      }
      stalledSince = now
    }
    backlog.append(Array(packet))
  }
  func send(_ packet: AttachPacket, now: Int64) { packet.bytes.withUnsafeBytes { send($0, now: now) } }

  /// Sends what the socket takes now.
  func flush(now: Int64) {
    var sent = 0
    for packet in backlog {
      let result = csys_send_fds(fd, packet, packet.count, nil, 0, CInt(MSG_DONTWAIT))
      if result == -Int(EAGAIN) || result == -Int(EINTR) || result == -Int(ENOBUFS) { break }
      if result < 0 {
        isBroken = true
        backlog = []
        stalledSince = nil
        return
      }
      sent += 1
    }
    if sent == 0 { return }
    backlog.removeFirst(sent)
    stalledSince = backlog.isEmpty ? nil : now
  }

  /// One packet into `buffer`: its size, 0 when the client has gone, nil when there is none now.
  func receive(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
    var descriptors: CInt = 0
    let got = csys_receive_fds(fd, buffer.baseAddress, buffer.count, nil, &descriptors, CInt(MSG_DONTWAIT))
    if got == -Int(EAGAIN) || got == -Int(EINTR) { return nil }
    // A peer that left with packets unread: told once, before the packets that it sent.
    if got == -Int(ECONNRESET) { return receive(into: buffer) }
    return max(got, 0)
  }
}
