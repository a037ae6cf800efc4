import Problems
import RuntimeSpec

/// What a profile decides for each system call of one architecture.
struct SyscallDecisions {
  let architecture: SeccompArchitecture
  private let defaultValue: UInt32
  /// By number, without x32's bit.
  private var decided: [Bool]
  private var values: [UInt32]
  /// Index into `clauseLists`, or -1.
  private var clauseIndex: [Int16]
  private(set) var clauseLists: [[SeccompClause]] = []
  /// The greatest number that the profile names, whatever it says of it.
  private var greatest: UInt32 = 0

  private enum Limit {
    /// Greater than every number of the table.
    static let numbers = 640
  }

  init(_ architecture: SeccompArchitecture, default value: UInt32) {
    self.architecture = architecture
    defaultValue = value
    decided = Array(repeating: false, count: Limit.numbers)
    values = Array(repeating: value, count: Limit.numbers)
    clauseIndex = Array(repeating: -1, count: Limit.numbers)
  }

  /// Adds one rule for one call. The first unconditional rule wins over all; else the first clause that holds.
  mutating func add(_ record: Int, clauses: [[SeccompCondition]], value: UInt32) {
    if let number = SyscallTable.number(record, column: architecture.column) {
      greatest = max(greatest, number)
      if value != defaultValue { decide(number, clauses, value) }
    }
    guard architecture == .i386, value != defaultValue,
      let number = SyscallTable.number(record, column: SyscallTable.multiplexedColumn)
    else { return }
    let (gate, call) = number > 100 ? (Self.ipc, number - 100) : (Self.socketcall, number)
    let which = SeccompCondition(index: 0, equalTo: UInt64(call))
    decide(gate, clauses.isEmpty ? [[which]] : clauses.map { [which] + $0.filter { $0.index != 0 } }, value)
  }
  private static let socketcall: UInt32 = 102
  private static let ipc: UInt32 = 117

  private mutating func decide(_ number: UInt32, _ clauses: [[SeccompCondition]], _ value: UInt32) {
    let number = Int(number)
    if decided[number] { return }
    if clauses.isEmpty {
      decided[number] = true
      values[number] = value
      clauseIndex[number] = -1
      return
    }
    if clauseIndex[number] < 0 {
      clauseIndex[number] = Int16(clauseLists.count)
      clauseLists.append([])
    }
    clauseLists[Int(clauseIndex[number])] += clauses.map { SeccompClause(conditions: $0, value: value) }
  }

  /// Where a decision begins; it lasts until the next range.
  struct Range: Equatable {
    let start: UInt32
    let decision: Decision
  }
  enum Decision: Equatable {
    case value(UInt32)
    /// The clause list of this index, then the default.
    case clauses(Int)
  }

  /// The ranges in ascending order; the first begins at the architecture's number 0.
  ///
  /// - Parameter beyond: the decision for calls greater than all that the profile names; nil is the default.
  func ranges(beyond: UInt32?) -> [Range] {
    var ranges: [Range] = []
    ranges.reserveCapacity(128)
    let base = architecture.numberBase
    for number in 0..<Limit.numbers {
      let decision: Decision
      if clauseIndex[number] >= 0 {
        decision = .clauses(Int(clauseIndex[number]))
      } else if number > greatest, let beyond {
        decision = .value(beyond)
      } else {
        decision = .value(values[number])
      }
      if let last = ranges.last, last.decision == decision { continue }
      ranges.append(Range(start: UInt32(number) | base, decision: decision))
    }
    return ranges
  }
}
