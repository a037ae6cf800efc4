import CSys
import Glibc

/// An address that goes with its interface into another network namespace. What the kernel made by itself it makes anew
/// there: only addresses that somebody has set for the whole world go along.
package struct MovingAddress: Hashable, Sendable {
  let family: UInt8
  let prefix: UInt8
  /// 4 or 16 bytes each; nil where the kernel told none.
  let address: [UInt8]?, local: [UInt8]?, broadcast: [UInt8]?

  /// nil for an address of another interface's, and for one that does not go along.
  init?(_ message: NetlinkMessage, of index: Int32) {
    let header = message.payload
    guard message.type == UInt16(RTM_NEWADDR), number(header, at: 4, Int32.self) == index,
      let family = number(header, at: 0, UInt8.self), let prefix = number(header, at: 1, UInt8.self),
      let shortFlags = number(header, at: 2, UInt8.self), let scope = number(header, at: 3, UInt8.self),
      scope == UInt8(RT_SCOPE_UNIVERSE.rawValue)
    else { return nil }
    let attributes = message.attributes(after: MemoryLayout<ifaddrmsg>.size)
    let flags: UInt32 = attributes.number(IFA_FLAGS) ?? UInt32(shortFlags)
    guard flags & UInt32(IFA_F_PERMANENT) != 0 else { return nil }
    self.family = family
    self.prefix = prefix
    address = attributes[IFA_ADDRESS].map(Array.init)
    local = attributes[IFA_LOCAL].map(Array.init)
    broadcast = attributes[IFA_BROADCAST].map(Array.init)
  }
}

extension NetlinkRequest {
  package static func setDown(index: Int32) -> NetlinkRequest {
    var request = NetlinkRequest(RTM_NEWLINK)
    var header = ifinfomsg()
    header.ifi_index = index
    header.ifi_change = Link.up
    request.put(header)
    return request
  }
  /// Moves an interface into another network namespace; one that gets another name must be down.
  /// - Parameters:
  ///   - namespace: a descriptor of it.
  ///   - name: nil leaves its own.
  package static func moveLink(index: Int32, to namespace: CInt, as name: String?) -> NetlinkRequest {
    var request = NetlinkRequest(RTM_NEWLINK)
    var header = ifinfomsg()
    header.ifi_index = index
    request.put(header)
    request.attribute(IFLA_NET_NS_FD, number: namespace)
    if let name { request.attribute(IFLA_IFNAME, name) }
    return request
  }
  package static func addAddress(_ moving: MovingAddress, index: Int32) -> NetlinkRequest {
    var request = NetlinkRequest(RTM_NEWADDR, flags: NLM_F_CREATE | NLM_F_EXCL)
    var header = ifaddrmsg()
    header.ifa_family = moving.family
    header.ifa_prefixlen = moving.prefix
    header.ifa_index = UInt32(bitPattern: index)
    request.put(header)
    if let bytes = moving.address { request.attribute(IFA_ADDRESS, bytes: bytes) }
    if let bytes = moving.local { request.attribute(IFA_LOCAL, bytes: bytes) }
    if let bytes = moving.broadcast { request.attribute(IFA_BROADCAST, bytes: bytes) }
    return request
  }
}

extension NetlinkSocket {
  /// The addresses that go along when this interface moves.
  package mutating func movingAddresses(of index: Int32) throws(NetlinkFailure) -> [MovingAddress] {
    try dump(.dumpAddresses()).compactMap { MovingAddress($0, of: index) }
  }
}
