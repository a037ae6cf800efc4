import Networking
import Problems

/// slirp4netns(1): gives a network namespace a way out through sockets of the one who starts it.
/// Source: capability line PD-142; podman-run(1), "--network slirp4netns".
struct Slirp: Hashable, Sendable {
  /// The container's addresses and the service's own lie in it.
  private(set) var subnet: Subnet
  private var mtu = 65520
  private(set) var hasIPv6 = true
  private(set) var reachesHostLoopback = false
  private var outbound: [String] = []

  private enum Limit {
    /// Source: slirp4netns(1), "--mtu".
    static let mtuRange = 68...65521
    /// Its own rule: the container has the hundredth address.
    static let prefixMax = 25
  }

  private init() {
    guard let subnet = Subnet("10.0.2.0/24") else { preconditionFailure("a constant") }
    self.subnet = subnet
  }
  /// The one of an ordinary user's bridges. Ports lead there over IPv4 only, and so does the way out.
  static var ofBridges: Slirp {
    var slirp = Slirp()
    slirp.hasIPv6 = false
    return slirp
  }

  /// - Throws: `.invalid` for what slirp4netns or podman would refuse, `.unsupported` for podman's own forwarder.
  init(_ options: [String]) throws(Problem) {
    self.init()
    for option in options {
      let pair = try FlagValue.pair(option, flag: "--network slirp4netns")
      func invalid(_ reason: String) -> Problem { FlagValue.invalid(option, "--network slirp4netns", reason) }
      switch pair.name {
      case "cidr":
        guard let given = Subnet(pair.value), given.family == .v4, given.prefix <= Limit.prefixMax else {
          throw invalid("want an IPv4 subnet of at least /\(Limit.prefixMax)")
        }
        self.subnet = given
      case "mtu":
        guard let number = Int(pair.value), Limit.mtuRange.contains(number) else {
          throw invalid("want a number from \(Limit.mtuRange.lowerBound) to \(Limit.mtuRange.upperBound)")
        }
        mtu = number
      case "enable_ipv6", "allow_host_loopback":
        guard let isOn = Bool(pair.value) else { throw invalid("want true or false") }
        if pair.name == "enable_ipv6" { hasIPv6 = isOn } else { reachesHostLoopback = isOn }
      case "outbound_addr", "outbound_addr6":
        let family = pair.name.hasSuffix("6") ? IPAddress.Family.v6 : .v4
        if let address = IPAddress(pair.value) {
          guard address.family == family else { throw invalid("an address of the other family") }
        } else if let reason = NetworkConfiguration.interfaceFault(pair.value) {
          throw invalid("neither an address nor an interface: \(reason)")
        }
        outbound.append("--\(pair.name.replacing("_", with: "-"))=\(pair.value)")
      case "port_handler":
        if pair.value == "rootlesskit" {
          throw Problem(
            code: .unsupported, message: "--network slirp4netns: port_handler=rootlesskit is not supported",
            hint: "port_handler=slirp4netns is, and is what is used without the option")
        }
        guard pair.value == "slirp4netns" else { throw invalid("want slirp4netns") }
      default:
        throw invalid(
          "unknown option \"\(pair.name)\": cidr, mtu, enable_ipv6, allow_host_loopback, outbound_addr, "
            + "outbound_addr6 and port_handler are known")
      }
    }
  }

  private func address(_ number: UInt128) -> IPAddress { subnet.base.advanced(by: number) ?? subnet.base }
  var gateway: IPAddress { address(2) }
  var nameServer: IPAddress { address(3) }
  var container: IPAddress { address(100) }

  /// The command line, without the program. It is ready on descriptor 3.
  /// - Parameter hasLifeline: it ends with descriptor 4.
  func arguments(namespace: String, apiSocket: String?, hasLifeline: Bool) -> [String] {
    var words = ["--configure", "--mtu=\(mtu)", "--cidr=\(subnet)", "--ready-fd=3"]
    if hasLifeline { words.append("--exit-fd=4") }
    words += ["--enable-sandbox", "--enable-seccomp", "--netns-type=path"]
    if !reachesHostLoopback { words.append("--disable-host-loopback") }
    if hasIPv6 { words.append("--enable-ipv6") }
    words += outbound
    if let apiSocket { words.append("--api-socket=\(apiSocket)") }
    return words + [namespace, "tap0"]
  }
}
