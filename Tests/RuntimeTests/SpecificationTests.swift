import JSON
import Problems
import RuntimeSpec
import Sys
import TestKit
import Testing

@testable import Runtime

/// What config-linux.md of 1.3 brought, as far as it needs no kernel.
struct SpecificationTests {
  private static func policy(_ text: String) throws -> MemoryPolicy { try MemoryPolicy(json: try JSON.parse(text)) }

  /// covers LX-30: memory policy
  @Test func memoryPolicyAsTheKernelTakesIt() throws {
    let request = try Self.policy(
      #"{"mode":"MPOL_BIND","nodes":"0,2","flags":["MPOL_F_STATIC_NODES"]}"#
    ).request()
    #expect(request.mode == 2 | 1 << 15 && request.nodes.first == 0b101)
    #expect(try Self.policy(#"{"mode":"MPOL_DEFAULT"}"#).request().nodes.isEmpty)
  }
  @Test(arguments: [
    ("{}", "invalid memory policy mode"), (#"{"mode":"BIND","nodes":"0"}"#, "invalid memory policy mode \"BIND\""),
    (#"{"mode":"MPOL_DEFAULT","nodes":"0-7"}"#, "requires 0 nodes but got 8"),
    (#"{"mode":"MPOL_BIND"}"#, "requires at least one node"),
    (#"{"mode":"MPOL_BIND","nodes":"0-9876543210"}"#, "invalid memory policy nodes"),
    (#"{"mode":"MPOL_PREFERRED","flags":["x"]}"#, "invalid memory policy flag \"x\""),
  ]) func wrongMemoryPolicies(_ text: String, _ expected: String) throws {
    let policy = try Self.policy(text)
    let problem = #expect(throws: Problem.self) { try policy.request() }
    #expect(problem?.message.contains(expected) == true, "\(text)")
  }

  @Test(arguments: [
    ("eth0", true), ("a.b-c", true), ("", false), ("..", false), ("a/b", false), ("sixteen-letters-x", false),
  ])
  func interfaceNames(_ name: String, _ isFine: Bool) { #expect(NetDevices.isName(name) == isFine) }

  /// Intel RDT on a directory that looks like resctrl: this machine has none.
  @Test func cacheClasses() throws {
    try withScratch { scratch in
      try makeDirectories(scratch + "/c1/mon_groups")
      for file in ["/c1/schemata", "/c1/tasks"] { try replaceFile(scratch + file, with: [], durable: false) }
      let json: JSON = ["closID": "c1", "l3CacheSchema": "L3:0=f", "memBwSchema": "MB:0=20"]
      let rdt = try #require(try IntelRdt(json, id: "x"))
      try rdt.enter(42, root: scratch)
      #expect(try readText(scratch + "/c1/schemata") == "L3:0=f\nMB:0=20\n")
      #expect(try readText(scratch + "/c1/tasks") == "42")
      try rdt.set(["L3:0=3"], root: scratch)
      #expect(try readText(scratch + "/c1/schemata").hasPrefix("L3:0=3\n"))
      #expect(throws: Problem.self) { try rdt.set(["L3:0=3"], root: scratch + "/none") }
      rdt.leave(42, root: scratch)
      #expect(exists(scratch + "/c1"), "a named class is shared")
      #expect(try IntelRdt(["enableMonitoring": true], id: "x")?.closID == "x")
      #expect(throws: Problem.self) { try IntelRdt(["closID": "../x"], id: "x") }
      #expect(try IntelRdt(nil, id: "x") == nil)
    }
  }

  /// covers LX-29
  @Test func ambientCapabilitiesThatCannotBeRaised() {
    var names = Capabilities()
    names.permitted = ["CAP_KILL", "CAP_CHOWN"]
    names.inheritable = ["CAP_KILL"]
    names.ambient = ["CAP_KILL", "CAP_CHOWN"]
    #expect(CapabilitySets(names).notRaised == ["CAP_CHOWN"])
    #expect(CapabilitySets(nil).notRaised.isEmpty && CapabilitySets(names).unknown.isEmpty)
    names.bounding = ["CAP_KILL", "CAP_NONE", "kill"]
    names.effective = ["CAP_NONE", "OTHER"]
    #expect(CapabilitySets(names).unknown == ["CAP_NONE", "OTHER"])
  }

  /// covers LX-01
  @Test func helpOfTheProgramAndOfEachCommand() {
    let usage = Usage(calledAs: "/usr/bin/berth-runtime")
    #expect(usage.text.hasPrefix("NAME:\n   berth-runtime - Open Container Initiative runtime"))
    for name in ["create", "run", "start", "exec", "kill", "delete", "state", "list", "ps", "update", "features"] {
      #expect(usage.text(of: name)?.hasPrefix("NAME:\n   berth-runtime \(name) - ") == true, "\(name)")
    }
    #expect(usage.text(of: "foo") == nil)
  }

  @Test func everyKnownMountOptionIsUnderstood() {
    for word in MountOptions.known {
      let options = MountOptions([word])
      let goesOn = ["dirsync", "iversion", "lazytime", "mand", "sync"].contains(word)
      #expect(options.superblock.map(\.key) == (goesOn ? [word] : []), "\(word)")
    }
    #expect(MountOptions.known.contains("rnosymfollow") && MountOptions.known.contains("runbindable"))
  }
}
