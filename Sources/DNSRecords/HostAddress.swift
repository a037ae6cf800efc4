import Glibc

/// An IPv4 or IPv6 address of one host, without port or prefix, in the network's byte order.
package struct HostAddress: Hashable, Sendable {
  /// 4 or 16.
  package let bytes: [UInt8]

  package var isIPv4: Bool { bytes.count == 4 }

  /// - Parameter bytes: an IPv4 address mapped into IPv6 (`::ffff:a.b.c.d`) becomes the IPv4 address that it is.
  package init?(bytes: [UInt8]) {
    let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]
    switch bytes.count {
    case 4: self.bytes = bytes
    case 16: self.bytes = Array(bytes.prefix(12)) == mapped ? Array(bytes.suffix(4)) : bytes
    default: return nil
    }
  }

  /// "10.88.0.1" or "fd00::1"; no zone (`%eth0`), no port. Source: inet_pton(3).
  package init?(_ text: some StringProtocol) {
    let text = String(text)
    var bytes = [UInt8](repeating: 0, count: 16)
    if inet_pton(AF_INET, text, &bytes) == 1 {
      self.init(bytes: Array(bytes.prefix(4)))
    } else if inet_pton(AF_INET6, text, &bytes) == 1 {
      self.init(bytes: bytes)
    } else {
      return nil
    }
  }
}

extension HostAddress: CustomStringConvertible {
  package var description: String {
    var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    _ = inet_ntop(isIPv4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count))
    return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
