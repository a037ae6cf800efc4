import CSys
import Glibc
import Sys

/// The container's standard input: what clients send, as fast as the container takes it.
struct InputPipe: ~Copyable {
  /// nil when there is none, or none any more.
  private var fd: OwnedFD?
  private let isTerminal: Bool
  private var pending: [UInt8] = []
  private var offset = 0
  private var isEnding = false

  /// - Parameter fd: non-blocking.
  init(_ fd: consuming OwnedFD?, isTerminal: Bool) {
    self.fd = fd
    self.isTerminal = isTerminal
  }

  var number: CInt? { fd.number }
  /// The container has not taken all: read no more from clients, and call `flush` when the descriptor is writable.
  var isFull: Bool { offset < pending.count }

  mutating func write(_ bytes: UnsafeRawBufferPointer) {
    if fd == nil || isEnding || bytes.isEmpty { return }
    precondition(!isFull, "input is taken only while nothing waits")
    let written = send(bytes)
    if fd != nil && written < bytes.count {
      pending = Array(bytes[written...])
      offset = 0
    }
  }

  mutating func flush() {
    let waiting = pending
    let written = waiting.withUnsafeBytes { send(UnsafeRawBufferPointer(rebasing: $0[offset...])) }
    offset += written
    if fd == nil || offset == pending.count {
      pending = []
      offset = 0
      if isEnding { close() }
    }
  }

  /// No more input comes: the pipe is closed, a terminal gets its end-of-file character.
  mutating func end() {
    isEnding = true
    if !isFull { close() }
  }

  private mutating func close() {
    if isTerminal, let raw = fd.number {
      var attributes = termios()
      _ = csys_tcgetattr(raw, &attributes)
      var character = attributes.c_cc.4  // VEOF
      _ = csys_write(raw, &character, 1)
    }
    fd = nil
  }

  /// Bytes that the descriptor took; a reader that has gone ends the input.
  private mutating func send(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard let raw = fd.number else { return 0 }
    var sent = 0
    while sent < bytes.count {
      let result = csys_write(raw, bytes.baseAddress! + sent, bytes.count - sent)
      if result == -Int(EINTR) { continue }
      if result == -Int(EAGAIN) { break }
      if result < 0 {
        fd = nil
        break
      }
      sent += result
    }
    return sent
  }
}
