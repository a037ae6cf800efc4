import CSys
import Glibc
import RuntimeSpec
import Sys
import TestKit
import Testing

@testable import Seccomp

/// The same profile through libseccomp and through ours, run in one interpreter: the answers must agree.
@Suite(
  .enabled("needs cc and libseccomp-dev") { LibseccompOracle.program != nil || environmentVariable("MUST_RUN") == "1" })
struct LibseccompTests {
  @Test(arguments: [[], ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE"], ["CAP_SYS_CHROOT", "CAP_NET_RAW", "CAP_MKNOD"]])
  func defaultProfile(_ capabilities: [String]) throws {
    try compare(DefaultProfile.profile(capabilities: capabilities))
  }

  @Test func confinement() throws {
    for kind in [Confinement.Kind.layerWorker, .registryClient] {
      try compare(Confinement(kind, highestDescriptor: 9).profile())
    }
  }

  // One rule a call: what libseccomp makes of several that overlap depends on how it merges them, and is not always
  // what the profile says; ProfileModelTests compares those with the profile itself.
  @Test(arguments: 0..<8) func randomProfiles(_ seed: UInt64) throws {
    try compare(RandomProfile.make(seed: seed, rulesPerCall: 1))
  }

  private func compare(_ profile: LinuxSeccomp) throws {
    let ours = FilterInterpreter(program: try SeccompFilter.compile(profile).instructions)
    let theirs = FilterInterpreter(program: try LibseccompOracle.filter(profile))
    let missing = 0x0005_0000 | UInt32(ENOSYS)
    let refused = 0x0005_0000 | (profile.defaultErrnoRet ?? UInt32(EPERM))
    for architecture: UInt32 in [0xc000_003e, 0x4000_0003, 0xc000_00b7] {
      // libseccomp 2.5.4 knows calls up to 448; between 335 and 423 x86-64 has none.
      for number in Array(UInt32(0)..<449) + (0x4000_0000..<0x4000_0000 + 449) + (0x4000_0200..<0x4000_0224) {
        for arguments in Self.vectors {
          let mine = ours.run(number: number, architecture: architecture, arguments: arguments)
          let other = theirs.run(number: number, architecture: architecture, arguments: arguments)
          if mine == other { continue }
          // Our answer to calls that the profile is too old to know; x32's too where it is not listed.
          if mine == missing && (other == refused || number >= 0x4000_0000 && other == 0) { continue }
          Issue.record(
            "\(number) on \(String(architecture, radix: 16)) \(arguments): \(mine.map(String.init) ?? "-"), libseccomp \(other.map(String.init) ?? "-")"
          )
          return
        }
      }
    }
  }
  private static let vectors: [[UInt64]] =
    RandomProfile.values.map { [$0] } + [[0, 1], [8, 1], [16, 3, 9], [1, 0x1_0000_0003, 1], [.max, .max, .max]]
}
