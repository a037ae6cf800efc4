import CSys
import Sys
import TestKit
import Testing

@testable import Netlink

/// The bytes of each kind of request; `ip` and `nft` are the oracles of what they do, in the privileged tests.
@Suite struct RequestTests {
  private func check(_ name: String, _ request: NetlinkRequest) throws {
    try expectGolden("\(name).hex", hexDump(request.sealed(sequence: 7)))
  }
  private var settings: LinkSettings {
    var settings = LinkSettings("br0")
    settings.address = [2, 0, 0, 0, 0, 1]
    settings.mtu = 1400
    settings.isUp = true
    return settings
  }

  @Test func links() throws {
    try check("link-add-bridge", .addBridge(settings, filtersVLANs: true))
    var peer = LinkSettings("eth0")
    peer.address = [2, 0xbe, 10, 89, 0, 2]
    var outside = LinkSettings("veth1")
    outside.master = 4
    outside.isUp = true
    try check("link-add-veth", .addVeth(outside, peer: peer, namespace: 9))
    try check("link-add-macvlan", .addMacvlan(peer, parent: 2, mode: MACVLAN_MODE_BRIDGE.rawValue, namespace: 9))
    try check("link-add-ipvlan", .addIPvlan(LinkSettings("eth0"), parent: 2, mode: 0, namespace: 9))
    try check("link-set-hairpin", .setHairpin(port: "veth1"))
    try check("link-set-up", .setUp(index: 5))
    try check("link-set-vlan", .setVLAN(42, index: 5, isBridge: false))
    try check("link-set-bridge-vlan", .setVLAN(42, index: 5, isBridge: true))
    try check("link-get", .getLink(named: "br0"))
    try check("link-delete", .deleteLink(named: "br0"))
    try check("link-set-down", .setDown(index: 5))
    try check("link-move", .moveLink(index: 5, to: 9, as: "eth0"))
  }
  @Test func addressesAndRoutes() throws {
    try check("address-add-v4", .addAddress(index: 3, [10, 89, 0, 1], prefix: 24, broadcast: [10, 89, 0, 255]))
    try check("address-add-v6", .addAddress(index: 3, [0xfd] + [UInt8](repeating: 0, count: 14) + [1], prefix: 64))
    try check("route-add-default", .addRoute(via: [10, 89, 0, 1], index: 3, metric: 100))
    try check("route-add", .addRoute(to: [10, 1, 0, 0], prefix: 16, via: [10, 89, 0, 9]))
  }
  @Test func batch() throws {
    var batch = NFTBatch(table: "t")
    batch.addTable()
    batch.addSet("s", key: [.interfaceName])
    batch.addSet("m", key: [.transport, .port], value: [.ipv4, .port])
    batch.addChain("c", hook: .init(type: "nat", number: 0, priority: -100))
    batch.flushChain("c")
    batch.addRule("c", NFTExpressions().meta(NFT_META_IIFNAME).isMember(of: "s").counter().verdict(.jump("d")))
    batch.addElements("m", [.init(key: [6, 0, 0, 0, 0, 80, 0, 0], value: [10, 0, 0, 2, 0, 80, 0, 0])])
    batch.deleteElements("m", [.init(key: [6, 0, 0, 0, 0, 80, 0, 0])])
    batch.flushSet("s")
    batch.deleteTable()
    let bytes = batch.framed.enumerated().flatMap { $1.sealed(sequence: UInt32($0)) }
    try expectGolden("nft-batch.hex", hexDump(bytes))
    #expect(batch.framed.filter { $0.flags & UInt16(NLM_F_ACK) != 0 }.count == 1, "the last change is acknowledged")
  }
  /// An attribute of more than 64 KiB cannot be: long lists go out in several messages.
  @Test func manyElements() {
    var batch = NFTBatch(table: "t")
    batch.addElements("s", (0..<2000).map { .init(key: [UInt8($0 >> 8), UInt8($0 & 255)]) })
    #expect(batch.requests.count == 4)
  }
}

/// Which addresses go with an interface, and how they look there.
@Suite struct MovingAddressTests {
  private func message(scope: UInt8 = 0, flags: UInt32 = 0x80, index: UInt8 = 7) throws -> NetlinkMessage {
    var request = NetlinkRequest(RTM_NEWADDR)
    request.put(
      ifaddrmsg(ifa_family: 2, ifa_prefixlen: 24, ifa_flags: 0, ifa_scope: scope, ifa_index: UInt32(index)))
    request.attribute(IFA_LOCAL, bytes: [10, 0, 0, 1])
    request.attribute(IFA_LABEL, "eth0")
    request.attribute(IFA_FLAGS, number: flags)
    return try #require(NetlinkMessage.split(request.sealed(sequence: 1)).first)
  }

  /// 10.0.0.1/24 of interface 7, set by somebody; the label stays behind with the old name.
  @Test func onlyWhatSomebodySet() throws {
    let address = try #require(MovingAddress(try message(), of: 7))
    #expect(address.prefix == 24 && address.local == [10, 0, 0, 1] && address.address == nil)
    try expectGolden("address-move.hex", hexDump(NetlinkRequest.addAddress(address, index: 3).sealed(sequence: 7)))
    #expect(MovingAddress(try message(), of: 8) == nil, "another interface's")
    #expect(MovingAddress(try message(scope: 253), of: 7) == nil, "link scope stays")
    #expect(MovingAddress(try message(flags: 0), of: 7) == nil, "it will run out")
    let cut = try message().payload.prefix(3)
    #expect(MovingAddress(NetlinkMessage(type: 20, flags: 0, sequence: 1, payload: cut), of: 7) == nil)
  }
}

/// What the kernel answers, and what only claims to be an answer.
@Suite struct MessageTests {
  @Test func errorsCarryTheKernelsWords() throws {
    var request = NetlinkRequest(NLMSG_ERROR, exactFlags: NLM_F_CAPPED)
    request.put(CInt(-17))
    request.put(nlmsghdr())
    request.attribute(NLMSGERR_ATTR_MSG.rawValue, "it is there")
    let message = try #require(NetlinkMessage.split(request.sealed(sequence: 3)).first)
    let failure = try #require(NetlinkFailure(message, request: 2))
    #expect(failure.errno == .exists && failure.text == "it is there" && failure.request == 2)
    #expect(failure.description == "File exists: it is there")
  }
  @Test func acknowledgementIsNoFailure() throws {
    var request = NetlinkRequest(NLMSG_ERROR, exactFlags: NLM_F_CAPPED)
    request.put(CInt(0))
    request.put(nlmsghdr())
    let message = try #require(NetlinkMessage.split(request.sealed(sequence: 3)).first)
    #expect(NetlinkFailure(message, request: 0) == nil)
  }
  /// No bytes whatever may stop the reader or make it read beyond them.
  @Test func hostileBytes() {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<20_000 {
      let count = Int.random(in: 0...96, using: &generator)
      var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
      if count >= 4, Bool.random() { bytes.replaceSubrange(0..<4, with: [UInt8(count), 0, 0, 0]) }
      if count >= 6, Bool.random() { bytes[4] = 16 }
      for message in NetlinkMessage.split(bytes) {
        _ = Link(message)
        _ = Route(message)
        _ = NetlinkFailure(message, request: 0)
      }
      bytes.withUnsafeBytes { block in
        NetlinkMessage.each(in: block) { header, payload in
          var header = header
          for type in [RTM_NEWADDR, RTM_NEWROUTE] {
            header.nlmsg_type = UInt16(type)
            _ = Prefix(address: header, payload)
            _ = Prefix(route: header, payload)
          }
        }
      }
    }
    #expect(NetlinkMessage.split([255, 255, 255, 255] + [UInt8](repeating: 0, count: 20)).isEmpty)
    #expect(
      NetlinkAttributes([2, 0, 1, 0, 8, 0, 1, 0, 1, 2, 3, 4][...])[1] == nil, "a length below the header's ends it")
  }
}
