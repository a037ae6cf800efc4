import CSys
import Glibc
package import Problems
package import RuntimeSpec

extension SeccompFilter {
  /// Compiles a profile: per architecture a balanced search tree over ranges of call numbers with the same decision.
  ///
  /// Names that no listed architecture has are skipped, as libseccomp does. A rule that repeats the default is
  /// skipped. Where the default refuses and is not ENOSYS, calls newer than all that the profile names get ENOSYS, so
  /// that programs fall back to older ones (as runc does). Calls of unlisted architectures kill the thread.
  ///
  /// - Throws: `.invalid`, naming the unknown action, architecture, operator or flag.
  package static func compile(_ profile: LinuxSeccomp) throws(Problem) -> SeccompFilter {
    let defaultValue = try profile.defaultAction.value(errno: profile.defaultErrnoRet)
    var notifies = defaultValue == SeccompAction.notifyValue
    var tables: [SyscallDecisions] = []
    for architecture in try SeccompArchitecture.listed(profile.architectures) {
      tables.append(SyscallDecisions(architecture, default: defaultValue))
    }
    for rule in profile.syscalls ?? [] {
      let value = try rule.action.value(errno: rule.errnoRet)
      notifies = notifies || value == SeccompAction.notifyValue
      let clauses = try clauses(rule.args)
      for name in rule.names {
        guard let record = SyscallTable.record(of: name) else { continue }
        for index in tables.indices { tables[index].add(record, clauses: clauses, value: value) }
      }
    }
    let beyond = beyondNamed(profile)
    let instructions = emit(tables, default: defaultValue, beyond: beyond)
    guard instructions.count <= Limit.instructions else {
      throw Problem(
        code: .invalid,
        message: "seccomp profile needs \(instructions.count) instructions, the kernel takes \(Limit.instructions)")
    }
    return SeccompFilter(instructions: instructions, flags: try flags(profile.flags), notifies: notifies)
  }

  /// What calls get that are newer than the profile: nil is the default action.
  private static func beyondNamed(_ profile: LinuxSeccomp) -> UInt32? {
    if profile.defaultAction.isPermissive || profile.defaultErrnoRet == UInt32(ENOSYS) { return nil }
    return 0x0005_0000 | UInt32(ENOSYS)
  }

  /// A rule's conditions: one clause, all of which must hold; where two are about one argument, each is a clause of
  /// its own (as runc and crun have it, because libseccomp cannot say it).
  private static func clauses(_ arguments: [SeccompArgument]?) throws(Problem) -> [[SeccompCondition]] {
    guard let arguments, !arguments.isEmpty else { return [] }
    var conditions: [SeccompCondition] = []
    var seen: UInt32 = 0
    var repeats = false
    for argument in arguments {
      let condition = try SeccompCondition(argument)
      if seen & 1 << condition.index != 0 { repeats = true }
      seen |= 1 << condition.index
      conditions.append(condition)
    }
    return repeats ? conditions.map { [$0] } : [conditions]
  }

  // MARK: - Code

  /// Offsets in seccomp_data. Source: linux/seccomp.h.
  private enum Offset {
    static let number: UInt32 = 0
    static let architecture: UInt32 = 4
    /// Little-endian: the low word comes first.
    static func low(_ argument: UInt32) -> UInt32 { 16 + 8 * argument }
    static func high(_ argument: UInt32) -> UInt32 { 20 + 8 * argument }
  }
  private static let killThread: UInt32 = 0

  private static func emit(_ tables: [SyscallDecisions], default defaultValue: UInt32, beyond: UInt32?) -> [sock_filter]
  {
    var code = BPFAssembler()
    var entries: [(architecture: UInt32, label: BPFAssembler.Label)] = []
    // From the end to the start, so that the native architecture's tree comes to stand first.
    for table in tables.reversed() where table.architecture != .x32 {
      var tree = RangeTree(table, default: defaultValue, beyond: beyond)
      if table.architecture == .x86_64 {
        if let x32 = tables.first(where: { $0.architecture == .x32 }) {
          tree.append(x32, beyond: beyond)
        } else if beyond == nil {
          tree.append(from: SeccompArchitecture.x32Bit, value: killThread)
          tree.append(from: .max, value: defaultValue)
        }
      }
      var label = tree.emit(into: &code)
      if !tree.isConstant { label = code.load(Offset.number) }  // falls through to the tree, emitted last
      entries.append((table.architecture.auditArchitecture, label))
    }
    var next = code.result(killThread)
    for entry in entries { next = code.jump(.equal, entry.architecture, then: entry.label, else: next) }
    _ = code.load(Offset.architecture)
    return code.program
  }

  /// The ranges of all numbers that share one kernel architecture, and their code.
  private struct RangeTree {
    private var ranges: [SyscallDecisions.Range]
    /// Clause lists with how wide their architecture's arguments are.
    private var clauseLists: [(clauses: [SeccompClause], narrow: Bool)]
    private let defaultValue: UInt32

    init(_ table: SyscallDecisions, default value: UInt32, beyond: UInt32?) {
      ranges = table.ranges(beyond: beyond)
      clauseLists = table.clauseLists.map { ($0, table.architecture.hasNarrowArguments) }
      defaultValue = value
    }
    mutating func append(_ table: SyscallDecisions, beyond: UInt32?) {
      let first = clauseLists.count
      clauseLists += table.clauseLists.map { ($0, table.architecture.hasNarrowArguments) }
      for range in table.ranges(beyond: beyond) {
        switch range.decision {
        case .value(let value): append(from: range.start, value: value)
        case .clauses(let index): ranges.append(.init(start: range.start, decision: .clauses(first + index)))
        }
      }
    }
    mutating func append(from start: UInt32, value: UInt32) {
      if ranges.last?.decision != .value(value) { ranges.append(.init(start: start, decision: .value(value))) }
    }

    /// The same for all numbers: no search.
    var isConstant: Bool { ranges.count == 1 }

    func emit(into code: inout BPFAssembler) -> BPFAssembler.Label { emit(0, ranges.count - 1, &code) }

    /// The search in ranges `low...high`.
    private func emit(_ low: Int, _ high: Int, _ code: inout BPFAssembler) -> BPFAssembler.Label {
      if low == high { return leaf(low, &code) }
      let middle = (low + high + 1) / 2
      // Inner nodes first: a leaf is best near its jump.
      var upper = middle < high ? emit(middle, high, &code) : nil
      let lower = low < middle - 1 ? emit(low, middle - 1, &code) : leaf(low, &code)
      upper = upper ?? leaf(high, &code)
      return code.jump(.greaterOrEqual, ranges[middle].start, then: upper!, else: lower)
    }
    private func leaf(_ index: Int, _ code: inout BPFAssembler) -> BPFAssembler.Label {
      switch ranges[index].decision {
      case .value(let value): return code.result(value)
      case .clauses(let list):
        let (clauses, narrow) = clauseLists[list]
        var next = code.result(defaultValue)
        for clause in clauses.reversed() {
          var success = code.result(clause.value)
          for condition in clause.conditions.reversed() {
            success = emit(condition, narrow: narrow, then: success, else: next, &code)
          }
          next = success
        }
        return next
      }
    }

    private func emit(
      _ condition: SeccompCondition, narrow: Bool, then yes: BPFAssembler.Label, else no: BPFAssembler.Label,
      _ code: inout BPFAssembler
    ) -> BPFAssembler.Label {
      let high = UInt32(condition.value >> 32)
      let low = UInt32(truncatingIfNeeded: condition.value)
      switch condition.comparison {
      case .notEqual: return equal(condition, high, low, narrow, then: no, else: yes, &code)
      case .equal, .maskedEqual: return equal(condition, high, low, narrow, then: yes, else: no, &code)
      case .greaterOrEqual: return ordered(condition, .greaterOrEqual, narrow, then: yes, else: no, &code)
      case .less: return ordered(condition, .greaterOrEqual, narrow, then: no, else: yes, &code)
      case .greater: return ordered(condition, .greater, narrow, then: yes, else: no, &code)
      case .lessOrEqual: return ordered(condition, .greater, narrow, then: no, else: yes, &code)
      }
    }

    private func equal(
      _ condition: SeccompCondition, _ high: UInt32, _ low: UInt32, _ narrow: Bool, then yes: BPFAssembler.Label,
      else no: BPFAssembler.Label, _ code: inout BPFAssembler
    ) -> BPFAssembler.Label {
      let highMask = UInt32(condition.mask >> 32)
      let lowMask = UInt32(truncatingIfNeeded: condition.mask)
      var label = code.jump(.equal, low, then: yes, else: no)
      if lowMask != .max { label = code.and(lowMask) }
      label = code.load(Offset.low(condition.index))
      if narrow || highMask == 0 { return label }
      label = code.jump(.equal, high, then: label, else: no)
      if highMask != .max { label = code.and(highMask) }
      return code.load(Offset.high(condition.index))
    }

    private func ordered(
      _ condition: SeccompCondition, _ test: BPFAssembler.Test, _ narrow: Bool, then yes: BPFAssembler.Label,
      else no: BPFAssembler.Label, _ code: inout BPFAssembler
    ) -> BPFAssembler.Label {
      let high = UInt32(condition.value >> 32)
      _ = code.jump(test, UInt32(truncatingIfNeeded: condition.value), then: yes, else: no)
      let low = code.load(Offset.low(condition.index))
      if narrow { return low }
      let same = code.jump(.equal, high, then: low, else: no)
      _ = code.jump(.greater, high, then: yes, else: same)
      return code.load(Offset.high(condition.index))
    }
  }
}
