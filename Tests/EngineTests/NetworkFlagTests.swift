import Networking
import Problems
import Testing

@testable import Engine

/// What is said of ports and names, before anything is made.
@Suite struct NetworkFlagTests {
  private func resolved(_ change: (inout ContainerOptions) -> Void) throws(Problem) -> ContainerConfig {
    try SpecBuilderTests.resolved(change)
  }
  private func ports(_ texts: String...) throws(Problem) -> [PortMapping] {
    var published: [PortMapping] = []
    for text in texts { published.append(try PortMapping(flag: text)) }
    return try resolved { $0.published = published }.options.published
  }

  // covers PD-137: what is said twice is meant once
  @Test func portsSaidTwice() throws {
    #expect(try ports("8080:80", "8080:80").count == 1)
    #expect(try ports("80", "80").count == 2, "any two ports of the host")
    let ranges = try ports("8080-8082:80-82", "8081-8083:81-83")
    #expect(ranges.map(\.hostPort) == [8080, 8083] && ranges.map(\.containerPort) == [80, 83])
    #expect(try ports("127.0.0.1:80:80", "127.0.0.2:80:80", "[::1]:80:80", "80:80/udp").count == 4)
  }

  // covers PD-137: two places behind one port
  @Test(arguments: [
    ("8080:80", "8080:81"), ("127.0.0.1:8080:80", "8080:80"), ("8080:80", "127.0.0.1:8080:80"),
    ("0.0.0.0:8080:80", "127.0.0.1:8080:81"), ("8000-8010:80-90", "8005:80"), ("[::]:80:80", "[::1]:80:80"),
  ]) func portsThatMeet(_ first: String, _ second: String) throws {
    let problem = #expect(throws: Problem.self) { try ports(first, second) }
    #expect(problem?.message.hasPrefix("conflicting port mappings for host port ") == true)
  }

  // covers PD-137: both families of one mapping are one to the user
  @Test func portsOfBothFamilies() throws {
    let targets = [IPAddress("10.0.0.2"), IPAddress("fd00::2")].compactMap { $0 }
    func shown(_ text: String) throws -> [String] {
      try PortMapping(flag: text).published(to: targets).distinct.map { "\($0.hostText):\($0.hostPort)" }
    }
    #expect(try shown("8080:80") == ["0.0.0.0:8080"])
    #expect(try shown("[::]:8080:80") == ["[::]:8080"])
    #expect(try shown("[::1]:8080-8081:80-81") == ["[::1]:8080", "[::1]:8081"])
    #expect(try PortMapping(flag: "8080:80").published(to: [targets[1]]).distinct.map(\.hostText) == ["[::]"])
  }

  // covers PD-144, BX-40: nothing that goes into resolv.conf or hosts can write a line of its own there
  @Test(arguments: [
    "", "bad domain", "a..b", "a\nnameserver 192.0.2.6", String(repeating: "a", count: 64) + ".org",
    String(repeating: "a.", count: 127) + "org", "é.org",
  ]) func searchDomainsThatAreNone(_ domain: String) {
    let problem = #expect(throws: Problem.self) { try resolved { $0.dnsSearch = [domain] } }
    #expect(problem?.message.contains("--dns-search") == true)
  }
  @Test(arguments: [".", "org", "example.org.", "_tcp.example-2.org", String(repeating: "a.", count: 126) + "b"])
  func searchDomains(_ domain: String) throws { _ = try resolved { $0.dnsSearch = [domain] } }

  // covers PD-144
  @Test func namesOfOtherKinds() throws {
    #expect(throws: Problem.self) { try resolved { $0.dnsOptions = ["a\nnameserver 192.0.2.6"] } }
    #expect(throws: Problem.self) { try resolved { $0.addHosts = [HostEntry(name: "a\n192.0.2.6 b", address: "::1")] } }
    for (search, options) in [(["a"], []), ([], ["ndots:1"])] {
      let problem = #expect(throws: Problem.self) {
        try resolved {
          $0.dnsServers = ["none"]
          $0.dnsSearch = search
          $0.dnsOptions = options
        }
      }
      #expect(problem?.message.contains("--dns none goes alone") == true)
    }
  }

  // covers BX-40, PD-144: podman's forms and Docker's
  @Test func hostEntries() throws {
    for text in ["db:fd00::1", "db=fd00::1", "db:[fd00::1]", "db=[fd00::1]"] {
      #expect(try HostEntry(flag: text) == HostEntry(name: "db", address: "fd00::1"))
    }
    #expect(try HostEntry(flag: "a;b:10.0.0.1") == HostEntry(name: "a b", address: "10.0.0.1"))
    for wrong in ["db", ":10.0.0.1", "=10.0.0.1", ";:10.0.0.1", "a b:10.0.0.1", "db:", "db:host", "db/10.0.0.1"] {
      #expect(throws: Problem.self, "\(wrong)") { try HostEntry(flag: wrong) }
    }
  }
}
