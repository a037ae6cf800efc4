import CSys
import Glibc
import Sys

/// A conversation with a bus, or with a peer that speaks D-Bus itself. One thread, one call at a time.
package final class DBusConnection {
  private let socket: OwnedFD
  private var serial: UInt32 = 0
  private var input: [UInt8] = []
  /// Signals that came while a reply was awaited.
  private var signals: [DBusMessage] = []
  /// Ends every wait; in milliseconds of the monotonic clock.
  private let deadline: Int64

  /// Connects, authenticates and, on a bus, says hello.
  ///
  /// - Parameter path: a unix socket.
  /// - Parameter isBus: false for a peer such as systemd's private socket, which has no names.
  /// - Source: D-Bus specification, "Authentication Protocol", `EXTERNAL`.
  package init(path: String, isBus: Bool, milliseconds: Int) throws(DBusError) {
    deadline = Self.now() + Int64(milliseconds)
    socket = try Self.system { () throws(Errno) in
      let socket = try connectUnix(path, type: CInt(SOCK_STREAM.rawValue))
      try socket.setNonBlocking()
      return socket
    }
    try authenticate()
    if isBus {
      let bus = "org.freedesktop.DBus"
      _ = try call(.call("Hello", of: bus, on: "/org/freedesktop/DBus", at: bus))
    }
  }

  /// The identity is left out: the peer takes the socket's credentials, which are right in a user namespace, too. All
  /// lines go at once, before the first answer: systemd 252 would leave a message unread that comes together with
  /// "BEGIN" until more arrives.
  private func authenticate() throws(DBusError) {
    try send([0] + Array("AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n".utf8))
    let challenge = try line()
    guard challenge == "DATA" || challenge.hasPrefix("DATA ") else { throw .refused(challenge) }
    let answer = try line()
    guard answer.hasPrefix("OK ") else { throw .refused(answer) }
  }
  private func line() throws(DBusError) -> String {
    while true {
      if let end = input.firstIndex(of: 10) {
        let text = String(decoding: input[..<end].filter { $0 != 13 }, as: UTF8.self)
        input.removeFirst(end + 1)
        return text
      }
      guard input.count < DBusLimit.lineBytes else { throw .malformed("an endless line") }
      try receive()
    }
  }

  /// Sends a call and waits for its answer.
  /// - Returns: the answer's values.
  /// - Throws: `.reply` where the answer is an error.
  package func call(_ message: DBusMessage) throws(DBusError) -> [DBusValue] {
    serial += 1
    var message = message
    message.serial = serial
    try send(message.bytes)
    while true {
      let answer = try next()
      guard answer.replySerial == serial, answer.kind == .methodReturn || answer.kind == .error else {
        if answer.kind == .signal { signals.append(answer) }
        continue
      }
      if answer.kind == .methodReturn { return answer.body }
      throw .reply(name: answer.errorName ?? "", text: answer.body.first?.text ?? "")
    }
  }

  /// Waits for a signal that `isWanted` takes; those that it does not take are dropped.
  package func signal(where isWanted: (DBusMessage) -> Bool) throws(DBusError) -> DBusMessage {
    while true {
      while !signals.isEmpty {
        let signal = signals.removeFirst()
        if isWanted(signal) { return signal }
      }
      let message = try next()
      if message.kind == .signal { signals.append(message) }
    }
  }

  // MARK: - Bytes

  private func next() throws(DBusError) -> DBusMessage {
    while true {
      if let (message, size) = try DBusMessage.parse(input[...]) {
        input.removeFirst(size)
        return message
      }
      try receive()
    }
  }

  private func receive() throws(DBusError) {
    var chunk = [UInt8](repeating: 0, count: 8192)
    while true {
      let got = csys_read(socket.borrowed, &chunk, chunk.count)
      if got > 0 {
        input += chunk[..<got]
        return
      }
      if got == 0 { throw .system(Errno(rawValue: ECONNRESET)) }
      if got == -Int(EINTR) { continue }
      guard got == -Int(EAGAIN) else { throw .system(Errno(rawValue: CInt(-got))) }
      try wait(for: POLLIN)
    }
  }
  private func send(_ bytes: [UInt8]) throws(DBusError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let sent = rest.withUnsafeBytes { csys_write(socket.borrowed, $0.baseAddress, $0.count) }
      if sent > 0 {
        rest = rest.dropFirst(sent)
      } else if sent == -Int(EAGAIN) {
        try wait(for: POLLOUT)
      } else if sent != -Int(EINTR) {
        throw .system(Errno(rawValue: CInt(-sent)))
      }
    }
  }
  private func wait(for events: Int32) throws(DBusError) {
    let left = deadline - Self.now()
    var wanted = pollfd(fd: socket.borrowed, events: Int16(events), revents: 0)
    if left <= 0 || csys_poll(&wanted, 1, CInt(clamping: left)) == 0 { throw .system(.timedOut) }
  }

  private static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }
  private static func system<R: ~Copyable>(_ call: () throws(Errno) -> R) throws(DBusError) -> R {
    do throws(Errno) { return try call() } catch { throw .system(error) }
  }
}
