import Sys

/// One TCP connection of a client: a question at a time, each with its length before it. Source: RFC 7766.
final class StreamClient {
  enum Limit {
    static let clientsMax = 32
    static let clientsPerAddressMax = 8
    /// Milliseconds from one question's answer (or the start) to the next whole question.
    static let idleMilliseconds: UInt64 = 10_000
    /// Bytes of questions that were sent ahead.
    static let inputBytesMax = 4096
  }
  let socket: OwnedFD
  let listener: Listener
  let address: [UInt8]
  var slot: Slots.Number?
  var input: [UInt8] = []
  var output: [UInt8] = []
  /// Its question is on its way outside.
  var isWaiting = false
  var deadline: UInt64

  init(_ socket: consuming OwnedFD, _ listener: Listener, address: [UInt8], now: UInt64) {
    self.socket = socket
    self.listener = listener
    self.address = address
    deadline = now + Limit.idleMilliseconds
  }

  enum Next {
    case message([UInt8])
    case incomplete
    case wrong
  }
  /// Takes the next whole question out of the input.
  func takeMessage() -> Next {
    guard input.count >= 2 else { return .incomplete }
    let count = Int(input[0]) << 8 | Int(input[1])
    guard (Query.headerBytes...Query.Limit.bytesMax).contains(count) else { return .wrong }
    guard input.count >= 2 + count else { return .incomplete }
    let message = Array(input[2..<(2 + count)])
    input.removeFirst(2 + count)
    return .message(message)
  }
  func put(_ reply: UnsafeRawBufferPointer) {
    output.append(UInt8(truncatingIfNeeded: reply.count >> 8))
    output.append(UInt8(truncatingIfNeeded: reply.count))
    output.append(contentsOf: reply)
  }
}
