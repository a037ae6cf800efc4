import CSys
import Glibc
import Sys

/// A held flock(2) on a directory: no lock file is left in a user's home.
struct DirectoryLock: ~Copyable {
  private let fd: OwnedFD

  init(_ path: String) throws(Errno) {
    let fd = try open(path, O_RDONLY | O_DIRECTORY)
    let raw = fd.borrowed
    _ = try uninterrupted { () throws(Errno) in try check(csys_flock(raw, LOCK_EX)) }
    self.fd = fd
  }

  consuming func release() {}
}
