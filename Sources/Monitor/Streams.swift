import CSys
import Glibc
import MonitorProtocol
import Problems
import Sys

/// The monitor's ends of the container's standard streams, and the container's, until the runtime has them.
struct Streams: ~Copyable {
  enum Limit {
    /// Bytes that the kernel keeps of output before the container waits.
    static let outputPipeBytes = 256 << 10
  }
  /// Readable, non-blocking; nil in a terminal until the runtime has sent it.
  var stdout: OwnedFD?
  /// What the runtime says, too, until the container runs.
  var stderr: OwnedFD?
  /// Writable, non-blocking.
  var stdin: OwnedFD?
  /// The runtime's descriptors 0, 1 and 2; nil is /dev/null.
  var childInput: OwnedFD?
  var childOutput: OwnedFD?
  var childErrors: OwnedFD?

  init(_ configuration: MonitorConfiguration) throws(Problem) {
    let made = try doing("make pipes for \(configuration.id)") { () throws(Errno) in
      try Streams(terminal: configuration.terminal, input: configuration.stdinOpen)
    }
    self = made
  }

  private init(terminal: Bool, input: Bool) throws(Errno) {
    var ends = try Streams.pipe()
    stderr = try Streams.nonBlocking(ends.reader)
    childErrors = OwnedFD(adopting: ends.writer)
    if terminal { return }
    ends = try Streams.pipe()
    _ = csys_fcntl(ends.reader, 1031, Limit.outputPipeBytes)  // F_SETPIPE_SZ: a wish
    stdout = try Streams.nonBlocking(ends.reader)
    childOutput = OwnedFD(adopting: ends.writer)
    if input {
      ends = try Streams.pipe()
      childInput = OwnedFD(adopting: ends.reader)
      stdin = try Streams.nonBlocking(ends.writer)
    }
  }

  private static func pipe() throws(Errno) -> (reader: CInt, writer: CInt) {
    var ends: (CInt, CInt) = (-1, -1)
    try check(withUnsafeMutableBytes(of: &ends) { csys_pipe2($0.baseAddress!.assumingMemoryBound(to: CInt.self), 0) })
    return ends
  }
  /// Our end: the container's stays blocking.
  private static func nonBlocking(_ number: CInt) throws(Errno) -> OwnedFD {
    let fd = OwnedFD(adopting: number)
    try fd.setNonBlocking()
    return fd
  }

  /// The runtime has its ends: ours of them go.
  mutating func closeChildEnds() {
    childInput = nil
    childOutput = nil
    childErrors = nil
  }
}
