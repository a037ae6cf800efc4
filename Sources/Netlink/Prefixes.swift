import CSys
import Glibc
import Sys

/// A block of addresses in a table of the kernel's: of an interface's address, or to which a route leads.
package struct Prefix: Hashable, Sendable {
  package let isV6: Bool
  package let value: UInt128
  package let length: UInt8
}

extension Prefix {
  /// Of an interface's address.
  init?(address header: nlmsghdr, _ payload: UnsafeRawBufferPointer) {
    let fixed = MemoryLayout<ifaddrmsg>.size
    guard header.nlmsg_type == UInt16(RTM_NEWADDR), payload.count >= fixed,
      let bytes = attribute(IFA_LOCAL, in: payload, after: fixed) ?? attribute(IFA_ADDRESS, in: payload, after: fixed)
    else { return nil }
    self.init(bytes, length: payload[1])
  }
  /// Where a route leads; nil for the default route, and for what comes and goes with an address.
  init?(route header: nlmsghdr, _ payload: UnsafeRawBufferPointer) {
    let fixed = MemoryLayout<rtmsg>.size
    guard header.nlmsg_type == UInt16(RTM_NEWROUTE), payload.count >= fixed else { return nil }
    let route = payload.loadUnaligned(as: rtmsg.self)
    let goesWithAddress =
      CInt(route.rtm_table) == CInt(RT_TABLE_LOCAL.rawValue) && CInt(route.rtm_protocol) == RTPROT_KERNEL
    guard route.rtm_dst_len > 0, !goesWithAddress,
      let bytes = attribute(RTA_DST.rawValue, in: payload, after: fixed)
    else { return nil }
    self.init(bytes, length: payload[1])
  }
  private init?(_ bytes: UnsafeRawBufferPointer, length: UInt8) {
    switch bytes.count {
    case 4: value = UInt128(bytes.loadUnaligned(as: UInt32.self).bigEndian)
    case 16: value = bytes.loadUnaligned(as: UInt128.self).bigEndian
    default: return nil
    }
    isV6 = bytes.count == 16
    self.length = length
  }
}

extension NetlinkSocket {
  /// Those of all interfaces' addresses.
  package mutating func addressPrefixes() throws(NetlinkFailure) -> [Prefix] {
    try scan(.dumpAddresses()) { header, payload in Prefix(address: header, payload) }
  }
  /// Where the routes of a family lead, in all tables; see `addressPrefixes` for what leads to this host.
  package mutating func destinations(_ family: UInt8) throws(NetlinkFailure) -> [Prefix] {
    try scan(.dumpRoutes(family)) { header, payload in Prefix(route: header, payload) }
  }
}

/// The first attribute of a type; what follows a broken length is not read.
private func attribute(_ type: some BinaryInteger, in message: UnsafeRawBufferPointer, after fixed: Int)
  -> UnsafeRawBufferPointer?
{
  var place = fixed
  while message.count - place >= MemoryLayout<nlattr>.size {
    let header = message.loadUnaligned(fromByteOffset: place, as: nlattr.self)
    let length = Int(header.nla_len)
    guard length >= MemoryLayout<nlattr>.size, length <= message.count - place else { return nil }
    if header.nla_type == UInt16(type) {
      return UnsafeRawBufferPointer(rebasing: message[(place + MemoryLayout<nlattr>.size)..<(place + length)])
    }
    place += (length + 3) & ~3
  }
  return nil
}
