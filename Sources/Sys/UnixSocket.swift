import CSys
import Glibc

/// A unix socket's address; longer paths go through /proc/self/fd/N/name of an open directory.
private func withAddress<R>(_ path: String, _ body: (UnsafeRawPointer, socklen_t) -> R) throws(Errno) -> R {
  var address = sockaddr_un()
  address.sun_family = sa_family_t(AF_UNIX)
  let bytes = Array(path.utf8)
  guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { throw Errno(rawValue: ENAMETOOLONG) }
  withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
  return withUnsafeBytes(of: &address) { body($0.baseAddress!, socklen_t($0.count)) }
}
private func shortened<R: ~Copyable>(_ path: String, _ body: (String) throws(Errno) -> R) throws(Errno) -> R {
  if path.utf8.count < 108 { return try body(path) }
  let directory = try open(parentPath(of: path), O_PATH_ | O_DIRECTORY)
  let name = path.split(separator: "/").last ?? ""
  return try body("/proc/self/fd/\(directory.borrowed)/\(name)")
}

/// Listens on a unix socket. - Parameter type: `SOCK_STREAM` or `SOCK_SEQPACKET`, with `SOCK_NONBLOCK` if wanted.
package func listenUnix(_ path: String, type: CInt, backlog: CInt = 16) throws(Errno) -> OwnedFD {
  let socket = OwnedFD(adopting: try check(csys_socket(AF_UNIX, type, 0)))
  let raw = socket.borrowed
  try shortened(path) { (path) throws(Errno) in
    _ = try check(try withAddress(path) { csys_bind(raw, $0, $1) })
  }
  try check(csys_listen(socket.borrowed, backlog))
  return socket
}
/// - Parameter milliseconds: how long it waits for a listener that has no room; 0 is for ever.
/// - Throws: `.timedOut` when they are over.
package func connectUnix(_ path: String, type: CInt, milliseconds: Int = 0) throws(Errno) -> OwnedFD {
  let socket = OwnedFD(adopting: try check(csys_socket(AF_UNIX, type, 0)))
  let raw = socket.borrowed
  if milliseconds > 0 { try check(csys_set_send_timeout(raw, milliseconds)) }
  try shortened(path) { (path) throws(Errno) in
    let result = try withAddress(path) { csys_connect(raw, $0, $1) }
    if result == -EAGAIN && milliseconds > 0 { throw .timedOut }
    _ = try check(result)
  }
  return socket
}
package func accept(_ listener: borrowing OwnedFD, flags: CInt = 0) throws(Errno) -> OwnedFD {
  OwnedFD(adopting: try check(csys_accept4(listener.borrowed, flags)))
}

/// Sends one message with descriptors (`SCM_RIGHTS`; the sender keeps its own).
/// - Parameter avoidsSendmsg: by sendmmsg(2) instead, where sendmsg(2) must not be called.
package func send(
  _ socket: borrowing OwnedFD, _ bytes: [UInt8], descriptors: [CInt] = [], avoidsSendmsg: Bool = false
) throws(Errno) {
  let raw = socket.borrowed
  let call = avoidsSendmsg ? csys_send_fds_by_sendmmsg : csys_send_fds
  let sent = try uninterrupted { () throws(Errno) in
    try check(call(raw, bytes, bytes.count, descriptors, CInt(descriptors.count), 0))
  }
  if sent < bytes.count { try writeAll(raw, Array(bytes[sent...])) }
}

/// Receives one message and up to `descriptorsMax` (≤ 16) descriptors; no bytes means the peer has gone.
package func receive(_ socket: borrowing OwnedFD, bytesMax: Int, descriptorsMax: Int = 0) throws(Errno) -> (
  bytes: [UInt8], descriptors: [CInt]
) {
  var fds = [CInt](repeating: -1, count: max(descriptorsMax, 1))
  var count = CInt(descriptorsMax)
  let raw = socket.borrowed
  var got = 0
  let bytes = [UInt8](unsafeUninitializedCapacity: bytesMax) { room, size in
    repeat {
      count = CInt(descriptorsMax)
      got = csys_receive_fds(raw, room.baseAddress, bytesMax, &fds, &count, 0)
    } while got == -Int(EINTR)
    size = max(got, 0)
  }
  try check(got)
  fds.removeLast(fds.count - Int(count))
  return (bytes, fds)
}

/// A datagram socket at a path.
package func bindDatagramUnix(_ path: String) throws(Errno) -> OwnedFD {
  let socket = OwnedFD(adopting: try check(csys_socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)))
  let raw = socket.borrowed
  try shortened(path) { (path) throws(Errno) in
    _ = try check(try withAddress(path) { csys_bind(raw, $0, $1) })
  }
  return socket
}
/// One datagram to a path, or to "@name" of the abstract kind.
package func sendDatagramUnix(_ address: String, _ bytes: [UInt8]) throws(Errno) {
  let socket = OwnedFD(adopting: try check(csys_socket(AF_UNIX, CInt(SOCK_DGRAM.rawValue), 0)))
  let raw = socket.borrowed
  if address.hasPrefix("@") {
    let size = socklen_t(MemoryLayout<sa_family_t>.size + address.utf8.count)
    _ = try check(try withAddress("\0" + address.dropFirst()) { base, _ in csys_connect(raw, base, size) })
  } else {
    try shortened(address) { (path) throws(Errno) in
      _ = try check(try withAddress(path) { csys_connect(raw, $0, $1) })
    }
  }
  try send(socket, bytes)
}
