import CSys
import Glibc

/// The kernel's capabilities by number. Source: linux/capability.h.
enum CapabilityName {
  static let all = [
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
    "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE",
  ]
  static let sysAdmin: UInt64 = 1 << 21

  /// The names of these bits.
  static func names(_ bits: UInt64) -> [String] {
    if bits == 0 { return [] }
    return all.indices.filter { bits & 1 << UInt64($0) != 0 }.map { "CAP_" + all[$0] }
  }
  /// The bits of these names ("CAP_CHOWN", "chown"); a name that nobody knows is left out.
  static func bits(_ names: [String]?) -> UInt64 {
    var result: UInt64 = 0
    for name in names ?? [] {
      var short = name.uppercased()
      if short.hasPrefix("CAP_") { short.removeFirst(4) }
      if let number = all.firstIndex(of: short) { result |= 1 << UInt64(number) }
    }
    return result
  }
}
