import CSys

/// Writes a classic BPF program from its end to its start, so that every jump goes to code that is there already.
///
/// A label counts instructions from the end. Conditional jumps reach 255 instructions; `near` bridges more.
struct BPFAssembler {
  typealias Label = Int
  private(set) var reversed: [sock_filter] = []
  private var returns: [(value: UInt32, label: Label)] = []

  /// How far a label may be when it is asked for: leaves room for what is emitted between asking and jumping.
  private enum Limit {
    static let returnDistance = 180
    static let jumpDistance = 250
  }
  /// Opcodes. Source: linux/filter.h, linux/bpf_common.h.
  private enum Code {
    static let loadWord = UInt16(BPF_LD | BPF_W | BPF_ABS)
    static let and = UInt16(BPF_ALU | BPF_AND | BPF_K)
    static let jump = UInt16(BPF_JMP | BPF_JA)
    static let `return` = UInt16(BPF_RET | BPF_K)
  }
  /// A conditional jump of the accumulator against a constant.
  enum Test {
    case equal, greaterOrEqual, greater
    fileprivate var code: UInt16 {
      switch self {
      case .equal: UInt16(BPF_JMP | BPF_JEQ | BPF_K)
      case .greaterOrEqual: UInt16(BPF_JMP | BPF_JGE | BPF_K)
      case .greater: UInt16(BPF_JMP | BPF_JGT | BPF_K)
      }
    }
  }

  init() { reversed.reserveCapacity(512) }

  /// The program in the kernel's order.
  var program: [sock_filter] { reversed.reversed() }

  private mutating func emit(_ code: UInt16, _ k: UInt32, jt: UInt8 = 0, jf: UInt8 = 0) -> Label {
    reversed.append(sock_filter(code: code, jt: jt, jf: jf, k: k))
    return reversed.count - 1
  }
  /// Loads a word of seccomp_data.
  mutating func load(_ offset: UInt32) -> Label { emit(Code.loadWord, offset) }
  mutating func and(_ mask: UInt32) -> Label { emit(Code.and, mask) }

  mutating func jump(_ test: Test, _ k: UInt32, then: Label, else otherwise: Label) -> Label {
    let far = near(then)
    let near = near(otherwise)
    let here = reversed.count
    return emit(test.code, k, jt: UInt8(here - far - 1), jf: UInt8(here - near - 1))
  }

  /// A return of this value within reach: one that is there, or a new one.
  mutating func result(_ value: UInt32) -> Label {
    for (place, known) in returns.enumerated() where known.value == value {
      if reversed.count - known.label <= Limit.returnDistance { return known.label }
      returns.remove(at: place)
      break
    }
    let label = emit(Code.return, value)
    returns.append((value, label))
    return label
  }

  /// The label, or that of a jump to it where it is too far for a conditional jump.
  private mutating func near(_ label: Label) -> Label {
    let distance = reversed.count - label
    return distance <= Limit.jumpDistance ? label : emit(Code.jump, UInt32(distance - 1))
  }
}
