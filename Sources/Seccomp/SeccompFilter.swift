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

extension SeccompFilter {
  /// For the process that will install it: flags, whether it notifies, instructions.
  package var bytes: [UInt8] {
    var bytes = withUnsafeBytes(of: flags) { Array($0) } + [notifies ? 1 : 0]
    instructions.withUnsafeBytes { bytes += $0 }
    return bytes
  }
  /// Fits any filter's `bytes`.
  package static let bytesMax = headerSize + Limit.instructions * MemoryLayout<sock_filter>.stride
  private static let headerSize = 5
  package init?(bytes: [UInt8]) {
    let stride = MemoryLayout<sock_filter>.stride
    guard bytes.count > Self.headerSize, (bytes.count - Self.headerSize) % stride == 0 else { return nil }
    flags = bytes.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
    notifies = bytes[4] == 1
    instructions = bytes.withUnsafeBytes { raw in
      Swift.stride(from: Self.headerSize, to: raw.count, by: stride).map {
        raw.loadUnaligned(fromByteOffset: $0, as: sock_filter.self)
      }
    }
  }
}
