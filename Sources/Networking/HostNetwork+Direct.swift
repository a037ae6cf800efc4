import CSys
import Glibc
import Netlink
public import Problems
import Sys

extension HostNetwork {
  /// Gives a namespace an interface directly on top of one of the host's: macvlan or ipvlan.
  public mutating func attachDirectly(
    _ attachment: Attachment, to network: NetworkConfiguration, _ namespace: borrowing NetworkNamespace
  ) throws(Problem) {
    let what = "join network \(network.name)"
    guard let parent = try index(of: network.interface) else {
      throw Problem(
        code: .notFound, message: "\(what): parent interface \(network.interface) does not exist",
        hint: "bring it back, or make the network anew with another --opt parent=NAME")
    }
    var settings = LinkSettings(attachment.interface)
    settings.mtu = network.mtu
    let request: NetlinkRequest
    switch network.driver {
    case .ipvlan:  // has its parent's address
      request = .addIPvlan(
        settings, parent: parent, mode: network.ipvlanMode, namespace: namespace.fd.borrowed)
    case .macvlan, .bridge, .cni:
      settings.address = attachment.mac.bytes
      request = .addMacvlan(
        settings, parent: parent, mode: network.macvlanMode, namespace: namespace.fd.borrowed)
    }
    try send([request], what)
    do throws(Problem) {
      try namespace.configure(attachment, network)
    } catch {
      let failure = error
      try? detach(attachment.interface, namespace)
      throw failure
    }
  }
}

extension NetworkConfiguration {
  fileprivate var macvlanMode: UInt32 {
    switch options["mode"] {
    case "private": MACVLAN_MODE_PRIVATE.rawValue
    case "vepa": MACVLAN_MODE_VEPA.rawValue
    case "passthru": MACVLAN_MODE_PASSTHRU.rawValue
    default: MACVLAN_MODE_BRIDGE.rawValue
    }
  }
  fileprivate var ipvlanMode: UInt16 {
    switch options["mode"] {
    case "l3": UInt16(IPVLAN_MODE_L3.rawValue)
    case "l3s": UInt16(IPVLAN_MODE_L3S.rawValue)
    default: UInt16(IPVLAN_MODE_L2.rawValue)
    }
  }
}
