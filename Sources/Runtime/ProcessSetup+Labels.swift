import CSys
import Glibc
import RuntimeSpec
import Sys

extension ProcessSetup {
  /// Asks the kernel to change the security label at execve.
  func applyLabels(hostProc: borrowing OwnedFD) throws(StepFailure) {
    if let profile = process.apparmorProfile, !profile.isEmpty {
      let isThere = exists("/sys/kernel/security/apparmor")
      guard isThere || profile == "unconfined" else {
        throw StepFailure(
          .unsupported, Errno(rawValue: 0), "apparmor profile \(profile) is wanted, but this kernel has no AppArmor")
      }
      try during(.label, profile) { () throws(Errno) in
        if !isThere { return }
        try write("exec \(profile)", to: ["thread-self/attr/apparmor/exec", "thread-self/attr/exec"], in: hostProc)
      }
    }
    if let label = process.selinuxLabel, !label.isEmpty {
      guard exists("/sys/fs/selinux/enforce") else {
        throw StepFailure(
          .unsupported, Errno(rawValue: 0), "selinux label \(label) is wanted, but this kernel has no SELinux")
      }
      try during(.label, label) { () throws(Errno) in try write(label, to: ["thread-self/attr/exec"], in: hostProc) }
    }
  }

  private func write(_ text: String, to names: [String], in proc: borrowing OwnedFD) throws(Errno) {
    for (number, name) in names.enumerated() {
      let file: OwnedFD
      do throws(Errno) { file = try open(at: proc, name, O_WRONLY) } catch {
        if error == .notFound && number + 1 < names.count { continue }
        throw error
      }
      guard try FilesystemMagic.of(file) == FilesystemMagic.proc else { throw .invalid }
      return try writeAll(file, text)
    }
  }
}
