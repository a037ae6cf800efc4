import CSys
import Glibc
import Sys

/// What a descriptor in the loop is.
enum Source: UInt8 {
  case signals, listener, stdout, stderr, stdin, consoleListener, console, memory, client
}

/// One descriptor that is ready.
struct Event {
  let source: Source
  let fd: CInt
  let flags: UInt32

  var isReadable: Bool { flags & (Poller.readable | Poller.gone) != 0 }
  var isWritable: Bool { flags & (Poller.writable | Poller.gone) != 0 }
}

/// epoll(7) with a source and a descriptor as each event's data.
struct Poller: ~Copyable {
  static let readable = UInt32(0x001), priority = UInt32(0x002), writable = UInt32(0x004)
  static let gone = UInt32(0x008 | 0x010)  // EPOLLERR, EPOLLHUP: always reported
  static let edge = UInt32(1) << 31
  enum Limit { static let eventsMax = 16 }

  private let epoll: OwnedFD

  init() throws(Errno) { epoll = OwnedFD(adopting: try check(csys_epoll_create1(0))) }

  private func control(_ operation: CInt, _ fd: CInt, _ source: Source, _ flags: UInt32) throws(Errno) {
    let data = UInt64(source.rawValue) << 32 | UInt64(UInt32(bitPattern: fd))
    try check(csys_epoll_ctl(epoll.borrowed, operation, fd, flags, data))
  }
  func add(_ fd: CInt, _ source: Source, _ flags: UInt32 = Poller.readable) throws(Errno) {
    try control(EPOLL_CTL_ADD, fd, source, flags)
  }
  func change(_ fd: CInt, _ source: Source, _ flags: UInt32) throws(Errno) {
    try control(EPOLL_CTL_MOD, fd, source, flags)
  }
  /// A descriptor that is not in the loop is fine.
  func remove(_ fd: CInt) { _ = csys_epoll_ctl(epoll.borrowed, EPOLL_CTL_DEL, fd, 0, 0) }

  /// Waits for events; none after `milliseconds` (-1 is for ever) or a signal.
  func wait(milliseconds: CInt) throws(Errno) -> [Event] {
    let raw = epoll.borrowed
    let result: Result<[Event], Errno> = withUnsafeTemporaryAllocation(
      of: epoll_event.self, capacity: Limit.eventsMax
    ) { buffer in
      let count = csys_epoll_wait(raw, buffer.baseAddress!, CInt(Limit.eventsMax), milliseconds)
      if count == -EINTR { return .success([]) }
      if count < 0 { return .failure(Errno(rawValue: -count)) }
      return .success(
        buffer[..<Int(count)].map { event in
          let source = Source(rawValue: UInt8(truncatingIfNeeded: event.data.u64 >> 32))!
          return Event(
            source: source, fd: CInt(bitPattern: UInt32(truncatingIfNeeded: event.data.u64)), flags: event.events)
        })
    }
    return try result.get()
  }
}
