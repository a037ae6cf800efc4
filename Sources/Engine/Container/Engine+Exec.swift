import CSys
import Glibc
import JSON
import MonitorProtocol
public import Problems
import RuntimeClient
import RuntimeSpec
import StateStore
import Sys

extension Engine {
  /// Runs a command in a running container with the caller's streams.
  public func exec(_ name: String, _ options: ExecOptions) throws(Problem) -> AttachResult {
    let (record, config) = try running(name)
    let process = try process(record, config, options)
    if options.terminal { return try execOnTerminal(record, config, options, process) }
    return .exited(code: try execWithStreams(record, config, options, process))
  }

  /// - Returns: the session's ID.
  public func execDetached(_ name: String, _ options: ExecOptions) throws(Problem) -> String {
    let (record, config) = try running(name)
    let id = Identity.random()
    _ = try execByMonitor(id, record, config, options, try process(record, config, options), attach: nil)
    return id
  }

  /// A container that a command can be run in.
  private func running(_ name: String) throws(Problem) -> (ContainerRecord, ContainerConfig) {
    let record = try observed(try store().containers.lookup(name))
    guard record.status.state == .running else {
      throw Problem(
        code: .conflict,
        message: "can only run commands in running containers: \(record.name) is \(record.status.state.rawValue)",
        hint: record.status.state == .paused
          ? "let it go on: berth unpause \(record.name)" : "start it with: berth start \(record.name)")
    }
    try healRules(of: record)
    return (record, try ContainerConfig(record))
  }

  // MARK: the process

  /// The session's process as the runtime takes it. Users are looked up in the container as it is now (LP-38).
  private func process(_ record: ContainerRecord, _ config: ContainerConfig, _ options: ExecOptions) throws(Problem)
    -> RuntimeSpec.Process
  {
    guard let first = options.command.first, !first.isEmpty else {
      throw Problem(code: .invalid, message: "exec needs a command")
    }
    let root = try doing("open the root filesystem of container \(record.name)") { () throws(Errno) in
      try open("/proc/\(record.status.pid)/root", O_PATH_ | O_DIRECTORY)
    }
    let groups = options.user == nil ? config.options.groupAdd : []
    var identity = try Accounts.read(in: root).resolve(user: options.user ?? config.user, groupAdd: groups)
    try checkMapped(&identity, config)
    let cwd = options.workingDirectory ?? config.workingDirectory
    guard cwd.hasPrefix("/") else {
      throw Problem(code: .invalid, message: "--workdir \"\(cwd)\" is not an absolute path")
    }
    // Told here, too, where no terminal is there on which they could be typed.
    _ = try detachKeys(options.detachKeys ?? config.options.detachKeys)
    var process = RuntimeSpec.Process(cwd: cwd)
    process.args = options.command
    let environment = try environment(record, config, options, identity)
    process.env = environment.entries
    let search = CommandSearch(root: root, path: environment["PATH"] ?? "", workingDirectory: cwd)
    if options.workingDirectory != nil { try search.checkDirectory() }
    try search.check(first)
    process.user = try SpecBuilder.user(identity, umask: config.options.umask)
    if options.terminal {
      process.terminal = true
      let size = RawTerminal.size(0) ?? RawTerminal.size(1)
      process.consoleSize = size.map { ConsoleSize(height: UInt($0.rows), width: UInt($0.columns)) }
    }
    let privileged = options.privileged || config.options.privileged
    let bounding = try CapabilitySet.bounding(
      add: config.options.capAdd, drop: options.privileged ? [] : config.options.capDrop, privileged: privileged,
      available: CapabilitySet.ofThisProcess)
    process.capabilities = SpecBuilder.capabilities(
      bounding, identity: identity, added: options.privileged ? ["ALL"] : config.options.capAdd)
    process.noNewPrivileges = try SecurityOptions(config.options.securityOptions).noNewPrivileges ? true : nil
    process.oomScoreAdj = config.options.oomScoreAdjust
    return process
  }

  private func environment(
    _ record: ContainerRecord, _ config: ContainerConfig, _ options: ExecOptions, _ identity: ProcessIdentity
  ) throws(Problem) -> EnvironmentList {
    var list = EnvironmentList([SpecBuilder.defaultPath, "container=berth"] + (options.terminal ? ["TERM=xterm"] : []))
    for entry in config.environment { list.set(entry: entry) }
    list.setDefault("HOSTNAME", config.hostname(id: record.id))
    list.setDefault("HOME", identity.home ?? (identity.uid == 0 ? "/root" : "/"))
    try list.apply(files: options.environmentFiles, words: options.environment, host: currentEnvironment())
    return list
  }

  // MARK: ways to run it

  /// Without a terminal the runtime's exec gets the caller's own streams: nobody copies a byte.
  private func execWithStreams(
    _ record: ContainerRecord, _ config: ContainerConfig, _ options: ExecOptions, _ process: RuntimeSpec.Process
  ) throws(Problem) -> Int32 {
    let runtime = try runtime(of: config)
    let status = try doing("run \(runtime.path) exec") { () throws(Errno) in
      let file = try Self.memory("process", process.json.bytes())
      let log = try Self.memory("log", [])
      // The files come after the descriptors that the command keeps.
      let place = 3 + options.preserveFDs
      var arguments =
        runtime.arguments + [
          "--log", "/proc/self/fd/\(place + 1)", "--log-format", "json", "exec", "--process", "/proc/self/fd/\(place)",
        ]
      if options.preserveFDs > 0 { arguments += ["--preserve-fds", "\(options.preserveFDs)"] }
      var spawn = Spawn(runtime.path, arguments + [record.id], environment: runtime.environment)
      spawn.descriptors =
        [options.interactive ? 0 : -1, 1, 2] + (0..<options.preserveFDs).map { 3 + CInt($0) } + [
          file.borrowed, log.borrowed,
        ]
      let child = try spawn.start()
      tell(.exec, of: record)
      return ExecOutcome(status: try Self.forwardingSignals(to: child), log: try Self.contents(log))
    }
    guard let failure = status.failure else {
      tell(.execDied, of: record, exitCode: status.status.shellCode)
      return status.status.shellCode
    }
    // berth-runtime and runc have said it on the caller's standard error already; crun only in its log.
    if runtime.path.hasSuffix("crun") { throw failure }
    return failure.exitStatus
  }

  /// The child is in this process's group: a terminal's signals reach it by themselves; others are passed on.
  private static func forwardingSignals(to child: borrowing ChildProcess) throws(Errno) -> ExitStatus {
    let passed = [SIGTERM, SIGHUP, SIGUSR1, SIGUSR2]
    try blockSignals(passed + [SIGINT, SIGQUIT])
    let signals = try signalDescriptor(passed)
    while true {
      var wanted = [
        pollfd(fd: child.pidfd.borrowed, events: Int16(POLLIN), revents: 0),
        pollfd(fd: signals.borrowed, events: Int16(POLLIN), revents: 0),
      ]
      _ = csys_poll(&wanted, 2, -1)
      var info = signalfd_siginfo()
      while csys_read(signals.borrowed, &info, MemoryLayout<signalfd_siginfo>.size) > 0 {
        try? child.signal(CInt(info.ssi_signo))
      }
      if wanted[0].revents != 0 { return try child.wait() }
    }
  }

  private static func memory(_ name: String, _ bytes: [UInt8]) throws(Errno) -> OwnedFD {
    let file = OwnedFD(adopting: try check(csys_memfd_create(name, 0)))
    if !bytes.isEmpty { try check(csys_pwrite(file.borrowed, bytes, bytes.count, 0)) }
    return file
  }
  private static func contents(_ file: borrowing OwnedFD) throws(Errno) -> [UInt8] {
    lseek(file.borrowed, 0, SEEK_SET)
    return try readAll(file, limit: 1 << 20)
  }

  /// With a terminal a monitor holds it, so that a session outlives its client's detaching.
  private func execOnTerminal(
    _ record: ContainerRecord, _ config: ContainerConfig, _ options: ExecOptions, _ process: RuntimeSpec.Process
  ) throws(Problem) -> AttachResult {
    let keys = try detachKeys(options.detachKeys ?? config.options.detachKeys)
    let id = Identity.random()
    let ends = try doing("make a socket for the session's streams") { () throws(Errno) in
      try SocketPair.make(type: CInt(SOCK_SEQPACKET.rawValue))
    }
    _ = try execByMonitor(id, record, config, options, process, attach: ends.second.borrowed)
    var session = AttachSession.Options()
    session.input = options.interactive ? 0 : nil
    session.terminal = true
    session.detachKeys = keys
    switch try AttachSession(ends.closingSecond(), options: session).run() {
    case .exited(let exit):
      removeSessionFiles(record.id, id)
      tell(.execDied, of: record, exitCode: exit.code)
      return .exited(code: exit.code)
    case .detached: return .detached
    case .disconnected:
      throw Problem(code: .unavailable, message: "the monitor of the exec session in \(record.name) has gone")
    }
  }

  private func execByMonitor(
    _ id: String, _ record: ContainerRecord, _ config: ContainerConfig, _ options: ExecOptions,
    _ process: RuntimeSpec.Process, attach: CInt?
  ) throws(Problem) -> Int32 {
    let store = try store()
    let runtime = try runtime(of: config)
    let prefix = "\(paths.bundle(record.id))/exec-\(id.prefix(32))"
    let file = prefix + ".json"
    try doing("write \(file)") { () throws(Errno) in
      try replaceFile(file, with: process.json.bytes(), mode: 0o600, durable: false)
    }
    var configuration = MonitorConfiguration(
      id: record.id, name: record.name, bundle: paths.bundle(record.id), runtime: runtime.path,
      runtimeArguments: runtime.arguments,
      terminal: options.terminal, stdinOpen: options.interactive, stdinOnce: attach != nil, exitFile: prefix + ".exit",
      pidFile: prefix + ".pid")
    configuration.exec = MonitorConfiguration.Exec(processFile: file, id: id)
    configuration.attachFD = attach != nil
    configuration.monitorLog = prefix + ".log"
    configuration.preserveFDs = options.preserveFDs
    configuration.durable = false
    let summary: JSON = ["command": JSON(options.command), "terminal": .bool(options.terminal)]
    var session = ExecSessionRecord(id: id, containerID: record.id, created: Timestamp.now(), config: summary.text())
    do throws(Problem) {
      session.pid = try MonitorLauncher.start(
        configuration, program: try programs.helper("berth-monitor"), attach: attach,
        preserved: (0..<CInt(options.preserveFDs)).map { 3 + $0 }, environment: helperEnvironment)
    } catch {
      removeSessionFiles(record.id, id)
      throw error.withCommandHint
    }
    session.startTime = (try? startTime(ofPid: session.pid)) ?? 0
    session.state = "running"
    try store.execSessions.insert(session)
    tell(.exec, of: record)
    return session.pid
  }

  /// IDs of the exec sessions whose process is still there; what ended ones left goes.
  func liveSessions(_ record: ContainerRecord) throws(Problem) -> [String] {
    var result: [String] = []
    for session in try store().execSessions.list(ofContainer: record.id) {
      if ProcessHandle(pid: session.pid, startTime: session.startTime) != nil {
        result.append(session.id)
      } else {
        removeSessionFiles(record.id, session.id)
      }
    }
    return result
  }

  /// Of a session that is over: what stays goes with the container's bundle and row.
  private func removeSessionFiles(_ containerID: String, _ id: String) {
    let prefix = "\(paths.bundle(containerID))/exec-\(id.prefix(32))"
    for suffix in ["json", "exit", "pid", "log"] { try? unlink("\(prefix).\(suffix)") }
    try? store().execSessions.delete(id)
  }
}

/// How the runtime's exec ended, and what it had to say itself.
private struct ExecOutcome {
  var status: ExitStatus
  /// The runtime's log, JSON lines.
  var log: [UInt8]

  /// An error of the runtime's, not of the command's.
  var failure: Problem? {
    if status == .exited(code: 0) || log.isEmpty { return nil }
    let lines = String(decoding: log, as: UTF8.self).split(separator: "\n").compactMap { try? JSON.parse(String($0)) }
    guard let line = lines.last(where: { $0["level"]?.string == "error" || $0["level"]?.string == "fatal" }),
      let text = line["msg"]?.string
    else { return nil }
    return RuntimeWords(text: text).problem(status.shellCode)
  }
}
