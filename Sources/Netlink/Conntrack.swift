import CSys
import Glibc
import Sys

/// A flow that the kernel follows, as its first packet had it. Source: linux/netfilter/nfnetlink_conntrack.h.
package struct ConntrackFlow: Hashable, Sendable {
  /// `AF_INET` or `AF_INET6`.
  package let family: UInt8
  /// Source: protocols(5).
  package let transport: UInt8
  /// 4 or 16 bytes.
  package let destination: [UInt8]
  package let destinationPort: UInt16
  /// The kernel's own words for it, with which it is found again.
  let tuple: [UInt8]
  let id: [UInt8]

  init?(_ message: NetlinkMessage) {
    guard message.type == UInt16(NFNL_SUBSYS_CTNETLINK) << 8 | UInt16(IPCTNL_MSG_CT_NEW.rawValue),
      let family = number(message.payload, at: 0, UInt8.self)
    else { return nil }
    let attributes = message.attributes(after: MemoryLayout<nfgenmsg>.size)
    guard let tuple = attributes[CTA_TUPLE_ORIG.rawValue], let id = attributes[CTA_ID.rawValue] else { return nil }
    let parts = NetlinkAttributes(tuple)
    let kind = family == UInt8(AF_INET6) ? CTA_IP_V6_DST : CTA_IP_V4_DST
    guard let destination = parts.nested(CTA_TUPLE_IP.rawValue)?[kind.rawValue],
      let ends = parts.nested(CTA_TUPLE_PROTO.rawValue),
      let transport: UInt8 = ends.number(CTA_PROTO_NUM.rawValue),
      let port: UInt16 = ends.number(CTA_PROTO_DST_PORT.rawValue)
    else { return nil }
    self.family = family
    self.transport = transport
    self.destination = Array(destination)
    destinationPort = UInt16(bigEndian: port)
    self.tuple = Array(tuple)
    self.id = Array(id)
  }
}

extension NetlinkRequest {
  private static func conntrack(_ message: cntl_msg_types, family: UInt8, flags: CInt) -> NetlinkRequest {
    var request = NetlinkRequest(CInt(NFNL_SUBSYS_CTNETLINK) << 8 | CInt(message.rawValue), flags: flags)
    var header = nfgenmsg()
    header.nfgen_family = family
    request.put(header)
    return request
  }
  static func dumpFlows() -> NetlinkRequest {
    conntrack(IPCTNL_MSG_CT_GET, family: UInt8(AF_UNSPEC), flags: NLM_F_DUMP)
  }
  package static func delete(_ flow: ConntrackFlow) -> NetlinkRequest {
    var request = conntrack(IPCTNL_MSG_CT_DELETE, family: flow.family, flags: 0)
    request.attribute(UInt16(CTA_TUPLE_ORIG.rawValue) | UInt16(NLA_F_NESTED), bytes: flow.tuple)
    request.attribute(CTA_ID.rawValue, bytes: flow.id)
    return request
  }
}

extension NetlinkSocket {
  package mutating func flows() throws(NetlinkFailure) -> [ConntrackFlow] {
    try dump(.dumpFlows()).compactMap(ConntrackFlow.init)
  }
  /// Makes the kernel forget flows: their next packet is looked at as a first one. One that has ended is fine.
  package mutating func forget(_ flows: [ConntrackFlow]) throws(NetlinkFailure) {
    for flow in flows {
      do throws(NetlinkFailure) { try exchange([.delete(flow)]) } catch { if error.errno != .notFound { throw error } }
    }
  }
}
