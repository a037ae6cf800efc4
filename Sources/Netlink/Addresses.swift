import CSys
import Glibc

/// A route of the main table.
package struct Route: Hashable, Sendable {
  /// 4 or 16 bytes; empty is the default route.
  package let destination: [UInt8]
  package let prefix: UInt8
  /// Of `AF_INET` or `AF_INET6`.
  package let family: UInt8
  package let gateway: [UInt8]
  package let table: UInt32
  /// Index of the interface through which it leads; 0 is none.
  package let interface: Int32

  init?(_ message: NetlinkMessage) {
    guard message.type == UInt16(RTM_NEWROUTE), let family = number(message.payload, at: 0, UInt8.self),
      let prefix = number(message.payload, at: 1, UInt8.self), let table = number(message.payload, at: 4, UInt8.self)
    else { return nil }
    let attributes = message.attributes(after: MemoryLayout<rtmsg>.size)
    self.family = family
    self.prefix = prefix
    destination = attributes[RTA_DST.rawValue].map(Array.init) ?? []
    gateway = attributes[RTA_GATEWAY.rawValue].map(Array.init) ?? []
    interface = attributes.number(RTA_OIF.rawValue) ?? 0
    self.table = attributes.number(RTA_TABLE.rawValue) ?? UInt32(table)
  }
}

private func family(of address: [UInt8]) -> UInt8 { UInt8(address.count == 16 ? AF_INET6 : AF_INET) }

extension NetlinkRequest {
  /// - Parameter broadcast: of an IPv4 network; empty for IPv6 and where there is none.
  package static func addAddress(
    index: Int32, _ address: [UInt8], prefix: UInt8, broadcast: [UInt8] = []
  ) -> NetlinkRequest {
    var request = NetlinkRequest(RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_REPLACE)
    var header = ifaddrmsg()
    header.ifa_family = family(of: address)
    header.ifa_prefixlen = prefix
    header.ifa_index = UInt32(bitPattern: index)
    // Addresses are handed out once: nothing to detect, and the address serves at once.
    if address.count == 16 { header.ifa_flags = UInt8(IFA_F_NODAD) }
    request.put(header)
    request.attribute(IFA_LOCAL, bytes: address)
    request.attribute(IFA_ADDRESS, bytes: address)
    if !broadcast.isEmpty { request.attribute(IFA_BROADCAST, bytes: broadcast) }
    return request
  }

  /// - Parameters:
  ///   - destination: network address; empty for the default route.
  ///   - gateway: empty for a network that is on the link.
  package static func addRoute(
    to destination: [UInt8] = [], prefix: UInt8 = 0, via gateway: [UInt8], index: Int32? = nil, metric: UInt32? = nil
  ) -> NetlinkRequest {
    var request = NetlinkRequest(RTM_NEWROUTE, flags: NLM_F_CREATE | NLM_F_REPLACE)
    request.put(routeHeader(destination, prefix, gateway))
    if !destination.isEmpty { request.attribute(RTA_DST.rawValue, bytes: destination) }
    if !gateway.isEmpty { request.attribute(RTA_GATEWAY.rawValue, bytes: gateway) }
    if let index { request.attribute(RTA_OIF.rawValue, number: index) }
    if let metric { request.attribute(RTA_PRIORITY.rawValue, number: metric) }
    return request
  }
  private static func routeHeader(_ destination: [UInt8], _ prefix: UInt8, _ gateway: [UInt8]) -> rtmsg {
    var header = rtmsg()
    header.rtm_family = family(of: destination.isEmpty ? gateway : destination)
    header.rtm_dst_len = prefix
    header.rtm_table = UInt8(RT_TABLE_MAIN.rawValue)
    header.rtm_protocol = UInt8(RTPROT_STATIC)
    header.rtm_scope = UInt8(gateway.isEmpty ? RT_SCOPE_LINK.rawValue : RT_SCOPE_UNIVERSE.rawValue)
    header.rtm_type = UInt8(RTN_UNICAST)
    return header
  }

  static func dumpAddresses() -> NetlinkRequest {
    var request = NetlinkRequest(RTM_GETADDR, flags: NLM_F_DUMP)
    request.put(ifaddrmsg())
    return request
  }
  /// - Parameter family: 0 for all.
  static func dumpRoutes(_ family: UInt8 = 0) -> NetlinkRequest {
    var request = NetlinkRequest(RTM_GETROUTE, flags: NLM_F_DUMP)
    var header = rtmsg()
    header.rtm_family = family
    request.put(header)
    return request
  }
}

extension NetlinkSocket {
  /// The routes of all tables, local addresses' ones included.
  package mutating func routes() throws(NetlinkFailure) -> [Route] {
    try dump(.dumpRoutes()).compactMap(Route.init)
  }
}
