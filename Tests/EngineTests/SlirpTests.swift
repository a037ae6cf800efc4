import Networking
import Problems
import Testing

@testable import Engine

// covers PD-142: each option of slirp4netns, and what is refused
@Suite struct SlirpTests {
  @Test func optionsBecomeFlags() throws {
    let plain = try Slirp([])
    #expect(plain.container == IPAddress("10.0.2.100") && plain.nameServer == IPAddress("10.0.2.3"))
    #expect(
      plain.arguments(namespace: "/n", apiSocket: nil, hasLifeline: true) == [
        "--configure", "--mtu=65520", "--cidr=10.0.2.0/24", "--ready-fd=3", "--exit-fd=4", "--enable-sandbox",
        "--enable-seccomp", "--netns-type=path", "--disable-host-loopback", "--enable-ipv6", "/n", "tap0",
      ])
    let other = try Slirp([
      "cidr=10.7.0.0/16", "mtu=1400", "enable_ipv6=false", "allow_host_loopback=true", "outbound_addr=192.0.2.1",
      "outbound_addr6=eth0", "port_handler=slirp4netns",
    ])
    #expect(other.container == IPAddress("10.7.0.100") && other.gateway == IPAddress("10.7.0.2"))
    let words = other.arguments(namespace: "/n", apiSocket: "s", hasLifeline: true)
    for word in ["--mtu=1400", "--outbound-addr=192.0.2.1", "--outbound-addr6=eth0", "--api-socket=s"] {
      #expect(words.contains(word), "\(word)")
    }
    #expect(!words.contains("--enable-ipv6") && !words.contains("--disable-host-loopback"))
    let bridges = Slirp.ofBridges.arguments(namespace: "/n", apiSocket: "s", hasLifeline: false)
    #expect(bridges.contains("--disable-host-loopback") && !bridges.contains { $0.hasPrefix("--exit-fd") })
  }
  @Test(arguments: [
    ("cidr=10.0.0.0/26", Problem.Code.invalid), ("cidr=fd00::/64", .invalid), ("mtu=67", .invalid),
    ("enable_ipv6=maybe", .invalid), ("outbound_addr=::1", .invalid), ("outbound_addr=a/b", .invalid),
    ("port_handler=rootlesskit", .unsupported), ("port_handler=x", .invalid), ("colour=red", .invalid),
    ("mtu", .invalid),
  ]) func refused(_ option: String, _ code: Problem.Code) {
    #expect(#expect(throws: Problem.self) { try Slirp([option]) }?.code == code, "\(option)")
  }
  @Test func theModeIsStored() throws {
    var options = ContainerOptions(.image("i"))
    try options.addNetwork(flag: "slirp4netns:mtu=1400,enable_ipv6=false")
    #expect(options.network == .slirp(["mtu=1400", "enable_ipv6=false"]))
    #expect(NetworkMode(stored: options.network.text) == options.network)
  }
}
