import CSys
import Glibc
import MonitorProtocol
import Problems
import Sys

/// One container's (or exec session's) monitor: a single-threaded loop over everything that can happen to it.
final class Supervisor {
  enum Phase: Equatable {
    /// The runtime is at work: its pid.
    case creating(Int32)
    /// The process is there: its pid.
    case running(Int32)
    /// It has ended and the exit file is written; clients may still take output.
    case ended
  }
  enum Limit {
    /// Milliseconds without data until the buffers' memory is given back.
    static let idleMilliseconds: Int32 = 500
    /// Bytes still taken from a stream after the process has ended: more than any pipe holds.
    static let drainBytesMax = 8 << 20
  }

  let configuration: MonitorConfiguration
  let poller: Poller
  let signals: OwnedFD
  let notes: Notes
  var phase = Phase.creating(0)
  var streams: Streams
  var input: InputPipe
  var flow: FlowMemory
  var encoder: LogEncoder
  var log: LogFile?
  var listener: OwnedFD?
  var console: ConsoleSocket?
  var memory: MemoryWatch?
  var clients: [Client] = []
  /// Descriptor 4, until the answer is given.
  var answer: OwnedFD?
  /// The runtime's standard error.
  var captured: [UInt8] = []
  /// Children that ended while the runtime was at work: one may be the container's process.
  var reaped: [(pid: Int32, status: ExitStatus)] = []
  var windowSize: (rows: UInt16, columns: UInt16)?
  var isOutputPaused = false
  var kills = 0
  /// The container has ended, and its first client has not said yet whether it cleans up.
  var isExitCommandDue = false

  init(_ configuration: MonitorConfiguration, notes: Notes) throws(Problem) {
    self.configuration = configuration
    self.notes = notes
    guard let flow = FlowMemory() else { throw Problem(code: .unavailable, message: "no memory for buffers") }
    encoder = LogEncoder(configuration.log, output: flow.output)
    self.flow = flow
    // A write to somebody who has gone is an error, not the end; a terminal or a session has no say here.
    let silenced = [SIGCHLD, SIGTERM, SIGHUP, SIGINT, SIGQUIT, SIGPIPE, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU]
    try doing("block signals") { () throws(Errno) in try blockSignals(silenced) }
    poller = try doing("make an epoll") { () throws(Errno) in try Poller() }
    signals = try doing("make a signalfd") { () throws(Errno) in try signalDescriptor([SIGCHLD, SIGTERM]) }
    if configuration.log.driver != .none {
      log = try doing("open log \(configuration.log.path)") { () throws(Errno) in
        try LogFile(configuration.log.path, sizeMax: configuration.log.maxSizeBytes)
      }
    }
    var streams = try Streams(configuration)
    input = InputPipe(streams.stdin.take(), isTerminal: configuration.terminal)
    self.streams = streams
    if configuration.terminal { console = try ConsoleSocket(configuration.pidFile + ".console") }
    if let path = configuration.attachSocket {
      _ = csys_unlinkat(AT_FDCWD, path, 0)
      listener = try doing("listen on \(path)") { () throws(Errno) in
        try listenUnix(path, type: Int32(SOCK_SEQPACKET.rawValue) | Int32(SOCK_NONBLOCK.rawValue), backlog: 64)
      }
    }
  }

  /// The loop's clock: milliseconds that only grow.
  var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
  }

  /// Runs until the container has ended and every client that counts has its output.
  func run() throws(Problem) {
    try begin()
    while phase != .ended || clients.contains(where: \.hasBacklog) || isExitCommandDue {
      let events = try doing("wait for events") { () throws(Errno) in try poller.wait(milliseconds: timeout()) }
      if events.isEmpty && flow.isTouched { flow.release() }
      for event in events { try handle(event) }
      afterEvents()
    }
  }

  private func timeout() -> Int32 {
    var result: Int64 = flow.isTouched ? Int64(Limit.idleMilliseconds) : -1
    for client in clients where !client.isFirst {
      guard let since = client.stalledSince else { continue }
      let rest = max(0, since + Client.Limit.stallMillisecondsMax - now)
      result = result < 0 ? rest : min(result, rest)
    }
    return Int32(result)
  }

  private func handle(_ event: Event) throws(Problem) {
    switch event.source {
    case .signals: try takeSignals()
    case .listener: acceptClients()
    case .console: break
    case .consoleListener: try takeTerminal()
    case .stdout: readOutput(isError: false)
    case .stderr: readOutput(isError: true)
    case .stdin: flushInput()
    case .memory: noticeKills()
    case .client: serve(event)
    }
  }

  private func takeSignals() throws(Problem) {
    var info = signalfd_siginfo()
    while csys_read(signals.borrowed, &info, MemoryLayout<signalfd_siginfo>.size) > 0 {
      if info.ssi_signo == UInt32(SIGTERM), case .running(let pid) = phase { _ = csys_kill(pid, SIGTERM) }
    }
    try reap()
  }

  /// Collects every child that has ended: as subreaper, also those that the container's process left behind.
  private func reap() throws(Problem) {
    while true {
      var word: CInt = 0
      let pid = csys_wait4(-1, &word, WNOHANG)
      if pid <= 0 { return }
      let status = ExitStatus(waitStatus: word)
      switch phase {
      case .creating(let runtime):
        if pid == runtime { try runtimeEnded(status) } else { reaped.append((pid, status)) }
      case .running(let process):
        if pid == process { processEnded(status) }
      case .ended: break
      }
    }
  }

  func noticeKills() {
    guard let seen = memory?.kills(), seen > kills else { return }
    kills = seen
    guard let path = configuration.oomFile else { return }
    do throws(Errno) { _ = try open(path, O_WRONLY | O_CREAT, mode: 0o600) } catch {
      notes.write("make \(path): \(error)")
    }
  }
}
