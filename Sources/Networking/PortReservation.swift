import CSys
import Glibc
public import Problems
package import Sys

/// Ports of the host, held by sockets that nobody serves: while they are open, another program that wants one of them
/// is told so, and a port that another program has is not given away.
///
/// The sockets lie in the queue of one socket pair, so that one descriptor holds any number of them: whoever keeps it
/// (a container's monitor) keeps the ports, and they are free when it ends, however it ends.
public final class PortReservation {
  /// To be kept open.
  package let holder: OwnedFD
  private let sender: OwnedFD

  public init() throws(Problem) {
    let ends = try doing("make a socket pair") { () throws(Errno) in
      try SocketPair.make(type: CInt(SOCK_DGRAM.rawValue))
    }
    holder = try doing("duplicate a socket") { () throws(Errno) in try ends.second.duplicate() }
    sender = ends.closingSecond()
  }

  /// Takes all of these, or none. - Returns: the one that another program has; nil when they are taken.
  public func take(_ ports: [PublishedPort]) throws(Problem) -> PublishedPort? {
    var sockets: [PortSocket] = []
    for port in ports {
      switch try PortSocket.bound(to: port) {
      case .bound(let socket): sockets.append(socket)
      case .taken: return port
      case .unknownHere: break
      }
    }
    for socket in sockets {
      try doing("keep a port of the host") { () throws(Errno) in
        try send(sender, [0], descriptors: [socket.fd.borrowed])
      }
    }
    return nil
  }

  /// Whether no program has one of these now: for ports that a forwarder will take.
  public static func areFree(_ ports: [PublishedPort]) throws(Problem) -> Bool {
    for port in ports { if case .taken = try PortSocket.bound(to: port) { return false } }
    return true
  }
}

/// A socket on a port of the host.
private final class PortSocket {
  let fd: OwnedFD
  private init(_ fd: consuming OwnedFD) { self.fd = fd }

  enum Outcome {
    case bound(PortSocket)
    case taken
    /// A kernel without SCTP or IPv6 has nobody either who could have the port.
    case unknownHere
  }
  static func bound(to port: PublishedPort) throws(Problem) -> Outcome {
    let address = port.hostAddress ?? IPAddress(port.container.family, 0)
    let isStream = port.transport != .udp
    let raw = csys_socket(
      address.family == .v4 ? AF_INET : AF_INET6, CInt(isStream ? SOCK_STREAM.rawValue : SOCK_DGRAM.rawValue),
      CInt(port.transport.number))
    if raw == -EPROTONOSUPPORT || raw == -EAFNOSUPPORT || raw == -ESOCKTNOSUPPORT { return .unknownHere }
    let socket = try doing("make a socket for port \(port.hostPort)/\(port.transport.rawValue)") { () throws(Errno) in
      OwnedFD(adopting: try check(raw))
    }
    do throws(Errno) {
      if isStream { try check(csys_setsockopt(socket.borrowed, SOL_SOCKET, SO_REUSEADDR, 1)) }
      if address.family == .v6 { try check(csys_setsockopt(socket.borrowed, CInt(IPPROTO_IPV6), IPV6_V6ONLY, 1)) }
      try bind(socket, address, port.hostPort)
      // Two sockets may be bound to a port; only one may listen.
      if isStream { try check(csys_listen(socket.borrowed, 1)) }
      return .bound(PortSocket(socket))
    } catch {
      switch error {
      case Errno(rawValue: EADDRINUSE): return .taken
      case Errno(rawValue: EADDRNOTAVAIL):
        throw Problem(
          code: .invalid, message: "the host has no address \(address), on which port \(port.hostPort) is to be",
          cause: error)
      default:
        throw Problem(
          code: Problem.Code(error), message: "take port \(port.hostPort)/\(port.transport.rawValue) of the host",
          hint: error == .accessDenied
            ? "an administrator can allow it: sysctl net.ipv4.ip_unprivileged_port_start=\(port.hostPort)" : nil,
          cause: error)
      }
    }
  }

  private static func bind(_ socket: borrowing OwnedFD, _ address: IPAddress, _ port: UInt16) throws(Errno) {
    switch address.family {
    case .v4:
      var name = sockaddr_in()
      name.sin_family = sa_family_t(AF_INET)
      name.sin_port = port.bigEndian
      withUnsafeMutableBytes(of: &name.sin_addr) { $0.copyBytes(from: address.bytes) }
      try check(csys_bind(socket.borrowed, &name, socklen_t(MemoryLayout<sockaddr_in>.size)))
    case .v6:
      var name = sockaddr_in6()
      name.sin6_family = sa_family_t(AF_INET6)
      name.sin6_port = port.bigEndian
      withUnsafeMutableBytes(of: &name.sin6_addr) { $0.copyBytes(from: address.bytes) }
      try check(csys_bind(socket.borrowed, &name, socklen_t(MemoryLayout<sockaddr_in6>.size)))
    }
  }
}
