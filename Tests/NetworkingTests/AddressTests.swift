import JSON
import Problems
import Testing

@testable import Networking

@Suite struct AddressTests {
  @Test(arguments: ["10.89.0.1", "255.255.255.255", "::1", "fd00::10", "2001:db8::ff00:42:8329"])
  func textRoundTrip(_ text: String) throws {
    let address = try #require(IPAddress(text))
    #expect(address.description == text)
    #expect(IPAddress(bytes: address.bytes) == address)
  }
  @Test(arguments: ["", "10.0.0", "10.0.0.256", "10.0.0.1/24", "fe80::1%eth0", "[::1]", "localhost", "1.2.3.4 "])
  func noAddress(_ text: String) { #expect(IPAddress(text) == nil) }

  @Test func subnets() throws {
    let subnet = try #require(Subnet("10.89.7.9/24"))
    #expect(subnet.description == "10.89.7.0/24")
    #expect(subnet.hosts == IPAddress("10.89.7.1")!...IPAddress("10.89.7.254")!)
    #expect(try #require(Subnet("10.88.0.0/15")).overlaps(subnet))
    #expect(try !#require(Subnet("10.90.0.0/16")).overlaps(subnet))
    #expect(try #require(Subnet("10.0.0.0/31")).hosts == nil)
    #expect(try #require(Subnet("fd00::/64")).last == IPAddress("fd00::ffff:ffff:ffff:ffff"))
    #expect(try #require(Subnet("0.0.0.0/0")).contains(IPAddress("9.9.9.9")!))
    #expect(Subnet("10.0.0.0/33") == nil && Subnet("10.0.0.0/-1") == nil && Subnet("10.0.0.0") == nil)
    #expect(try #require(Subnet("255.255.255.0/24")).next == nil)
  }

  @Test func hardwareAddresses() throws {
    #expect(MACAddress("92:d0:c6:0a:29:33")?.description == "92:d0:c6:0a:29:33")
    for bad in ["01:00:00:00:00:01", "00:00:00:00:00:00", "92:d0:c6:0a:29", "92:d0:c6:0a:29:3g", "92d0c60a2933"] {
      #expect(MACAddress(bad) == nil)
    }
    #expect(MACAddress(of: IPAddress("10.89.0.2")!).description == "02:be:0a:59:00:02")
  }

  @Test func choiceAvoidsWhatIsUsed() throws {
    let choice = SubnetChoice(
      taken: ["10.89.0.0/24", "10.89.1.128/25", "10.89.2.0/23", "0.0.0.0/0"].compactMap { Subnet($0) })
    #expect(try choice.v4().description == "10.89.4.0/24")
    #expect(try choice.v4(from: 3).description == "10.89.4.0/24")
    #expect(try choice.v4(from: 167 * 256 - 1).description == "10.255.255.0/24")
    #expect(try choice.v4(from: 167 * 256).description == "10.89.4.0/24", "from the beginning again")
    #expect(try choice.v4 { $0.description != "10.89.4.0/24" }.description == "10.89.5.0/24")
    #expect(try choice.v6().base.bytes[0] == 0xfd)
    let end = 167 * 256
    for (text, numbers) in [
      ("10.89.0.0/24", 0..<1), ("10.90.1.128/25", 257..<258), ("10.90.0.0/23", 256..<258), ("10.0.0.0/8", 0..<end),
      ("10.255.255.0/24", end - 1..<end),
    ] {
      #expect(SubnetChoice.numbers(of: Subnet(text)!) == numbers, "\(text)")
    }
    for text in ["10.88.0.0/16", "11.0.0.0/24", "fd00::/64"] {
      #expect(SubnetChoice.numbers(of: Subnet(text)!).isEmpty, "\(text)")
    }
    #expect(throws: Problem.self) { try SubnetChoice(taken: [Subnet("10.0.0.0/8")!]).v4() }
  }
}

// covers PD-137
@Suite struct PortMappingTests {
  @Test func forms() throws {
    let one = try PortMapping(flag: "8080:80")
    #expect(one.hostPort == 8080 && one.containerPort == 80 && one.transport == .tcp && one.hostAddress == nil)
    let range = try PortMapping(flag: "127.0.0.1:8000-8002:80-82/udp")
    #expect(range.count == 3 && range.transport == .udp && range.hostAddress == IPAddress("127.0.0.1"))
    #expect(try PortMapping(flag: "80").hostPort == 0)
    #expect(try PortMapping(flag: "127.0.0.1::80").hostPort == 0)
    #expect(try PortMapping(flag: "[::1]:8080:80/sctp").hostAddress == IPAddress("::1"))
    #expect(try PortMapping(flag: "0.0.0.0:8080:80").hostAddress == IPAddress(.v4, 0))
    let choice = try PortMapping(flag: "[::1]:8080-8090:80")
    #expect(choice.hostPort == 8080 && choice.choices == 11 && choice.count == 1 && choice.containerPort == 80)
    #expect(try PortMapping(flag: "80/").transport == .tcp)
    #expect(try PortMapping(flag: "8080:80/UDP").transport == .udp)
    #expect(try PortMapping(exposed: "53/udp").transport == .udp)
  }
  @Test(arguments: [
    "", "x", "0", "65536", "80:", "1:2:3:4", "::1:80:80", "80/icmp", "80-79", "8000-8001:80-82", "-1:80", "+80",
    "[::1:80:80",
    "300.0.0.1:80:80", "80/tcp/udp", "8000-8002:80-81", "8002-8000:80",
  ]) func refused(_ text: String) { #expect(throws: Problem.self) { try PortMapping(flag: text) } }

  @Test func bothFamilies() throws {
    let mapping = try PortMapping(flag: "8080-8081:80-81")
    let all = mapping.published(to: [IPAddress("10.89.0.2")!, IPAddress("fd00::2")!])
    #expect(all.count == 4 && all[1].hostPort == 8081 && all[1].containerPort == 81)
    let only = try PortMapping(flag: "127.0.0.1:80:80").published(to: [IPAddress("10.89.0.2")!, IPAddress("fd00::2")!])
    #expect(only.map(\.container) == [IPAddress("10.89.0.2")])
  }
}

// covers PD-136
@Suite struct ConfigurationTests {
  private func network(_ change: (inout NetworkConfiguration) -> Void = { _ in }) -> NetworkConfiguration {
    var network = NetworkConfiguration(id: "a1", name: "n", driver: .bridge, interface: "berth1", created: 0)
    network.subnets = [.init(Subnet("10.89.1.0/24")!)]
    change(&network)
    network.fillGateways()
    return network
  }

  @Test func documentRoundTrip() throws {
    let network = network {
      $0.subnets[0].leaseRange = IPAddress("10.89.1.10")!...IPAddress("10.89.1.20")!
      $0.routes = [.init(destination: Subnet("10.1.0.0/16")!, gateway: IPAddress("10.89.1.9")!, metric: 7)]
      $0.labels = ["a": "b"]
      $0.options = ["mtu": "1400", "isolate": "strict"]
      $0.dnsServers = ["9.9.9.9", "Example.ORG./fd00::1"].compactMap { try? NetworkNameServer($0, flag: "--dns") }
    }
    try network.check()
    #expect(NetworkConfiguration(network.document(created: "now"), created: 0) == network)
    #expect(network.isolation == .strict && network.mtu == 1400 && network.hasDefaultRoute)
    #expect(network.subnets[0].gateway == IPAddress("10.89.1.1"))
  }

  @Test func faultsAreNamed() {
    func fault(_ word: String, _ change: @escaping (inout NetworkConfiguration) -> Void) {
      do {
        try network(change).check()
        Issue.record("\(word): not refused")
      } catch { #expect("\(error)".contains(word)) }
    }
    fault("10.9.9.9") { $0.subnets[0].gateway = IPAddress("10.9.9.9") }
    fault("no host's address") { $0.subnets[0].gateway = IPAddress("10.89.1.0") }
    fault("no host's address") { $0.subnets[0].gateway = IPAddress("10.89.1.255") }
    fault("groups of hosts") { $0.subnets = [.init(Subnet("224.1.0.0/24")!)] }
    fault("groups of hosts") { $0.subnets = [.init(Subnet("ff0e::/64")!)] }
    fault("overlap") { $0.subnets.append(.init(Subnet("10.89.1.128/25")!)) }
    fault("10.89.1.0/31") { $0.subnets = [.init(Subnet("10.89.1.0/31")!)] }
    fault("vlan=4095") { $0.options = ["vlan": "4095"] }
    fault("mtu=9") { $0.options = ["mtu": "9"] }
    fault("colour") { $0.options = ["colour": "red"] }
    fault("isolate=maybe") { $0.options = ["isolate": "maybe"] }
    fault("0123456789abcdef") { $0.interface = "0123456789abcdef" }
    fault("dhcp") { $0.ipamOptions = ["driver": "dhcp"] }
  }

  // covers BX-40: a server for one zone alone
  @Test func nameServers() throws {
    let server = try NetworkNameServer("Example.ORG./fd00::1", flag: "--dns")
    #expect(server.zone == "example.org" && server.description == "example.org/fd00::1")
    #expect(try NetworkNameServer("192.0.2.1", flag: "--dns").zone == nil)
    for wrong in [
      "", "resolver", "/192.0.2.1", "org/", "org/resolver", "a b/192.0.2.1", "a..b/192.0.2.1", "org/1.1.1.1/2",
    ] {
      let problem = #expect(throws: Problem.self, "\(wrong)") { try NetworkNameServer(wrong, flag: "--dns") }
      #expect(problem?.message.hasPrefix("--dns \"\(wrong)\": ") == true)
    }
  }
}
