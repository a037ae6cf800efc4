import CSys
import Glibc
import Problems
import RuntimeSpec
import Sys

/// Moves interfaces of the host into the container's network namespace, with their addresses, and brings them up there.
/// When the namespace ends the kernel gives hardware back to the host and removes what is virtual.
/// Source: runtime-spec 1.3, config-linux.md, "Network Devices"; rtnetlink(7).
enum NetDevices {
  private enum Limit { static let nameBytesMax = 15 }  // IFNAMSIZ with its zero byte

  /// Source: linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h.
  private enum Route {
    static let newLink: UInt16 = 16, setLink: UInt16 = 19, newAddress: UInt16 = 20, getAddress: UInt16 = 22
    static let interfaceName: UInt16 = 3, namespaceFD: UInt16 = 28
    static let address: UInt16 = 1, local: UInt16 = 2, broadcast: UInt16 = 4, flags: UInt16 = 8
    static let isPermanent: UInt32 = 0x80, up: UInt32 = 1
  }

  /// One address of an interface, as `RTM_NEWADDR` carries it.
  struct Address {
    var family: UInt8, prefix: UInt8
    var attributes: [(type: UInt16, value: [UInt8])]
  }

  static func check(_ spec: Spec) throws(Problem) {
    guard let devices = spec.linux?.netDevices, !devices.isEmpty else { return }
    guard spec.linux?.namespaces?.contains(where: { $0.kind == .network }) == true else {
      throw Problem(code: .invalid, message: "netDevices need a network namespace of the container's own")
    }
    for (name, device) in devices {
      for text in [name, device.name ?? name] where !isName(text) {
        throw Problem(code: .invalid, message: "\"\(text)\" is no name for a network device")
      }
    }
    if geteuid() != 0 {
      throw Problem(code: .unsupported, message: "netDevices cannot be moved without privilege on the host")
    }
  }
  static func isName(_ text: String) -> Bool {
    (1...Limit.nameBytesMax).contains(text.utf8.count) && text != "." && text != ".."
      && !text.contains { $0 == "/" || $0 == ":" || $0.isWhitespace }
  }

  static func move(_ devices: [String: NetDevice]?, to pid: pid_t) throws(Problem) {
    guard let devices, !devices.isEmpty else { return }
    let target = try doing("open the network namespace of the container") { () throws(Errno) in
      try open("/proc/\(pid)/ns/net", O_RDONLY)
    }
    let here = try doing("open our own network namespace") { () throws(Errno) in
      try open("/proc/self/ns/net", O_RDONLY)
    }
    let outside = try doing("open a netlink socket") { () throws(Errno) in try RouteSocket() }
    let inside = try doing("open a netlink socket in the container") { () throws(Errno) in
      try Sys.check(csys_setns(target.borrowed, CInt(truncatingIfNeeded: CSYS_CLONE_NEWNET)))
      let socket = try? RouteSocket()
      try Sys.check(csys_setns(here.borrowed, CInt(truncatingIfNeeded: CSYS_CLONE_NEWNET)))
      guard let socket else { throw .notPermitted }
      return socket
    }
    for (name, device) in devices.sorted(by: { $0.key < $1.key }) {
      let newName = (device.name ?? "").isEmpty ? name : device.name ?? name
      let addresses = try doing("read the addresses of network device \(name)") { () throws(Errno) in
        try permanentAddresses(of: try index(of: name), outside)
      }
      try doing("move network device \(name) into the container as \(newName)") { () throws(Errno) in
        var attributes = RouteAttribute.bytes(Route.namespaceFD, bytes(of: UInt32(target.borrowed)))
        if newName != name { attributes += RouteAttribute.bytes(Route.interfaceName, Array(newName.utf8) + [0]) }
        let index = try index(of: name)
        try outside.change(Route.newLink, link(index, change: Route.up))  // down: a name changes only then
        try outside.change(Route.newLink, link(index) + attributes)
      }
      try doing("set up network device \(newName) in the container") { () throws(Errno) in
        try setsUp(newName, addresses, inside, namespace: target, home: here)
      }
    }
  }

  /// The number may be another in the new namespace: it is asked for by name there.
  private static func setsUp(
    _ name: String, _ addresses: [Address], _ socket: borrowing RouteSocket, namespace: borrowing OwnedFD,
    home: borrowing OwnedFD
  ) throws(Errno) {
    try Sys.check(csys_setns(namespace.borrowed, CInt(truncatingIfNeeded: CSYS_CLONE_NEWNET)))
    let found = Result { () throws(Errno) in try index(of: name) }
    try Sys.check(csys_setns(home.borrowed, CInt(truncatingIfNeeded: CSYS_CLONE_NEWNET)))
    let inner = try found.get()
    for address in addresses {
      let head = [address.family, address.prefix, 0, 0] + bytes(of: UInt32(inner))
      let body = head + address.attributes.flatMap { RouteAttribute.bytes($0.type, $0.value) }
      do throws(Errno) { try socket.change(Route.newAddress, creating: true, body) } catch  where error == .exists {}
    }
    try socket.change(Route.newLink, link(inner, flags: Route.up, change: Route.up))
  }

  /// `struct ifinfomsg`.
  private static func link(_ index: CInt, flags: UInt32 = 0, change: UInt32 = 0) -> [UInt8] {
    [0, 0, 0, 0] + bytes(of: index) + bytes(of: flags) + bytes(of: change)
  }

  private static func index(of name: String) throws(Errno) -> CInt {
    let index = CInt(bitPattern: if_nametoindex(name))
    if index == 0 { throw Errno(rawValue: errno) }
    return index
  }

  /// What somebody has set for the whole world; what the kernel made by itself it makes anew.
  private static func permanentAddresses(of index: CInt, _ socket: borrowing RouteSocket) throws(Errno) -> [Address] {
    try socket.list(Route.getAddress, [UInt8](repeating: 0, count: 8)).compactMap { parse($0, of: index) }
  }
  /// `struct ifaddrmsg` and its attributes; nil for another interface's and for those that do not move.
  static func parse(_ message: [UInt8], of index: CInt) -> Address? {
    guard message.count >= 8, number(message[...], 4, CInt.self) == index, message[3] == 0 else { return nil }
    let attributes = RouteAttribute.parse(message[8...])
    let flags = attributes.first { $0.type == Route.flags }.map { number($0.value[...], 0, UInt32.self) }
    guard (flags ?? UInt32(message[2])) & Route.isPermanent != 0 else { return nil }
    let kept = attributes.filter { [Route.address, Route.local, Route.broadcast].contains($0.type) }
    return Address(family: message[0], prefix: message[1], attributes: kept)
  }
}
