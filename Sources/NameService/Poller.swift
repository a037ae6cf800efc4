import CSys
import Glibc
import Sys

/// epoll(7); an event's data is the number of whoever waits for it.
struct Poller: ~Copyable {
  static let readable = UInt32(0x001), writable = UInt32(0x004)
  enum Limit { static let eventsMax = 64 }

  private let epoll: OwnedFD

  init() throws(Errno) { epoll = OwnedFD(adopting: try check(csys_epoll_create1(0))) }

  func add(_ fd: CInt, _ data: UInt64, _ flags: UInt32 = Poller.readable) throws(Errno) {
    try check(csys_epoll_ctl(epoll.borrowed, EPOLL_CTL_ADD, fd, flags, data))
  }
  func change(_ fd: CInt, _ data: UInt64, _ flags: UInt32) throws(Errno) {
    try check(csys_epoll_ctl(epoll.borrowed, EPOLL_CTL_MOD, fd, flags, data))
  }

  /// - Parameters:
  ///   - milliseconds: -1 is for ever.
  ///   - events: filled from the start, reused from call to call.
  /// - Returns: how many.
  func wait(milliseconds: CInt, _ events: UnsafeMutableBufferPointer<epoll_event>) throws(Errno) -> Int {
    let count = csys_epoll_wait(epoll.borrowed, events.baseAddress, CInt(events.count), milliseconds)
    return count == -EINTR ? 0 : Int(try check(count))
  }
}
