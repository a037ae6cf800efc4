import CSys
import Glibc
import Problems
import Sys

/// Waits for a log to grow or to end, without polling.
final class LogFollower {
  private let inotify: OwnedFD
  private let end: LogReader.End

  /// Watches the log's directory (rotation makes new files there) and the exit file's. Source: inotify(7).
  init(_ path: String, end: LogReader.End) throws(Problem) {
    self.end = end
    let raw = csys_inotify_init1(O_NONBLOCK)
    inotify = OwnedFD(adopting: try doing("follow \(path)") { () throws(Errno) in try check(raw) })
    let events = UInt32(IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF)
    _ = csys_inotify_add_watch(raw, parentPath(of: path), events)  // without directory there is nothing to wait for
    if let exitFile = end.exitFile { _ = csys_inotify_add_watch(raw, parentPath(of: exitFile), events) }
  }

  var isOver: Bool {
    if let exitFile = end.exitFile, exists(exitFile) || !exists(parentPath(of: exitFile)) { return true }
    guard let monitor = end.monitor else { return false }
    var wanted = pollfd(fd: monitor, events: Int16(POLLIN), revents: 0)
    return csys_poll(&wanted, 1, 0) > 0
  }

  /// Waits until something has happened. - Returns: false when `until` is over.
  func wait(until: LogTime?) throws(Problem) -> Bool {
    var milliseconds: CInt = -1
    if let until {
      let rest = (until.nanoseconds - LogTime.now.nanoseconds) / 1_000_000 + 1
      if rest <= 0 { return false }
      milliseconds = CInt(clamping: rest)
    }
    var waiting = (
      pollfd(fd: inotify.borrowed, events: Int16(POLLIN), revents: 0),
      pollfd(fd: end.monitor ?? -1, events: Int16(POLLIN), revents: 0)
    )
    try doing("wait for the log") { () throws(Errno) in
      _ = try uninterrupted { () throws(Errno) in try check(csys_poll(&waiting, 2, milliseconds)) }
    }
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
      while csys_read(inotify.borrowed, buffer.baseAddress, buffer.count) > 0 {}
    }
    return true
  }
}
