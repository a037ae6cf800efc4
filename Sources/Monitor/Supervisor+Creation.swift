import CSys
import Glibc
import MonitorProtocol
import Problems
import Sys

extension Supervisor {
  /// Starts the runtime and watches it.
  func begin() throws(Problem) {
    if configuration.attachFD { add(Client(OwnedFD(adopting: MonitorProgram.attachDescriptor), isFirst: true)) }
    let child = try startRuntime()
    phase = .creating(child.pid)
    streams.closeChildEnds()
    try doing("watch the runtime of \(configuration.id)") { () throws(Errno) in
      try poller.add(signals.borrowed, .signals)
      try poller.add(streams.stderr.number!, .stderr)
      if let console = console?.listener.borrowed { try poller.add(console, .consoleListener) }
      if let listener = listener.number { try poller.add(listener, .listener) }
    }
  }

  private func startRuntime() throws(Problem) -> ChildProcess {
    var spawn = Spawn(configuration.runtime, arguments(), environment: currentEnvironment())
    spawn.descriptors = [
      streams.childInput.number ?? -1, streams.childOutput.number ?? streams.childErrors.number!,
      streams.childErrors.number!,
    ]
    for number in 0..<Int32(configuration.preserveFDs) {
      spawn.descriptors.append(MonitorProgram.preservedFrom + number)
    }
    do throws(Errno) { return try spawn.start() } catch {
      // A missing runtime is no missing command of the container's.
      throw Problem(code: .unavailable, message: "run \(configuration.runtime)", cause: error)
    }
  }

  /// Source: runc-create(8), runc-exec(8); crun(1) and berth-runtime take the same.
  private func arguments() -> [String] {
    var result = configuration.runtimeArguments
    if let exec = configuration.exec {
      result += ["exec", "--detach", "--process", exec.processFile]
    } else {
      result += configuration.startsAtOnce ? ["run", "--detach"] : ["create"]
      result += ["--bundle", configuration.bundle]
      if configuration.noPivot { result.append("--no-pivot") }
    }
    result += ["--pid-file", configuration.pidFile]
    if let name = console?.name { result += ["--console-socket", name] }
    if configuration.preserveFDs > 0 { result += ["--preserve-fds", "\(configuration.preserveFDs)"] }
    return result + [configuration.id]
  }

  /// The process may say something before the runtime is done: both have the same standard error.
  private var isProcessHeard: Bool { configuration.exec != nil || configuration.startsAtOnce }

  /// Keeps what the runtime says.
  func captureRuntimeOutput() {
    flow.isTouched = true
    while captured.count < RuntimeMessage.Limit.bytesMax || !isProcessHeard {
      let got = csys_read(streams.stderr.number ?? -1, flow.input.baseAddress, 16 << 10)
      if got <= 0 { return }
      if captured.count < RuntimeMessage.Limit.bytesMax { captured.append(contentsOf: flow.input[..<got]) }
    }
    // The process may say more than this already: it waits until the runtime is done.
    if let fd = streams.stderr.number { poller.remove(fd) }
  }

  func takeTerminal() throws(Problem) {
    guard let socket = console?.listener.borrowed else { return }
    let failure: Problem?
    do throws(Errno) {
      guard let master = try console?.terminal() else { return }
      poller.remove(socket)
      if let size = windowSize { _ = csys_set_window_size(master.borrowed, size.rows, size.columns) }
      if configuration.stdinOpen { input = InputPipe(try master.duplicate(), isTerminal: true) }
      streams.stdout = consume master
      failure = nil
    } catch { failure = Problem(code: .unavailable, message: "take the terminal from the runtime", cause: error) }
    if let failure { throw failure }
  }

  /// The runtime is done: the container is there, or its words say why not.
  func runtimeEnded(_ status: ExitStatus) throws(Problem) {
    captureRuntimeOutput()
    guard status == .exited(code: 0) else {
      let exitCode: Int32 = if case .exited(let code) = status { code } else { status.shellCode }
      throw RuntimeMessage.problem(captured, exitCode: exitCode, runtime: configuration.runtime)
    }
    if configuration.terminal && streams.stdout == nil {
      try takeTerminal()
      if streams.stdout == nil { throw Problem(code: .unavailable, message: "the runtime sent no terminal") }
    }
    let text = try doing("read pid file \(configuration.pidFile)") { () throws(Errno) in
      try readText(configuration.pidFile, limit: 64)
    }
    guard let pid = Int32(text.split(whereSeparator: \.isWhitespace).first ?? ""), pid > 0 else {
      throw Problem(code: .unavailable, message: "the runtime wrote a strange pid file: \(text)")
    }
    phase = .running(pid)
    console = nil
    giveAnswer(MonitorLauncher.answer(pid: pid))
    try beginOutput(pid)
    if let early = reaped.first(where: { $0.pid == pid }) { processEnded(early.status) }
    reaped = []
  }

  private func beginOutput(_ pid: Int32) throws(Problem) {
    if configuration.exec == nil { memory = MemoryWatch(pid: pid) }
    if isProcessHeard && !configuration.terminal {
      captured.withUnsafeBytes { take($0, isError: true) }
    } else if !captured.isEmpty && configuration.exec == nil {
      notes.write("the runtime says: \(String(decoding: captured, as: UTF8.self))")
    }
    captured = []
    if let fd = streams.stderr.number { poller.remove(fd) }
    if configuration.terminal { streams.stderr = nil }
    try doing("watch the output of \(configuration.id)") { () throws(Errno) in
      if let fd = streams.stdout.number { try poller.add(fd, .stdout) }
      if let fd = streams.stderr.number { try poller.add(fd, .stderr) }
      if let event = memory?.event { try poller.add(event.fd, .memory, event.flags) }
    }
  }

  /// Writes the one line of descriptor 4; an engine that has gone misses it.
  func giveAnswer(_ line: [UInt8]) {
    guard let descriptor = answer.number else { return }
    do throws(Errno) { try writeAll(descriptor, line) } catch {
      notes.write("the engine has gone: \(error)")
      // Nobody will start what was just created.
      if case .running(let pid) = phase, configuration.exec == nil { _ = csys_kill(pid, SIGKILL) }
    }
    answer = nil
  }
}
