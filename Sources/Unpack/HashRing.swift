import Digests
import Glibc
import Problems

/// A ring of buffers that a thread of its own hashes while their owner goes on.
///
/// The owner fills `next()`, calls `submit`, and may go on *reading* those bytes until it asks for the next buffer but
/// `depth - 2`. Hashing takes as long as inflating and writing together: on another core it is free.
///
/// `@unchecked Sendable`: `produced`, `consumed`, `counts` and `finished` are touched under `mutex` only; a buffer is
/// written only by the owner and only while it is not submitted; `stream` belongs to the thread until it is joined.
final class HashRing: @unchecked Sendable {
  static let depth = 16
  private let buffers: [UnsafeMutableRawBufferPointer]
  private var counts = [Int](repeating: 0, count: depth)
  private var produced = 0
  private var consumed = 0
  private var finished = false
  private var stream = SHA256Stream()
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var thread = pthread_t()
  private var running = false
  /// Bytes submitted so far.
  private(set) var bytes: Int64 = 0

  /// - Parameter bufferBytes: a multiple of the tar block, so that headers are never split.
  init(bufferBytes: Int) throws(Problem) {
    buffers = (0..<HashRing.depth).map { _ in .allocate(byteCount: bufferBytes, alignment: 64) }
    pthread_mutex_init(mutex, nil)
    pthread_cond_init(changed, nil)
    let me = Unmanaged.passRetained(self).toOpaque()
    let failure = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<HashRing>.fromOpaque(argument!).takeRetainedValue().hash()
        return nil
      }, me)
    running = failure == 0
    if failure != 0 { throw Problem(code: .unavailable, message: "start a hashing thread: error \(failure)") }
  }

  private func locked<R>(_ body: () -> R) -> R {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }

  /// The thread: hashes submitted buffers in order until `digest()` says that there are no more.
  private func hash() {
    while true {
      let work: (slot: Int, count: Int)? = locked {
        while consumed == produced && !finished { pthread_cond_wait(changed, mutex) }
        return consumed == produced ? nil : (consumed % HashRing.depth, counts[consumed % HashRing.depth])
      }
      guard let work else { return }
      stream.update(UnsafeRawBufferPointer(rebasing: buffers[work.slot][..<work.count]))
      locked {
        consumed += 1
        pthread_cond_signal(changed)
      }
    }
  }

  /// The buffer to fill next; waits until the thread is done with it.
  func next() -> UnsafeMutableRawBufferPointer {
    locked {
      while produced - consumed == HashRing.depth { pthread_cond_wait(changed, mutex) }
      return buffers[produced % HashRing.depth]
    }
  }

  /// Hands the first `count` bytes of the last `next()` to the thread; the owner may still read them.
  func submit(_ count: Int) -> UnsafeRawBufferPointer {
    bytes += Int64(count)
    return locked {
      let slot = produced % HashRing.depth
      counts[slot] = count
      produced += 1
      pthread_cond_signal(changed)
      return UnsafeRawBufferPointer(rebasing: buffers[slot][..<count])
    }
  }

  /// Lets the thread end; afterwards the ring takes no more.
  func stop() {
    if !running { return }
    running = false
    locked {
      finished = true
      pthread_cond_signal(changed)
    }
    pthread_join(thread, nil)
  }

  /// The digest of all that was submitted.
  func digest() -> Digest {
    stop()
    return stream.digest()
  }

  deinit {
    for buffer in buffers { buffer.deallocate() }
    mutex.deallocate()
    changed.deallocate()
  }
}
