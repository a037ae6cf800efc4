import CSys
import Glibc

/// The buffers that data flows through. Their pages are there only while it does: `release` gives them back.
struct FlowMemory: ~Copyable {
  enum Limit {
    /// Bytes of one read.
    static let inputBytes = 128 << 10
    /// Bytes of one write to the log.
    static let outputBytes = 256 << 10
    static let packetBytes = 64 << 10
    /// Room before the input for a packet's type byte.
    static let slackBytes = 4096
  }
  private let base: UnsafeMutableRawPointer
  /// Something has been written since the last release.
  var isTouched = false

  /// nil where there is no memory.
  init?() {
    guard let memory = csys_map(Limit.slackBytes + Limit.inputBytes + Limit.outputBytes + Limit.packetBytes) else {
      return nil
    }
    base = memory
  }

  /// Container output as it was read; one byte before it may be written, too.
  var input: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: base + Limit.slackBytes, count: Limit.inputBytes)
  }
  /// Encoded log entries.
  var output: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(start: base + Limit.slackBytes + Limit.inputBytes, count: Limit.outputBytes)
  }
  /// A packet of a client.
  var packet: UnsafeMutableRawBufferPointer {
    UnsafeMutableRawBufferPointer(
      start: base + Limit.slackBytes + Limit.inputBytes + Limit.outputBytes, count: Limit.packetBytes)
  }

  mutating func release() {
    _ = csys_forget(base, Limit.slackBytes + Limit.inputBytes + Limit.outputBytes + Limit.packetBytes)
    csys_trim()
    csys_trim_stack()
    isTouched = false
  }
}
