import CSys
import Glibc
import Sys

/// An ext4 file system of its own in a file: what others and earlier rounds did to the machine's does not count.
///
/// `/` of this process must be private (see `main.swift`); the loop device goes with the last mount.
struct FreshDisk {
  let path: String
  let megabytes: Int

  private var file: String { path + ".img" }

  /// Empty, and mounted.
  func renew() {
    remove()
    try? makeDirectories(path)
    let made =
      execute(["fallocate", "-l", "\(megabytes)M", file]) == 0
      && execute(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard", file]) == 0
      && execute(["mount", "-o", "loop", file, path]) == 0
    if !made { note("no fresh file system at \(path): the machine's own is used") }
    sync()
  }

  func remove() {
    execute(["umount", "-R", "-q", path])
    try? unlink(file)
  }
}
