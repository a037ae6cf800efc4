import CSys
import Glibc
import JSON
import Problems
import RuntimeSpec
import Testing

@testable import Seccomp

private let allow: UInt32 = 0x7fff_0000
private let kill: UInt32 = 0
private func errno(_ number: CInt) -> UInt32 { 0x0005_0000 | UInt32(number) }

private func profile(_ text: String) throws -> LinuxSeccomp { try LinuxSeccomp(json: JSON.parse(text)) }

/// What a compiled profile answers.
private func answer(
  _ profile: LinuxSeccomp, _ name: String, _ arguments: [UInt64] = [], on architecture: SeccompArchitecture = .x86_64
) throws -> UInt32? {
  let number = try #require(SyscallTable.number(of: name, on: architecture))
  return FilterInterpreter(program: try SeccompFilter.compile(profile).instructions).run(
    number: number, architecture: architecture.auditArchitecture, arguments: arguments)
}

// covers LX-27
@Suite struct SeccompFilterTests {
  @Test(arguments: [
    ("SCMP_ACT_KILL", UInt32(0)), ("SCMP_ACT_KILL_THREAD", 0), ("SCMP_ACT_KILL_PROCESS", 0x8000_0000),
    ("SCMP_ACT_TRAP", 0x0003_0000), ("SCMP_ACT_ERRNO", 0x0005_0001), ("SCMP_ACT_TRACE", 0x7ff0_0001),
    ("SCMP_ACT_LOG", 0x7ffc_0000), ("SCMP_ACT_NOTIFY", 0x7fc0_0000),
  ])
  func actions(_ name: String, _ value: UInt32) throws {
    let rules = try profile(
      #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["mkdir"],"action":"\#(name)"}]}"#)
    #expect(try answer(rules, "mkdir") == value)
    #expect(try answer(rules, "read") == allow)
    #expect(try SeccompFilter.compile(rules).notifies == (name == "SCMP_ACT_NOTIFY"))
  }

  @Test func errnoValuesAndDefaults() throws {
    let rules = try profile(
      #"{"defaultAction":"SCMP_ACT_ERRNO","defaultErrnoRet":38,"syscalls":[{"names":["mkdir","no_such_call"],"#
        + #""action":"SCMP_ACT_ERRNO","errnoRet":13},{"names":["read"],"action":"SCMP_ACT_ALLOW"}]}"#)
    #expect(try answer(rules, "mkdir") == errno(EACCES))
    #expect(try answer(rules, "write") == errno(ENOSYS))
    #expect(try answer(rules, "read") == allow)
  }

  @Test func callsNewerThanTheProfileAreMissing() throws {
    let rules = try profile(
      #"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["read","faccessat2"],"action":"SCMP_ACT_ALLOW"}]}"#)
    #expect(try answer(rules, "write") == errno(EPERM))
    #expect(try answer(rules, "openat2") == errno(EPERM))
    #expect(try answer(rules, "process_madvise") == errno(ENOSYS))
  }

  @Test func unlistedArchitecturesAreKilled() throws {
    let native = try profile(#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86_64"]}"#)
    #expect(try answer(native, "read", on: .i386) == kill)
    #expect(try answer(native, "read", on: .x32) == kill)
    #expect(try answer(native, "read", on: .aarch64) == kill)
    let both = try profile(#"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86","SCMP_ARCH_X32"]}"#)
    #expect(try answer(both, "read", on: .i386) == allow)
    #expect(try answer(both, "read", on: .x32) == allow)
    #expect(try answer(both, "read", on: .x86_64) == allow)
  }

  @Test(arguments: [
    (#"{"defaultAction":"SCMP_ACT_NO"}"#, #"unknown seccomp action "SCMP_ACT_NO""#),
    (
      #"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_VAX"]}"#,
      #"unknown seccomp architecture "SCMP_ARCH_VAX""#
    ),
    (#"{"defaultAction":"SCMP_ACT_ALLOW","flags":["F"]}"#, #"unknown seccomp flag "F""#),
    (
      #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_KILL","#
        + #""args":[{"index":0,"value":1,"op":"SCMP_CMP_SO"}]}]}"#, #"unknown seccomp operator "SCMP_CMP_SO""#
    ),
    (
      #"{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"],"action":"SCMP_ACT_KILL","#
        + #""args":[{"index":6,"value":1,"op":"SCMP_CMP_EQ"}]}]}"#, "seccomp argument index 6 is not one of 0 to 5"
    ),
  ])
  func unknownWordsAreNamed(_ text: String, _ message: String) throws {
    let rules = try profile(text)
    #expect { _ = try SeccompFilter.compile(rules) } throws: { ($0 as? Problem)?.message == message }
  }

  private static let edges: [UInt64] = [
    0, 1, 7, 8, 9, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0007, 0x1_0000_0008, 0x1_0000_0009, 0x2_0000_0000,
    0x2_0000_0008, 0xffff_ffff_0000_0008, .max,
  ]

  @Test(
    arguments: [
      SeccompOperator.notEqual, .less, .lessOrEqual, .equal, .greaterOrEqual, .greater, .maskedEqual,
    ], edges)
  func comparesAllSixtyFourBits(_ comparison: SeccompOperator, _ value: UInt64) throws {
    var argument = SeccompArgument(index: 3, value: value, comparison: comparison)
    argument.valueTwo = 0x1_0000_0008
    var rule = SeccompRule(names: ["read"], action: .errno)
    rule.args = [argument]
    var rules = LinuxSeccomp(defaultAction: .allow)
    rules.syscalls = [rule]
    for given in Self.edges {
      let holds: Bool
      switch comparison {
      case .notEqual: holds = given != value
      case .less: holds = given < value
      case .lessOrEqual: holds = given <= value
      case .equal: holds = given == value
      case .greaterOrEqual: holds = given >= value
      case .greater: holds = given > value
      default: holds = given & value == 0x1_0000_0008 & value
      }
      #expect(try answer(rules, "read", [5, 5, 5, given]) == (holds ? errno(EPERM) : allow), "\(given)")
    }
  }

  @Test func severalRulesAreAlternativesAndArgumentsAllHold() throws {
    let rules = try profile(
      #"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":["#
        + #"{"index":0,"value":1,"op":"SCMP_CMP_EQ"},{"index":1,"value":2,"op":"SCMP_CMP_EQ"}]},"#
        + #"{"names":["socket"],"action":"SCMP_ACT_KILL","args":[{"index":0,"value":9,"op":"SCMP_CMP_EQ"}]},"#
        + #"{"names":["socket"],"action":"SCMP_ACT_ALLOW","args":[{"index":2,"value":3,"op":"SCMP_CMP_EQ"},"#
        + #"{"index":2,"value":4,"op":"SCMP_CMP_EQ"}]}]}"#)
    #expect(try answer(rules, "socket", [1, 2, 0]) == allow)
    #expect(try answer(rules, "socket", [1, 1, 0]) == errno(EPERM))
    #expect(try answer(rules, "socket", [9, 2, 3]) == kill)
    #expect(try answer(rules, "socket", [0, 0, 3]) == allow)  // one argument twice: each is an alternative
    #expect(try answer(rules, "socket", [0, 0, 4]) == allow)
  }

  @Test func anUnconditionalRuleWins() throws {
    let condition = #""args":[{"index":0,"value":1,"op":"SCMP_CMP_EQ"}]"#
    for order in [[condition, nil], [nil, condition]] {
      let list = order.map {
        #"{"names":["personality"],"action":"\#($0 == nil ? "SCMP_ACT_ALLOW" : "SCMP_ACT_KILL")"\#($0.map { "," + $0 } ?? "")}"#
      }
      let rules = try profile(#"{"defaultAction":"SCMP_ACT_ERRNO","syscalls":[\#(list.joined(separator: ","))]}"#)
      #expect(try answer(rules, "personality", [1]) == allow)
    }
  }

  @Test func socketCallsOfI386AreFilteredInTheirOldShape() throws {
    let rules = try profile(
      #"{"defaultAction":"SCMP_ACT_ALLOW","architectures":["SCMP_ARCH_X86"],"syscalls":["#
        + #"{"names":["listen","semget"],"action":"SCMP_ACT_ERRNO"}]}"#)
    #expect(try answer(rules, "socketcall", [4], on: .i386) == errno(EPERM))
    #expect(try answer(rules, "socketcall", [3], on: .i386) == allow)
    #expect(try answer(rules, "listen", on: .i386) == errno(EPERM))
    #expect(try answer(rules, "ipc", [2], on: .i386) == errno(EPERM))
    #expect(try answer(rules, "ipc", [1], on: .i386) == allow)
  }

  @Test func jumpsReachAcrossLargeFilters() throws {
    var rules = LinuxSeccomp(defaultAction: .errno)
    rules.syscalls = []
    let names = SyscallTable.names.filter { (SyscallTable.number(of: $0, on: .x86_64) ?? 999) < 330 }
    for (index, name) in names.enumerated() {
      var rule = SeccompRule(names: [name], action: .allow)
      rule.args = [SeccompArgument(index: 0, value: UInt64(index) << 33, comparison: .equal)]
      rules.syscalls?.append(rule)
    }
    let filter = try SeccompFilter.compile(rules)
    #expect(filter.instructions.count > 1000)
    let machine = FilterInterpreter(program: filter.instructions)
    for (index, name) in names.enumerated() {
      let number = try #require(SyscallTable.number(of: name, on: .x86_64))
      #expect(machine.run(number: number, architecture: 0xc000_003e, arguments: [UInt64(index) << 33]) == allow)
      #expect(machine.run(number: number, architecture: 0xc000_003e, arguments: [1]) == errno(EPERM))
    }
  }

  @Test func aFilterThatTheKernelCannotTakeIsRefused() {
    var rules = LinuxSeccomp(defaultAction: .errno)
    rules.syscalls = (0..<2000).map { value in
      var rule = SeccompRule(names: ["read"], action: .allow)
      rule.args = [SeccompArgument(index: 0, value: UInt64(value) << 32, comparison: .equal)]
      return rule
    }
    #expect { _ = try SeccompFilter.compile(rules) } throws: { ($0 as? Problem)?.code == .invalid }
  }

  @Test func flags() throws {
    #expect(try SeccompFilter.flags(nil) == 4)
    #expect(try SeccompFilter.flags([]) == 0)
    #expect(try SeccompFilter.flags(["SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG"]) == 2)
  }

  @Test func theTableIsSortedAndKnowsItsNames() {
    let names = SyscallTable.names
    #expect(names == names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) })
    for name in names { #expect(SyscallTable.record(of: name) != nil, "\(name)") }
    #expect(SyscallTable.number(of: "ptrace", on: .x32) == UInt32(0x4000_0209))
    #expect(SyscallTable.number(of: "openat", on: .aarch64) == 56)
    #expect(SyscallTable.number(of: "clone3", on: .i386) == 435)
    #expect(SyscallTable.number(of: "rea", on: .x86_64) == nil)
    #expect(SyscallTable.number(of: String(repeating: "x", count: 40), on: .x86_64) == nil)
  }
}
