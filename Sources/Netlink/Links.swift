import CSys
import Glibc
import Sys

/// A network interface as the kernel describes it. Source: rtnetlink(7), "RTM_GETLINK".
package struct Link: Hashable, Sendable {
  package let index: Int32
  package let name: String
  /// `IFF_UP` and others. Source: netdevice(7).
  package let flags: UInt32
  /// "bridge", "veth", …; "" for hardware.
  package let kind: String
  /// Six bytes for Ethernet.
  package let address: [UInt8]
  package let mtu: UInt32
  /// Index of the bridge it belongs to; 0 is none.
  package let master: Int32
  /// Index of the other end of a pair, in its own network namespace; 0 is none.
  package let peer: Int32

  package var isUp: Bool { flags & Self.up != 0 }
  /// Source: linux/if.h, which does not go with net/if.h.
  static let up: UInt32 = 1

  package init?(_ message: NetlinkMessage) {
    guard message.type == UInt16(RTM_NEWLINK), let index = number(message.payload, at: 4, Int32.self),
      let flags = number(message.payload, at: 8, UInt32.self)
    else { return nil }
    let attributes = message.attributes(after: MemoryLayout<ifinfomsg>.size)
    self.index = index
    self.flags = flags
    name = attributes.text(IFLA_IFNAME) ?? ""
    kind = attributes.nested(IFLA_LINKINFO)?.text(IFLA_INFO_KIND) ?? ""
    address = attributes[IFLA_ADDRESS].map(Array.init) ?? []
    mtu = attributes.number(IFLA_MTU) ?? 0
    master = attributes.number(IFLA_MASTER) ?? 0
    peer = attributes.number(IFLA_LINK) ?? 0
  }
}

/// What a new interface is.
package struct LinkSettings: Hashable, Sendable {
  package var name: String
  /// Six bytes; empty lets the kernel choose.
  package var address: [UInt8] = []
  /// Bytes; nil is the kernel's default.
  package var mtu: UInt32?
  /// Index of the bridge to join.
  package var master: Int32?
  package var isUp = false
  package init(_ name: String) { self.name = name }
}

extension NetlinkRequest {
  private static func link(_ settings: LinkSettings, _ flags: CInt) -> NetlinkRequest {
    var request = NetlinkRequest(RTM_NEWLINK, flags: flags)
    request.put(linkHeader(isUp: settings.isUp))
    request.put(settings)
    return request
  }
  private static func linkHeader(isUp: Bool, index: Int32 = 0) -> ifinfomsg {
    var header = ifinfomsg()
    header.ifi_index = index
    if isUp {
      header.ifi_flags = Link.up
      header.ifi_change = Link.up
    }
    return header
  }
  private mutating func put(_ settings: LinkSettings) {
    attribute(IFLA_IFNAME, settings.name)
    if !settings.address.isEmpty { attribute(IFLA_ADDRESS, bytes: settings.address) }
    if let mtu = settings.mtu { attribute(IFLA_MTU, number: mtu) }
    if let master = settings.master { attribute(IFLA_MASTER, number: master) }
  }

  /// - Parameter filtersVLANs: the bridge keeps VLANs apart (`IFLA_BR_VLAN_FILTERING`).
  package static func addBridge(_ settings: LinkSettings, filtersVLANs: Bool = false) -> NetlinkRequest {
    var request = link(settings, NLM_F_CREATE | NLM_F_EXCL)
    request.nest(IFLA_LINKINFO) { info in
      info.attribute(IFLA_INFO_KIND, "bridge")
      if filtersVLANs {
        info.nest(IFLA_INFO_DATA) { $0.attribute(IFLA_BR_VLAN_FILTERING, number: UInt8(1)) }
      }
    }
    return request
  }

  /// A pair of interfaces, one here and its peer born in another network namespace. A kernel from 6.2 on answers with
  /// the one here.
  /// - Parameter namespace: a descriptor of the peer's namespace.
  package static func addVeth(_ settings: LinkSettings, peer: LinkSettings, namespace: CInt) -> NetlinkRequest {
    var request = link(settings, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO)
    request.nest(IFLA_LINKINFO) { info in
      info.attribute(IFLA_INFO_KIND, "veth")
      info.nest(IFLA_INFO_DATA) { pair in
        pair.nest(VETH_INFO_PEER) { inner in
          inner.put(linkHeader(isUp: peer.isUp))
          inner.put(peer)
          inner.attribute(IFLA_NET_NS_FD, number: namespace)
        }
      }
    }
    return request
  }

  /// An interface of its own on top of another one.
  /// - Parameters:
  ///   - parent: index of the interface below.
  ///   - mode: `MACVLAN_MODE_BRIDGE`, …
  package static func addMacvlan(_ settings: LinkSettings, parent: Int32, mode: UInt32, namespace: CInt)
    -> NetlinkRequest
  {
    var request = link(settings, NLM_F_CREATE | NLM_F_EXCL)
    request.attribute(IFLA_LINK, number: parent)
    request.attribute(IFLA_NET_NS_FD, number: namespace)
    request.nest(IFLA_LINKINFO) { info in
      info.attribute(IFLA_INFO_KIND, "macvlan")
      info.nest(IFLA_INFO_DATA) { $0.attribute(IFLA_MACVLAN_MODE, number: mode) }
    }
    return request
  }
  /// - Parameter mode: `IPVLAN_MODE_L2`, …
  package static func addIPvlan(_ settings: LinkSettings, parent: Int32, mode: UInt16, namespace: CInt)
    -> NetlinkRequest
  {
    var request = link(settings, NLM_F_CREATE | NLM_F_EXCL)
    request.attribute(IFLA_LINK, number: parent)
    request.attribute(IFLA_NET_NS_FD, number: namespace)
    request.nest(IFLA_LINKINFO) { info in
      info.attribute(IFLA_INFO_KIND, "ipvlan")
      info.nest(IFLA_INFO_DATA) { $0.attribute(IFLA_IPVLAN_MODE, number: mode) }
    }
    return request
  }

  /// Tags the frames of a bridge's port, or of the host's own at the bridge: what it sends untagged belongs to this
  /// VLAN, and the other way round.
  package static func setVLAN(_ id: UInt16, index: Int32, isBridge: Bool) -> NetlinkRequest {
    var request = NetlinkRequest(RTM_SETLINK)
    var header = ifinfomsg()
    header.ifi_family = UInt8(AF_BRIDGE)
    header.ifi_index = index
    request.put(header)
    request.nest(IFLA_AF_SPEC) { spec in
      if isBridge { spec.attribute(CSYS_IFLA_BRIDGE_FLAGS, number: UInt16(CSYS_BRIDGE_FLAGS_SELF)) }
      var vlan = csys_bridge_vlan()
      vlan.flags = UInt16(CSYS_BRIDGE_VLAN_INFO_PVID | CSYS_BRIDGE_VLAN_INFO_UNTAGGED)
      vlan.id = id
      spec.attribute(CSYS_IFLA_BRIDGE_VLAN_INFO, structure: vlan)
    }
    return request
  }

  /// Lets a bridge's port send back what came from it: a container that reaches itself by a published port needs it,
  /// where bridged packets pass the firewall.
  package static func setHairpin(port name: String) -> NetlinkRequest {
    var request = NetlinkRequest(RTM_NEWLINK)
    request.put(ifinfomsg())
    request.attribute(IFLA_IFNAME, name)
    request.nest(IFLA_LINKINFO) { info in
      info.attribute(IFLA_INFO_SLAVE_KIND, "bridge")
      info.nest(IFLA_INFO_SLAVE_DATA) { $0.attribute(IFLA_BRPORT_MODE, number: UInt8(1)) }
    }
    return request
  }

  package static func setUp(index: Int32) -> NetlinkRequest {
    var request = NetlinkRequest(RTM_NEWLINK)
    request.put(linkHeader(isUp: true, index: index))
    return request
  }
  package static func setLinkAddress(index: Int32, _ address: [UInt8]) -> NetlinkRequest {
    var request = NetlinkRequest(RTM_NEWLINK)
    request.put(linkHeader(isUp: false, index: index))
    request.attribute(IFLA_ADDRESS, bytes: address)
    return request
  }

  package static func getLink(named name: String) -> NetlinkRequest {
    var request = NetlinkRequest(RTM_GETLINK)
    request.put(ifinfomsg())
    request.attribute(IFLA_IFNAME, name)
    return request
  }
  package static func deleteLink(named name: String) -> NetlinkRequest {
    var request = NetlinkRequest(RTM_DELLINK)
    request.put(ifinfomsg())
    request.attribute(IFLA_IFNAME, name)
    return request
  }
  static func dumpLinks() -> NetlinkRequest {
    var request = NetlinkRequest(RTM_GETLINK, flags: NLM_F_DUMP)
    request.put(ifinfomsg())
    return request
  }
}

extension NetlinkSocket {
  /// The interface with this name, or nil.
  package mutating func link(named name: String) throws(NetlinkFailure) -> Link? {
    do throws(NetlinkFailure) {
      return try exchange([.getLink(named: name)]).compactMap(Link.init).first
    } catch {
      if error.errno.rawValue == ENODEV { return nil }
      throw error
    }
  }
  package mutating func links() throws(NetlinkFailure) -> [Link] { try dump(.dumpLinks()).compactMap(Link.init) }
}
