import RuntimeSpec
import TestKit

@testable import Seccomp

/// Profiles that nobody would write, with every action, operator and half-word edge.
enum RandomProfile {
  static let values: [UInt64] = [
    0, 1, 3, 8, 16, 40, 0xffff_ffff, 0x1_0000_0000, 0x1_0000_0003, 0x7e02_0000, .max,
  ]

  static func make(seed: UInt64, rulesPerCall: Int) -> LinuxSeccomp {
    var random = Seeded(seed &* 0x1234_5678_9abc_def1 &+ 99)
    let names = SyscallTable.names.filter { name in  // what libseccomp 2.5.4 knows; not i386's two gates to others
      name != "socketcall" && name != "ipc"
        && SeccompArchitecture.allCases.allSatisfy { (SyscallTable.number(of: name, on: $0) ?? 0) & 0xfff < 440 }
    }
    var profile = LinuxSeccomp(defaultAction: Bool.random(using: &random) ? .errno : .allow)
    profile.architectures = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"].filter { _ in
      Bool.random(using: &random)
    }
    if Bool.random(using: &random) { profile.defaultErrnoRet = 38 }
    let actions: [SeccompAction] = [.allow, .errno, .trap, .killProcess, .log]
    var rules: [SeccompRule] = []
    for name in names where Int.random(in: 0..<4, using: &random) == 0 {
      for _ in 0..<Int.random(in: 1...rulesPerCall, using: &random) {
        let action = actions.randomElement(using: &random)!
        var rule = SeccompRule(names: [name], action: action)
        if action == .errno { rule.errnoRet = 77 }
        rule.args = (0..<Int.random(in: 0...2, using: &random)).map { argument($0, &random) }
        rules.append(rule)
      }
    }
    profile.syscalls = rules
    return profile
  }

  private static func argument(_ index: Int, _ random: inout Seeded) -> SeccompArgument {
    let all: [SeccompOperator] = [.notEqual, .less, .lessOrEqual, .equal, .greaterOrEqual, .greater, .maskedEqual]
    var argument = SeccompArgument(
      index: UInt32(index), value: values.randomElement(using: &random)!, comparison: all.randomElement(using: &random)!
    )
    argument.valueTwo = values.randomElement(using: &random)!
    return argument
  }
}
