import CSys
import Glibc
import Problems
import RuntimeSpec

extension SeccompAction {
  /// The kernel's return value. Source: seccomp(2); errno values of libseccomp's profiles default to EPERM.
  ///
  /// - Parameter errno: for `errno` what the call returns, for `trace` what the tracer gets; others ignore it.
  func value(errno: UInt32?) throws(Problem) -> UInt32 {
    switch self {
    case .kill, .killThread: return 0
    case .killProcess: return 0x8000_0000
    case .trap: return 0x0003_0000
    case .errno:
      let errno = errno ?? UInt32(EPERM)
      // The kernel would make this number of any larger one.
      guard errno <= 4095 else {
        throw Problem(code: .invalid, message: "seccomp errnoRet \(errno) is not one of 0 to 4095")
      }
      return 0x0005_0000 | errno
    case .notify: return Self.notifyValue
    case .trace: return 0x7ff0_0000 | (errno ?? UInt32(EPERM)) & 0xffff
    case .log: return 0x7ffc_0000
    case .allow: return 0x7fff_0000
    default: throw Problem(code: .invalid, message: "unknown seccomp action \"\(rawValue)\"")
    }
  }
  static let notifyValue: UInt32 = 0x7fc0_0000
  /// Whether a call that nobody named gets through: then new calls need no ENOSYS.
  var isPermissive: Bool { self == .allow || self == .log || self == .trace || self == .notify }
}

/// One comparison of a system call's argument, ready to emit.
struct SeccompCondition: Hashable {
  enum Comparison { case equal, notEqual, greaterOrEqual, less, greater, lessOrEqual, maskedEqual }
  let index: UInt32
  let comparison: Comparison
  /// What to compare with; for `maskedEqual` within the mask.
  let value: UInt64
  let mask: UInt64

  init(index: UInt32, equalTo value: UInt64) {
    self.index = index
    comparison = .equal
    self.value = value
    mask = .max
  }

  /// - Source: config-linux.md, "Seccomp", `args`; seccomp_rule_add(3).
  init(_ argument: SeccompArgument) throws(Problem) {
    guard argument.index < 6 else {
      throw Problem(code: .invalid, message: "seccomp argument index \(argument.index) is not one of 0 to 5")
    }
    index = argument.index
    switch argument.comparison {
    case .equal: comparison = .equal
    case .notEqual: comparison = .notEqual
    case .less: comparison = .less
    case .lessOrEqual: comparison = .lessOrEqual
    case .greater: comparison = .greater
    case .greaterOrEqual: comparison = .greaterOrEqual
    case .maskedEqual: comparison = .maskedEqual
    default:
      throw Problem(code: .invalid, message: "unknown seccomp operator \"\(argument.comparison.rawValue)\"")
    }
    mask = comparison == .maskedEqual ? argument.value : .max
    value = comparison == .maskedEqual ? (argument.valueTwo ?? 0) & argument.value : argument.value
  }
}

/// All conditions hold: this return value.
struct SeccompClause {
  let conditions: [SeccompCondition]
  let value: UInt32
}
