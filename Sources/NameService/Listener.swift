import CSys
import DNSRecords
import Glibc
import Sys

/// One socket on one of a network's addresses. It outlives changes of the records.
final class Listener {
  enum Limit {
    /// Bytes of questions that wait while records are read (the kernel may give less).
    static let receiveBytes: CInt = 1 << 20
    /// Connections that wait to be accepted.
    static let backlog: CInt = 64
  }
  let address: HostAddress
  let isStream: Bool
  let socket: OwnedFD
  var network: ServedNetwork

  init(_ address: HostAddress, port: UInt16, isStream: Bool, network: ServedNetwork) throws(Errno) {
    self.address = address
    self.isStream = isStream
    self.network = network
    let family = address.isIPv4 ? AF_INET : AF_INET6
    let type = CInt((isStream ? SOCK_STREAM : SOCK_DGRAM).rawValue) | CInt(SOCK_NONBLOCK.rawValue)
    let socket = OwnedFD(adopting: try check(csys_socket(family, type, 0)))
    // The bridge may come later than the records, and go and come back.
    if address.isIPv4 {
      try check(csys_setsockopt(socket.borrowed, CInt(IPPROTO_IP), 15, 1))  // IP_FREEBIND
    } else {
      try check(csys_setsockopt(socket.borrowed, CInt(IPPROTO_IPV6), 78, 1))  // IPV6_FREEBIND
      try check(csys_setsockopt(socket.borrowed, CInt(IPPROTO_IPV6), IPV6_V6ONLY, 1))
    }
    if isStream {
      try check(csys_setsockopt(socket.borrowed, SOL_SOCKET, SO_REUSEADDR, 1))
    } else {
      try check(csys_setsockopt(socket.borrowed, SOL_SOCKET, SO_RCVBUF, Limit.receiveBytes))
    }
    var place = csys_address(address, port: port)
    try check(csys_bind(socket.borrowed, &place, place.size))
    if isStream { try check(csys_listen(socket.borrowed, Limit.backlog)) }
    self.socket = socket
  }
}
