import CSys
import Problems

/// An architecture whose system calls a filter decides. Source: config-linux.md, "Seccomp", `architectures`.
package enum SeccompArchitecture: String, CaseIterable, Sendable {
  case x86_64 = "SCMP_ARCH_X86_64"
  case i386 = "SCMP_ARCH_X86"
  case x32 = "SCMP_ARCH_X32"
  case aarch64 = "SCMP_ARCH_AARCH64"

  /// What this program runs on.
  package static var native: SeccompArchitecture {
    #if arch(x86_64)
      .x86_64
    #elseif arch(arm64)
      .aarch64
    #endif
  }

  /// The kernel's name for it: seccomp_data's `arch`. x32 shares that of x86_64. Source: linux/audit.h.
  package var auditArchitecture: UInt32 {
    switch self {
    case .x86_64, .x32: 0xc000_003e
    case .i386: 0x4000_0003
    case .aarch64: 0xc000_00b7
    }
  }
  /// Its column of the table.
  var column: Int {
    switch self {
    case .x86_64: 0
    case .i386: 1
    case .x32: 2
    case .aarch64: 3
    }
  }
  /// What is added to its numbers: `__X32_SYSCALL_BIT`.
  package var numberBase: UInt32 { self == .x32 ? Self.x32Bit : 0 }
  static let x32Bit: UInt32 = 0x4000_0000
  /// Only the low half of an argument counts.
  var hasNarrowArguments: Bool { self == .i386 || self == .x32 }

  /// Architectures that the OCI specification lists and this table does not have: their programs cannot run here, so
  /// they are left out, and their calls are killed as any unlisted architecture's.
  private static let foreign: Set<String> = [
    "SCMP_ARCH_ARM", "SCMP_ARCH_LOONGARCH64", "SCMP_ARCH_M68K", "SCMP_ARCH_MIPS", "SCMP_ARCH_MIPS64",
    "SCMP_ARCH_MIPS64N32", "SCMP_ARCH_MIPSEL", "SCMP_ARCH_MIPSEL64", "SCMP_ARCH_MIPSEL64N32", "SCMP_ARCH_PARISC",
    "SCMP_ARCH_PARISC64", "SCMP_ARCH_PPC", "SCMP_ARCH_PPC64", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_RISCV64",
    "SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_SH", "SCMP_ARCH_SHEB",
  ]

  /// The architectures of a profile: the native one first, always.
  static func listed(_ names: [String]?) throws(Problem) -> [SeccompArchitecture] {
    var result = [native]
    for name in names ?? [] {
      guard let architecture = SeccompArchitecture(rawValue: name) else {
        if foreign.contains(name) || name == "SCMP_ARCH_NATIVE" { continue }
        throw Problem(code: .invalid, message: "unknown seccomp architecture \"\(name)\"")
      }
      if !result.contains(architecture) { result.append(architecture) }
    }
    return result
  }
}
