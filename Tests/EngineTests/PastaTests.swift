import Networking
import Problems
import Testing

@testable import Engine

/// covers PD-142
@Suite struct PastaTests {
  private func port(_ host: UInt16, _ inside: UInt16, _ transport: Transport, on address: String? = nil)
    -> PublishedPort
  {
    PublishedPort(
      hostAddress: address.flatMap { IPAddress($0) }, hostPort: host, container: IPAddress(.v4, 0),
      containerPort: inside, transport: transport)
  }

  @Test func portsBecomeForwardings() {
    let ports = [
      port(8080, 80, .tcp), port(8443, 443, .tcp, on: "127.0.0.1"), port(53, 5353, .udp), port(90, 90, .tcp, on: "::1"),
      port(91, 91, .tcp, on: "0.0.0.0"),
    ]
    let words = Pasta.arguments(ports, options: [], namespace: "/r/netns", pidFile: "/r/pid")
    #expect(
      words == [
        "--config-net", "--quiet", "--pid", "/r/pid", "-t", "8080:80", "-t", "127.0.0.1/8443:443", "-t", "::1/90:90",
        "-t", "91:91", "-T", "none",
        "-u", "53:5353",
        "-U", "none", "--no-map-gw", "--dns-forward", Pasta.nameServer, "--netns", "/r/netns",
      ])
  }

  @Test func optionsReplaceDefaultsAndOursAreRefused() throws {
    let words = Pasta.arguments([], options: ["--map-gw", "-T", "5432"], namespace: "/n", pidFile: "/p")
    let own = Pasta.arguments([], options: ["-i", "b"], interface: "a", namespace: "/n", pidFile: "/p")
    #expect(own.contains("b") && !own.contains("a"))
    #expect(Pasta.arguments([], options: [], interface: "a", namespace: "/n", pidFile: "/p").contains("a"))
    #expect(!words.contains("--no-map-gw") && !words.contains("--map-gw"))
    #expect(words.suffix(4) == ["-T", "5432", "--netns", "/n"])
    for option in ["--netns=/x", "-P", "--foreground"] {
      #expect(#expect(throws: Problem.self) { try Pasta.check([option]) }?.code == .invalid, "\(option)")
    }
    var options = ContainerOptions(.image("i"))
    try options.addNetwork(flag: "pasta:-T,5432")
    #expect(options.network == .pasta(["-T", "5432"]))
    #expect(NetworkMode(stored: options.network.text) == options.network)
  }
}
