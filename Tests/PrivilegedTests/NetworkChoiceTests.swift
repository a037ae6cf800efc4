import Sys
import TestKit
import Testing

/// What a network gets where nobody chose.
@Suite(.needs(.root), .needs(.installed)) struct NetworkChoiceTests {
  // covers PD-136, PD-140: the lowest number and subnet that neither a network nor the host has
  @Test func theLowestThatIsFree() throws {
    try withEngine { engine in
      try engine.ok("network", "ls")  // the default network has the first of all
      func made() throws -> String {
        let name = try engine.ok("network", "create")
        let format = "{{.name}} {{.network_interface}} {{(index .subnets 0).subnet}}"
        return try engine.ok("network", "inspect", "-f", format, name)
      }
      for number in 1...3 { #expect(try made() == "berth\(number) berth\(number) 10.89.\(number).0/24") }
      try engine.ok("network", "rm", "berth2")
      #expect(try made() == "berth2 berth2 10.89.2.0/24")
      try engine.host("ip", "link", "add", "berth4", "type", "bridge")
      try engine.host("ip", "addr", "add", "10.89.4.9/24", "dev", "berth4")
      try engine.host("ip", "route", "add", "10.89.5.64/26", "dev", "lo")
      try engine.host("ip", "route", "add", "blackhole", "10.89.6.0/24", "table", "77")
      #expect(try made() == "berth4 berth5 10.89.7.0/24", "not what the host has")
      try engine.ok("network", "create", "--subnet", "10.89.8.0/23", "--subnet", "fd00:8::/64", "large")
      #expect(try made() == "berth5 berth7 10.89.10.0/24")
      for (subnet, holder) in [
        ("10.89.9.128/25", "network large has 10.89.8.0/23"), ("10.0.0.0/8", "network"),
        ("fd00::/16", "network large has fd00:8::/64"), ("10.89.4.0/30", "the host has an address in 10.89.4.0/24"),
      ] {
        let refused = try engine.berth("network", "create", "--subnet", subnet, "other")
        #expect(refused.code == 125 && refused.errorText.contains(holder), "\(refused)")
      }
      try engine.ok("network", "rm", "large")
      #expect(try made() == "berth6 berth6 10.89.8.0/24")
    }
  }
}
