import Glibc
import RuntimeSpec
import Testing

@testable import Seccomp

/// Compiled profiles against the profile read word by word: the README's "Invariants".
@Suite struct ProfileModelTests {
  @Test(arguments: 0..<20) func overlappingRules(_ seed: UInt64) throws {
    let profile = RandomProfile.make(seed: seed, rulesPerCall: 4)
    let machine = FilterInterpreter(program: try SeccompFilter.compile(profile).instructions)
    let named = Set((profile.syscalls ?? []).flatMap(\.names))
    let greatest = named.compactMap { SyscallTable.number(of: $0, on: .x86_64) }.max() ?? 0
    for name in SyscallTable.names {
      guard let number = SyscallTable.number(of: name, on: .x86_64) else { continue }
      for arguments in vectors {
        let got = machine.run(number: number, architecture: 0xc000_003e, arguments: arguments)
        var wanted = expected(profile, name, arguments)
        if number > greatest, profile.defaultAction == .errno { wanted = 0x0005_0000 | UInt32(ENOSYS) }
        #expect(got == wanted, "\(name) \(arguments)")
        if got != wanted { return }
      }
    }
  }
  private let vectors: [[UInt64]] =
    RandomProfile.values.map { [$0, 1] } + RandomProfile.values.map { [0, $0] } + [[.max, .max]]

  private func expected(_ profile: LinuxSeccomp, _ name: String, _ arguments: [UInt64]) -> UInt32 {
    let fallback = value(profile.defaultAction, profile.defaultErrnoRet)
    let rules = (profile.syscalls ?? []).filter { $0.names.contains(name) && value($0.action, $0.errnoRet) != fallback }
    let unconditional = rules.first { ($0.args ?? []).isEmpty }
    let first = unconditional ?? rules.first { ($0.args ?? []).allSatisfy { holds($0, arguments) } }
    return first.map { value($0.action, $0.errnoRet) } ?? fallback
  }
  private func value(_ action: SeccompAction, _ errno: UInt32?) -> UInt32 {
    switch action {
    case .allow: 0x7fff_0000
    case .errno: 0x0005_0000 | (errno ?? 1)
    case .trap: 0x0003_0000
    case .log: 0x7ffc_0000
    default: 0x8000_0000
    }
  }
  private func holds(_ argument: SeccompArgument, _ arguments: [UInt64]) -> Bool {
    let given = arguments[Int(argument.index)]
    switch argument.comparison {
    case .equal: return given == argument.value
    case .notEqual: return given != argument.value
    case .less: return given < argument.value
    case .lessOrEqual: return given <= argument.value
    case .greater: return given > argument.value
    case .greaterOrEqual: return given >= argument.value
    default: return given & argument.value == (argument.valueTwo ?? 0) & argument.value
    }
  }
}
