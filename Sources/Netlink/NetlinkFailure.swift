import CSys
import Glibc
package import Sys

/// What the kernel did not do, and its own words for it.
package struct NetlinkFailure: Error, Hashable, Sendable, CustomStringConvertible {
  package let errno: Errno
  /// The extended ACK's text; "" where the kernel gave none.
  package let text: String
  /// Which of the requests that went out together: from 0; -1 for the exchange as a whole.
  package let request: Int

  package init(_ errno: Errno, text: String = "", request: Int = -1) {
    self.errno = errno
    self.text = text
    self.request = request
  }
  package var description: String { text.isEmpty ? errno.description : "\(errno.description): \(text)" }

  /// The error of an `NLMSG_ERROR` message; nil is an acknowledgement. Source: netlink(7), "NETLINK_EXT_ACK".
  init?(_ message: NetlinkMessage, request: Int) {
    let code = number(message.payload, at: 0, CInt.self) ?? -EIO
    guard code != 0 else { return nil }
    // After the error comes the header of the request, and its body where the kernel did not cap it.
    var fixed = 4 + MemoryLayout<nlmsghdr>.size
    if message.flags & UInt16(NLM_F_CAPPED) == 0 {
      fixed = 4 + Int(number(message.payload, at: 4, UInt32.self) ?? 16)
    }
    let attributes = message.attributes(after: fixed)
    self.init(
      Errno(rawValue: code < 0 ? -code : EIO), text: attributes.text(NLMSGERR_ATTR_MSG.rawValue) ?? "",
      request: request)
  }
}
