import CSys
import Glibc
import Problems
import Seccomp
import Sys

/// What the two halves of the runtime say to each other, one packet each.
enum Message: UInt8 {
  /// Parent to child: IDs are mapped, the cgroup is entered.
  case proceed = 1
  /// Child to parent: everything is mounted; run the hooks of the runtime's namespaces.
  case hooks
  /// Child to parent: all is set up, the process waits for `start`.
  case ready
  /// Parent to child: execute the process; the first one brings the seccomp filter, where there is one.
  case start
  /// Child to parent: a StepFailure follows; it is the last message.
  case failure
  /// Intermediate process to parent, over a pipe of its own: the init's pid follows.
  case pid
  /// Child to parent: a seccomp notify descriptor comes along.
  case notify
  /// Child to parent: as `ready`, but the resource limits were refused to it; the parent may set them.
  case readyWithoutLimits
  /// Child to parent: maps the owners of the detached mount that comes along; the mount's number follows.
  case mapIDs
  /// Child to parent: a line for the log follows, after its level's number.
  case log
  /// Parent to child: the doors of the cgroup that was made meanwhile come along.
  case enter
}

/// One end of the SEQPACKET pair between the halves.
struct Channel: ~Copyable {
  let socket: OwnedFD
  /// Where the parent writes what the child reports; nil drops it.
  let log: Log?
  init(_ socket: consuming OwnedFD, log: Log? = nil) {
    self.socket = socket
    self.log = log
  }

  /// From now on a wait for the other half ends with `.timedOut` after this time.
  func limitWait(to milliseconds: Int) throws(Problem) {
    try doing("set a time limit") { () throws(Errno) in
      _ = try check(csys_set_receive_timeout(socket.borrowed, CInt(clamping: milliseconds)))
    }
  }

  /// The child's line for the log; nothing depends on its arrival.
  func report(_ level: Log.Level, _ text: String) {
    try? send(.log, [UInt8(level.rank)] + text.utf8.prefix(2000))
  }

  /// - Parameter avoidsSendmsg: by sendmmsg(2) instead.
  func send(
    _ message: Message, _ payload: [UInt8] = [], descriptors: [CInt] = [], avoidsSendmsg: Bool = false
  ) throws(Errno) {
    try Sys.send(socket, [message.rawValue] + payload, descriptors: descriptors, avoidsSendmsg: avoidsSendmsg)
  }
  struct Packet {
    var message: Message
    var payload: [UInt8]
    var descriptors: [CInt]
  }
  /// The next packet that is not for the log; nil when the other half has gone.
  func receive() throws(Errno) -> Packet? {
    while let got = try receiveAny() {
      guard got.message == .log, let number = got.payload.first else { return got }
      let levels = Log.Level.allCases
      log?.write(levels[min(Int(number), levels.count - 1)], String(decoding: got.payload.dropFirst(), as: UTF8.self))
    }
    return nil
  }
  private static let bytesMax = 1 + SeccompFilter.bytesMax
  /// One for each hierarchy of cgroups, at the most.
  private static let descriptorsMax = 32
  private func receiveAny() throws(Errno) -> Packet? {
    let got: (bytes: [UInt8], descriptors: [CInt])
    do throws(Errno) {
      got = try Sys.receive(socket, bytesMax: Self.bytesMax, descriptorsMax: Self.descriptorsMax)
    } catch {
      if error.rawValue == ECONNRESET { return nil }
      throw error == .wouldBlock ? .timedOut : error
    }
    var bytes = got.bytes
    if bytes.isEmpty { return nil }
    guard let message = Message(rawValue: bytes.removeFirst()) else { throw .invalid }
    return Packet(message: message, payload: bytes, descriptors: got.descriptors)
  }

  /// The child's wait for the parent.
  /// - Returns: what came with it.
  @discardableResult
  func await(_ expected: Message) throws(StepFailure) -> [UInt8] {
    let got = try during(.synchronize) { () throws(Errno) in try receive() }
    guard let got, got.message == expected else { throw StepFailure(.synchronize, .brokenPipe) }
    return got.payload
  }
}

/// The parent's side of the conversation: what went wrong in the child comes out as a problem.
extension Channel {
  func say(_ message: Message, _ payload: [UInt8] = [], descriptors: [CInt] = []) throws(Problem) {
    do throws(Errno) { try send(message, payload, descriptors: descriptors) } catch {
      // Where it has gone, its own report says more than a broken pipe; where it has not, it still waits for us.
      guard error == .brokenPipe || error.rawValue == ECONNRESET else {
        throw Problem(code: .unavailable, message: "speak to the container's process", cause: error)
      }
      _ = try hear()
      throw Problem(code: .unavailable, message: "the container's process ended", cause: error)
    }
  }
  func hear() throws(Problem) -> Message { try hearAll().message }
  /// The next packet, of any kind; nil when the other half has gone.
  func hearAny() throws(Problem) -> Packet? {
    do throws(Errno) { return try receive() } catch {
      guard error == .timedOut else {
        throw Problem(code: Problem.Code(error), message: "hear from the container's process", cause: error)
      }
      throw Problem(
        code: .timeout, message: "the container's process is not ready in time",
        hint: "--create-timeout and --start-timeout say how long it may take")
    }
  }
  func hearAll() throws(Problem) -> Packet {
    guard let got = try hearAny() else {
      throw Problem(code: .unavailable, message: "the container's process ended unexpectedly while it was set up")
    }
    if got.message == .failure {
      throw StepFailure(bytes: got.payload)?.problem ?? Problem(code: .bug, message: "an unreadable report")
    }
    return got
  }
}
