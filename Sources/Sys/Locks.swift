import CSys
import Glibc

/// A held flock(2): released when this value goes, or when the process ends however it ends.
package struct FileLock: ~Copyable, Sendable {
  private let fd: OwnedFD
  /// For a child: the lock is held until its end, too.
  package var borrowed: CInt { fd.borrowed }

  /// Opens (and creates, 0600) the lock file and waits for the lock. A file that its last holder removed is not it:
  /// then a new one is made.
  /// - Parameter waiting: false fails with `.wouldBlock` where somebody else holds it.
  package init(_ path: String, shared: Bool = false, waiting: Bool = true) throws(Errno) {
    let operation = (shared ? LOCK_SH : LOCK_EX) | (waiting ? 0 : LOCK_NB)
    while true {
      let fd = try open(path, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
      let raw = fd.borrowed
      _ = try uninterrupted { () throws(Errno) in try check(csys_flock(raw, operation)) }
      if try status(fd).st_nlink > 0 {
        self.fd = fd
        return
      }
    }
  }
}
