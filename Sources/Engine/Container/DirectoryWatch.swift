import CSys
import Glibc
import Problems
import Sys

/// Tells when a file of a directory was written or renamed into place. Source: inotify(7).
struct DirectoryWatch: ~Copyable {
  private let fd: OwnedFD

  /// - Parameter writes: also wakes when bytes are written to a file that stays open, such as the database's log.
  init(_ path: String, writes: Bool = false) throws(Problem) {
    // IN_MOVED_TO, IN_CLOSE_WRITE, IN_DELETE_SELF; IN_MODIFY
    let events: UInt32 = 0x80 | 0x08 | 0x400 | (writes ? 0x02 : 0)
    fd = try doing("watch \(path)") { () throws(Errno) in
      let fd = OwnedFD(adopting: try check(csys_inotify_init1(O_NONBLOCK | O_CLOEXEC)))
      try check(csys_inotify_add_watch(fd.borrowed, path, events))
      return fd
    }
  }

  /// Returns after something happened, or `other` became readable, or the time is over.
  func wait(milliseconds: Int, orReadable other: borrowing OwnedFD) {
    var wanted = [
      pollfd(fd: fd.borrowed, events: Int16(POLLIN), revents: 0),
      pollfd(fd: other.borrowed, events: Int16(POLLIN), revents: 0),
    ]
    _ = csys_poll(&wanted, 2, CInt(clamping: milliseconds))
    drain()
  }
  func wait(milliseconds: Int) {
    _ = isReadable(fd, milliseconds: milliseconds)
    drain()
  }
  private func drain() {
    var buffer = [UInt8](repeating: 0, count: 4096)
    while csys_read(fd.borrowed, &buffer, buffer.count) > 0 {}
  }
}
