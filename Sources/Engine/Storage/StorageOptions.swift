import CSys
import Glibc
import Problems
import Sys

/// What a user says of the storage. Source: containers-storage.conf(5), "mount_program"; podman(1), "--storage-opt".
struct StorageOptions: Hashable, Sendable {
  /// What mounts containers' root filesystems; nil is the kernel, and fuse-overlayfs where it refuses.
  private(set) var mountProgram: String?

  /// - Parameter options: `overlay.mount_program=PATH`, also without `overlay`; the last one counts, and nothing after
  ///   the sign is as if it had not been given.
  /// - Throws: `.invalid`; `.unsupported` for podman's other options.
  init(_ options: [String]) throws(Problem) {
    for option in options {
      let pair = try FlagValue.pair(option, flag: "--storage-opt")
      let name = pair.name.split(separator: ".").last.map(String.init) ?? ""
      guard [name, "overlay." + name, "." + name].contains(pair.name), name == "mount_program" else {
        throw Problem(
          code: .unsupported, message: "--storage-opt \(pair.name) is not supported",
          hint: "overlay.mount_program=PATH is")
      }
      mountProgram = pair.value.isEmpty ? nil : pair.value
    }
    guard let mountProgram else { return }
    guard mountProgram.hasPrefix("/"), csys_faccessat2(AT_FDCWD, mountProgram, X_OK, AT_EACCESS) == 0 else {
      throw Problem(
        code: .invalid,
        message: "--storage-opt overlay.mount_program \"\(mountProgram)\" is not the absolute path of a program",
        hint: "name fuse-overlayfs, or leave the option out")
    }
  }
}
