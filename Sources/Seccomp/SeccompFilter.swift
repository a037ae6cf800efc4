package import CSys
import Glibc
import Problems
import RuntimeSpec
package import Sys

/// A compiled system call filter, ready for seccomp(2).
package struct SeccompFilter: Sendable {
  package let instructions: [sock_filter]
  /// `SECCOMP_FILTER_FLAG_*`.
  package let flags: UInt32
  /// Some action asks a supervisor: `install` returns its descriptor.
  package let notifies: Bool

  /// What seccomp(2) gets.
  package var kernelFlags: UInt32 {
    // How a notification waits concerns only filters that notify: the kernel refuses the flag otherwise.
    notifies ? flags | Flag.newListener : flags & ~Flag.waitKillable
  }

  package enum Limit {
    /// Source: linux/bpf_common.h, `BPF_MAXINSNS`.
    package static let instructions = 4096
  }

  /// Installs the filter for this thread, for good.
  ///
  /// - Parameter settingNoNewPrivileges: prctl(2) `PR_SET_NO_NEW_PRIVS` first. Without it the caller needs
  ///   `CAP_SYS_ADMIN` in its user namespace, or to have set it before.
  /// - Returns: the supervisor's descriptor where `notifies`.
  /// - Source: seccomp(2), `SECCOMP_SET_MODE_FILTER`.
  package func install(settingNoNewPrivileges: Bool = false) throws(Errno) -> OwnedFD? {
    if settingNoNewPrivileges { try check(csys_prctl(Self.setNoNewPrivileges, 1, 0, 0, 0)) }
    let flags = kernelFlags
    let result = instructions.withUnsafeBufferPointer { code in
      var program = sock_fprog(
        len: CUnsignedShort(code.count), filter: UnsafeMutablePointer(mutating: code.baseAddress))
      return csys_seccomp(CUnsignedInt(SECCOMP_SET_MODE_FILTER), flags, &program)
    }
    let descriptor = try check(result)
    return notifies ? OwnedFD(adopting: descriptor) : nil
  }
  static let setNoNewPrivileges: CInt = 38

  /// What profiles may contain, as `features` lists it.
  package static let knownActions = [
    "ALLOW", "ERRNO", "KILL", "KILL_PROCESS", "KILL_THREAD", "LOG", "NOTIFY", "TRACE", "TRAP",
  ].map { "SCMP_ACT_" + $0 }
  package static let knownOperators = ["EQ", "GE", "GT", "LE", "LT", "MASKED_EQ", "NE"].map { "SCMP_CMP_" + $0 }
  package static let knownFlags = ["LOG", "SPEC_ALLOW", "TSYNC", "WAIT_KILLABLE_RECV"].map {
    "SECCOMP_FILTER_FLAG_" + $0
  }

  /// Source: linux/seccomp.h.
  enum Flag {
    static let log: UInt32 = 1 << 1
    static let allowSpeculation: UInt32 = 1 << 2
    static let newListener: UInt32 = 1 << 3
    static let waitKillable: UInt32 = 1 << 5
  }

  /// - Parameter names: nil is runc's default, `SECCOMP_FILTER_FLAG_SPEC_ALLOW`. TSYNC is accepted and left out: the
  ///   programs that install filters have one thread.
  static func flags(_ names: [String]?) throws(Problem) -> UInt32 {
    guard let names else { return Flag.allowSpeculation }
    var flags: UInt32 = 0
    for name in names {
      switch name {
      case "", "SECCOMP_FILTER_FLAG_TSYNC": break
      case "SECCOMP_FILTER_FLAG_LOG": flags |= Flag.log
      case "SECCOMP_FILTER_FLAG_SPEC_ALLOW": flags |= Flag.allowSpeculation
      case "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": flags |= Flag.waitKillable
      default: throw Problem(code: .invalid, message: "unknown seccomp flag \"\(name)\"")
      }
    }
    return flags
  }
}
