import Netlink
import TestKit
import Testing

@testable import Networking

@Suite struct FirewallTests {
  /// The chains as values: their text in nft(8)'s words is checked by a privileged test, their bytes here.
  @Test func rulesAreFixed() throws {
    let bytes = Firewall.base(table: Firewall.table).requests.enumerated().flatMap {
      $1.sealed(sequence: UInt32($0))
    }
    try expectGolden("firewall.hex", hexDump(bytes))
    #expect(Firewall.witness.name == "forward")
  }

  @Test func portsAreEntries() throws {
    func port(_ host: String?, _ container: String) -> PublishedPort {
      PublishedPort(
        hostAddress: host.flatMap { IPAddress($0) }, hostPort: 8080, container: IPAddress(container)!,
        containerPort: 80,
        transport: .udp)
    }
    let any = PortMap.all.filter { $0.holds(port(nil, "10.0.0.2")) }
    #expect(any.map(\.name) == ["any4"])
    #expect(any[0].element(port(nil, "10.0.0.2")).key == [17, 0, 0, 0, 0x1f, 0x90, 0, 0])
    #expect(any[0].element(port(nil, "10.0.0.2")).value == [10, 0, 0, 2, 0, 80, 0, 0])
    let one = PortMap.all.filter { $0.holds(port("127.0.0.1", "10.0.0.2")) }
    #expect(one.map(\.name) == ["port4"])
    #expect(one[0].element(port("127.0.0.1", "10.0.0.2")).key == [127, 0, 0, 1, 17, 0, 0, 0, 0x1f, 0x90, 0, 0])
    #expect(PortMap.all.filter { $0.holds(port("0.0.0.0", "10.0.0.2")) }.map(\.name) == ["any4"])
    #expect(PortMap.all.filter { $0.holds(port("fd00::1", "fd00::2")) }.map(\.name) == ["port6"])
  }
}
