import CSys
import Glibc
import Problems
import Sys

/// The runtime while it stands in front of a container (`run`, `exec` without `--detach`): it forwards signals,
/// relays the terminal, and waits.
struct Foreground {
  let pid: pid_t
  /// The socket that brings the terminal's master; -1 without a terminal of our own.
  let console: CInt

  /// All that can be forwarded, and SIGCHLD, which tells the end.
  private static let signals: [CInt] = (1...31).filter {
    ![SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPIPE, SIGURG].contains($0)
  }
  /// Before there is a process: signals wait for `wait`.
  /// - Parameter isSubreaper: processes that the container leaves behind (it shares the PID namespace) become children
  ///   of the runtime, which collects them. Source: runc-run(8), `--no-subreaper`.
  static func prepare(isSubreaper: Bool) throws(Problem) {
    try doing("block signals") { () throws(Errno) in
      try blockSignals(signals)
      if isSubreaper { try check(csys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)) }
    }
  }

  /// Sockets over which the child sends the terminal's master to us: (the child's end, ours).
  static func consolePair() throws(Problem) -> (CInt, CInt) {
    try doing("make a socket pair") { () throws(Errno) in
      let pair = try SocketPair.make(type: CInt(SOCK_STREAM.rawValue))
      return (try pair.second.duplicate().release(), try pair.first.duplicate().release())
    }
  }

  /// Waits for the end. Where that cannot be done nobody would look after the process any more: it is killed.
  func wait() throws(Problem) -> ExitStatus {
    do throws(Problem) { return try relayUntilEnd() } catch {
      _ = csys_kill(pid, SIGKILL)  // our own child
      var status: CInt = 0
      _ = csys_wait4(pid, &status, 0)
      throw error
    }
  }

  private func relayUntilEnd() throws(Problem) -> ExitStatus {
    try doing("wait for the container's process") { () throws(Errno) in
      if console < 0 { return try follow(relay: nil) }
      let socket = OwnedFD(adopting: console)
      guard let master = try receive(socket, bytesMax: 256, descriptorsMax: 1).descriptors.first else {
        return try follow(relay: nil)
      }
      let relay = TerminalRelay(master: master)
      defer { relay.restore() }
      return try follow(relay: relay)
    }
  }

  /// Collects every child that has ended; nil unless the container's process is among them.
  private func ended() throws(Errno) -> ExitStatus? {
    var result: ExitStatus?
    while true {
      var status: CInt = 0
      let child = csys_wait4(-1, &status, WNOHANG)
      if child == pid { result = ExitStatus(waitStatus: status) }
      if child == 0 || child == -ECHILD && result != nil { return result }
      try check(child)
    }
  }

  private func follow(relay: TerminalRelay?) throws(Errno) -> ExitStatus {
    let descriptor = try signalDescriptor(Self.signals)
    if let status = try ended() {
      relay?.drain()
      return status
    }
    while true {
      var signals = pollfd(fd: descriptor.borrowed, events: Int16(POLLIN), revents: 0)
      if let relay {
        var polls = [signals] + relay.polls
        _ = try uninterrupted { () throws(Errno) in try check(csys_poll(&polls, CUnsignedInt(polls.count), -1)) }
        relay.move(polls.dropFirst())
        signals = polls[0]
      } else {
        _ = try uninterrupted { () throws(Errno) in try check(csys_poll(&signals, 1, -1)) }
      }
      if signals.revents == 0 { continue }
      var info = signalfd_siginfo()
      let size = MemoryLayout<signalfd_siginfo>.size
      let raw = descriptor.borrowed
      if withUnsafeMutableBytes(of: &info, { csys_read(raw, $0.baseAddress, size) }) != size { continue }
      switch CInt(info.ssi_signo) {
      case SIGCHLD:
        if let status = try ended() {
          relay?.drain()
          return status
        }
      case SIGWINCH where relay != nil: relay?.copySize()
      case let signal: _ = csys_kill(pid, signal)  // our own child, not yet reaped: the pid is its
      }
    }
  }
}

/// Bytes between our terminal and the container's.
final class TerminalRelay {
  private let master: CInt
  /// The user's terminal: the first of our streams that is one.
  private var host: CInt = 0
  private var saved: termios?
  private var inputOpen = true, outputOpen = true
  private var chunk = [UInt8](repeating: 0, count: 32 << 10)

  init(master: CInt) {
    self.master = master
    // Any of the three may be redirected, and the one that is a terminal still echoes and interprets keys.
    for stream: CInt in [0, 1, 2] {
      var attributes = termios()
      if csys_tcgetattr(stream, &attributes) < 0 { continue }
      host = stream
      saved = attributes
      cfmakeraw(&attributes)
      attributes.c_oflag |= tcflag_t(OPOST)
      _ = csys_tcsetattr(stream, TCSANOW, &attributes)
      break
    }
    copySize()
  }

  func restore() {
    if var saved { _ = csys_tcsetattr(host, TCSANOW, &saved) }
    _ = csys_close(master)
  }
  func copySize() {
    var rows: UInt16 = 0, columns: UInt16 = 0
    if csys_get_window_size(host, &rows, &columns) == 0 { _ = csys_set_window_size(master, rows, columns) }
  }

  var polls: [pollfd] {
    [
      pollfd(fd: outputOpen ? master : -1, events: Int16(POLLIN), revents: 0),
      pollfd(fd: inputOpen ? 0 : -1, events: Int16(POLLIN), revents: 0),
    ]
  }
  func move(_ polls: ArraySlice<pollfd>) {
    if polls.first?.revents != 0 { outputOpen = copy(from: master, to: 1) }
    if polls.last?.revents != 0 { inputOpen = copy(from: 0, to: master) }
  }
  /// What is left after the process has ended.
  func drain() {
    while outputOpen {
      var ready = [pollfd(fd: master, events: Int16(POLLIN), revents: 0)]
      if csys_poll(&ready, 1, 0) <= 0 { return }
      outputOpen = copy(from: master, to: 1)
    }
  }
  private func copy(from: CInt, to: CInt) -> Bool {
    let got = csys_read(from, &chunk, chunk.count)
    if got == -Int(EINTR) || got == -Int(EAGAIN) { return true }
    if got <= 0 { return false }  // the slave's last holder has gone: EIO
    return (try? writeAll(to, Array(chunk[..<got]))) != nil
  }
}
