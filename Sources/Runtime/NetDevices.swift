import CSys
import Glibc
import Netlink
import Problems
import RuntimeSpec
import Sys

/// Moves interfaces of the host into the container's network namespace, with their addresses, and brings them up there.
/// When the namespace ends the kernel gives hardware back to the host and removes what is virtual.
/// Source: runtime-spec 1.3, config-linux.md, "Network Devices"; rtnetlink(7).
enum NetDevices {
  private enum Limit { static let nameBytesMax = 15 }  // IFNAMSIZ with its zero byte

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
    var outside = try asking("open a netlink socket") { () throws(NetlinkFailure) in try NetlinkSocket(.route) }
    var inside = try doing("open a netlink socket in the container") { () throws(Errno) in
      try Sys.check(csys_setns(target.borrowed, CInt(truncatingIfNeeded: CSYS_CLONE_NEWNET)))
      let socket = Result { () throws(NetlinkFailure) in try NetlinkSocket(.route) }
      try Sys.check(csys_setns(here.borrowed, CInt(truncatingIfNeeded: CSYS_CLONE_NEWNET)))
      return try socket.mapError(\.errno).get()
    }
    for (name, device) in devices.sorted(by: { $0.key < $1.key }) {
      let newName = (device.name ?? "").isEmpty ? name : device.name ?? name
      try move(name, newName, to: target.borrowed, &outside, &inside)
    }
  }

  /// The interface's number may be another in the new namespace: it is asked for by name there.
  private static func move(
    _ name: String, _ newName: String, to namespace: CInt, _ outside: inout NetlinkSocket,
    _ inside: inout NetlinkSocket
  ) throws(Problem) {
    let addresses = try asking("read the addresses of network device \(name)") { () throws(NetlinkFailure) in
      try outside.movingAddresses(of: try index(of: name, &outside))
    }
    try asking("move network device \(name) into the container as \(newName)") { () throws(NetlinkFailure) in
      let index = try index(of: name, &outside)
      // Down, as a name changes only then.
      let move = NetlinkRequest.moveLink(index: index, to: namespace, as: newName == name ? nil : newName)
      try outside.exchange([.setDown(index: index), move])
    }
    try asking("set up network device \(newName) in the container") { () throws(NetlinkFailure) in
      let index = try index(of: newName, &inside)
      for address in addresses {
        do throws(NetlinkFailure) { try inside.exchange([.addAddress(address, index: index)]) } catch
          where error.errno == .exists
        {}
      }
      try inside.exchange([.setUp(index: index)])
    }
  }

  private static func index(of name: String, _ socket: inout NetlinkSocket) throws(NetlinkFailure) -> Int32 {
    guard let link = try socket.link(named: name) else { throw NetlinkFailure(Errno(rawValue: ENODEV)) }
    return link.index
  }
  private static func asking<R: ~Copyable>(
    _ message: @autoclosure () -> String, _ body: () throws(NetlinkFailure) -> R
  ) throws(Problem) -> R {
    do throws(NetlinkFailure) { return try body() } catch {
      throw Problem(code: Problem.Code(error.errno), message: message(), cause: error)
    }
  }
}
