import CSys
import DNSRecords
import Glibc

extension csys_address {
  init(_ address: HostAddress, port: UInt16) {
    self.init()
    if address.isIPv4 {
      ipv4.sin_family = sa_family_t(AF_INET)
      ipv4.sin_port = port.bigEndian
      withUnsafeMutableBytes(of: &ipv4.sin_addr) { $0.copyBytes(from: address.bytes) }
    } else {
      ipv6.sin6_family = sa_family_t(AF_INET6)
      ipv6.sin6_port = port.bigEndian
      withUnsafeMutableBytes(of: &ipv6.sin6_addr) { $0.copyBytes(from: address.bytes) }
    }
  }
  var size: socklen_t {
    socklen_t(
      any.sa_family == sa_family_t(AF_INET) ? MemoryLayout<sockaddr_in>.size : MemoryLayout<sockaddr_in6>.size)
  }
  /// Puts the host's address, 4 or 16 bytes, into an array that is used again and again.
  func hostBytes(into bytes: inout [UInt8]) {
    bytes.removeAll(keepingCapacity: true)
    if any.sa_family == sa_family_t(AF_INET) {
      withUnsafeBytes(of: ipv4.sin_addr) { bytes.append(contentsOf: $0) }
    } else {
      withUnsafeBytes(of: ipv6.sin6_addr) { bytes.append(contentsOf: $0) }
    }
  }
}
