import CSys
import Glibc
import Problems
import Synchronization
import Sys

/// Wakes whoever waits until a pipe takes bytes again.
///
/// The main thread's epoll does the watching; a descriptor is registered for one wake-up at a time.
final class WriteGate: Sendable {
  private let epoll: OwnedFD
  private let waiting = Mutex<[CInt: CheckedContinuation<Void, Never>]>([:])

  init() throws(Errno) { epoll = OwnedFD(adopting: try check(csys_epoll_create1(0))) }

  /// For the main thread: watches its socket, too.
  func watch(_ descriptor: CInt) throws(Errno) {
    try check(csys_epoll_ctl(epoll.borrowed, EPOLL_CTL_ADD, descriptor, EPOLLIN.rawValue, UInt64(descriptor)))
  }

  /// Returns when `descriptor` takes bytes, its reader has gone, or the task was cancelled.
  func writable(_ descriptor: CInt) async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        waiting.withLock { $0[descriptor] = continuation }
        let events = EPOLLOUT.rawValue | EPOLLONESHOT.rawValue
        var result = csys_epoll_ctl(epoll.borrowed, EPOLL_CTL_MOD, descriptor, events, UInt64(descriptor))
        if result == -ENOENT {
          result = csys_epoll_ctl(epoll.borrowed, EPOLL_CTL_ADD, descriptor, events, UInt64(descriptor))
        }
        if result < 0 || Task.isCancelled { wake(descriptor) }
      }
    } onCancel: {
      wake(descriptor)
    }
  }

  private func wake(_ descriptor: CInt) {
    waiting.withLock { $0.removeValue(forKey: descriptor) }?.resume()
  }

  /// Waits for events and wakes waiters. - Returns: true when `socket` has something to read.
  func wait(socket: CInt) throws(Errno) -> Bool {
    var events = [epoll_event](repeating: epoll_event(), count: 32)
    let raw = epoll.borrowed
    let count = try uninterrupted { () throws(Errno) in try check(csys_epoll_wait(raw, &events, CInt(events.count), -1))
    }
    var isReadable = false
    for event in events[..<Int(count)] {
      let descriptor = CInt(truncatingIfNeeded: event.data.u64)
      if descriptor == socket { isReadable = true } else { wake(descriptor) }
    }
    return isReadable
  }
}

/// The write end of a layer's pipe; one task uses it.
final class PipeWriter: Sendable {
  private let number: CInt
  private let isClosed = Atomic(false)
  private let gate: WriteGate

  private enum Limit {
    /// The kernel's own maximum for users without privilege. Source: pipe(7), /proc/sys/fs/pipe-max-size.
    static let pipeBytes = 1 << 20
  }

  init(_ pipe: consuming OwnedFD, gate: WriteGate) throws(Errno) {
    try pipe.setNonBlocking()
    _ = csys_fcntl(pipe.borrowed, F_SETPIPE_SZ_, Limit.pipeBytes)  // a smaller one works, too
    number = pipe.release()
    self.gate = gate
  }
  deinit { close() }

  func close() {
    if !isClosed.exchange(true, ordering: .relaxed) { _ = csys_close(number) }
  }

  /// Writes what the pipe takes now. - Returns: the number of bytes; fewer than given when it is full.
  func write(_ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
    var rest = bytes
    while !rest.isEmpty {
      let written = csys_write(number, rest.baseAddress, rest.count)
      if written == -Int(EINTR) { continue }
      if written == -Int(EAGAIN) { break }
      rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(try check(written)))
    }
    return bytes.count - rest.count
  }
  func writable() async { await gate.writable(number) }
}
private let F_SETPIPE_SZ_: CInt = 1031
