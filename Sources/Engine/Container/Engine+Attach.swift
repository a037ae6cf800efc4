import CSys
import Glibc
import MonitorProtocol
public import Problems
import StateStore
import Sys

extension Engine {
  /// create, start attached, and with `removeWhenDone` remove.
  public func runAttached(_ options: ContainerOptions, _ attach: AttachOptions) throws(Problem) -> AttachResult {
    let keys = try detachKeys(attach.detachKeys ?? options.detachKeys)
    let new = try make(options, startFollows: true)
    return try launchAttached(new.record.id, attach, keys) { _ in (new.config, new.intent) }
  }

  /// Starts it with the caller's streams attached, from the first byte on.
  /// - Parameter recursive: as in `start`.
  public func startAttached(_ name: String, _ attach: AttachOptions, recursive: Bool = false) throws(Problem)
    -> AttachResult
  {
    if recursive { try startDependencies(of: try store().containers.lookup(name).id) }
    let record = try observed(try store().containers.lookup(name))
    let config = try ContainerConfig(record)
    let keys = try detachKeys(attach.detachKeys ?? config.options.detachKeys)
    if record.status.state == .created { return try releaseAttached(record.id, config, attach, keys) }
    return try launchAttached(record.id, attach, keys) { (record) throws(Problem) in
      try checkStartable(record)
      return (config, nil)
    }
  }

  private func launchAttached(
    _ id: String, _ attach: AttachOptions, _ keys: DetachKeys,
    _ configuration: (ContainerRecord) throws(Problem) -> (ContainerConfig, HeldIntent?)
  ) throws(Problem) -> AttachResult {
    let ends = try doing("make a socket for the container's streams") { () throws(Errno) in
      try SocketPair.make(type: CInt(SOCK_SEQPACKET.rawValue))
    }
    var launch = Launch()
    launch.attach = ends.second.borrowed
    launch.terminalSize = RawTerminal.size(0) ?? RawTerminal.size(1)
    let (record, config) = try locked(id: id) { (record) throws(Problem) -> (ContainerRecord, ContainerConfig) in
      let (config, intent) = try configuration(record)
      launch.intent = intent
      return (try self.launch(record, config, launch), config)
    }
    let own = try doing("duplicate a socket") { () throws(Errno) in try ends.first.duplicate() }
    let outcome = try session(ends.closingSecond(), record, config, attach, keys).run()
    let result = try self.result(outcome, record)
    guard case .exited = result else { return result }
    try cleanUpAfter(record, config)
    // The monitor waits for this word: it says that there is nothing left for its exit command.
    // Gone already: then the command runs, and finds nothing to do.
    do throws(Errno) { try send(own, AttachPacket.detach.bytes) } catch {}
    return result
  }

  /// Starts what `initialize` left waiting: its monitor takes the client in first, so that no output is missed.
  private func releaseAttached(_ id: String, _ config: ContainerConfig, _ attach: AttachOptions, _ keys: DetachKeys)
    throws(Problem) -> AttachResult
  {
    let socket = try AttachSession.connect(paths.attachSocket(id))
    guard isReadable(socket, milliseconds: Limit.attachMilliseconds) else {
      throw Problem(code: .timeout, message: "the monitor of container \(id.prefix(12)) does not answer")
    }
    let record = try locked(id: id) { (now) throws(Problem) in
      try checkStartable(now)
      guard now.status.state == .created else {
        throw Problem(code: .conflict, message: "container \(now.name) has ended meanwhile", hint: "start it again")
      }
      let record = try launch(now, config, Launch())
      tell(.attach, of: record)
      return record
    }
    let result = try self.result(try session(socket, record, config, attach, keys).run(), record)
    if case .exited = result { try cleanUpAfter(record, config) }
    return result
  }

  private func cleanUpAfter(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) {
    do throws(Problem) {
      try locked(id: record.id, writing: !config.options.removeWhenDone) { (now) throws(Problem) in
        if now.status.state.isAlive || now.status.state == .removing { return }  // started again, or being removed
        if config.options.removeWhenDone { try discard(now, config) } else { try settle(now, config) }
      }
    } catch  where error.code == .notFound {}  // somebody removed it meanwhile
  }

  /// Joins the caller's streams to a running container.
  public func attach(_ name: String, _ attach: AttachOptions) throws(Problem) -> AttachResult {
    let (record, config) = try locked(name) { (record) throws(Problem) -> (ContainerRecord, ContainerConfig) in
      switch record.status.state {
      case .created, .running: return (record, try ContainerConfig(record))
      case .configured, .paused, .stopping, .stopped, .exited, .removing, .unknown:
        throw Problem(
          code: .conflict,
          message: "you can only attach to running containers: \(record.name) is \(record.status.state.rawValue)",
          hint: "start it attached: berth start --attach \(record.name)")
      }
    }
    let keys = try detachKeys(attach.detachKeys ?? config.options.detachKeys)
    let socket = try AttachSession.connect(paths.attachSocket(record.id))
    tell(.attach, of: record)
    let outcome = try session(socket, record, config, attach, keys, redraws: true).run()
    return try result(outcome, record)
  }

  private func session(
    _ socket: consuming OwnedFD, _ record: ContainerRecord, _ config: ContainerConfig, _ attach: AttachOptions,
    _ keys: DetachKeys, redraws: Bool = false
  ) -> AttachSession {
    var options = AttachSession.Options()
    // A terminal takes input without --interactive, too: `run -dt`, then `attach`.
    options.input = attach.stdin && (config.options.interactive || config.options.terminal) ? 0 : nil
    options.output = attach.stdout ? 1 : nil
    options.errors = attach.stderr ? 2 : nil
    options.terminal = config.options.terminal
    options.detachKeys = keys
    options.redraws = redraws && config.options.terminal
    if attach.signalProxy && !config.options.terminal {
      let (pid, startTime) = (record.status.pid, record.status.startTime)
      options.forwardSignal = { number in
        // A container that has ended just now needs no signal any more.
        if let process = ProcessHandle(pid: pid, startTime: startTime) { try? process.signal(number) }
      }
    }
    return AttachSession(socket, options: options)
  }

  private func result(_ outcome: AttachSession.Outcome, _ record: ContainerRecord) throws(Problem) -> AttachResult {
    switch outcome {
    case .exited(let exit): return .exited(code: exit.code)
    case .detached: return .detached
    case .disconnected:
      // The monitor has gone without a word: what is known is in the exit file, or nowhere.
      let now = try observed(record)
      guard now.status.state.isAlive else { return .exited(code: now.status.exitCode) }
      throw Problem(
        code: .unavailable, message: "the monitor of container \(record.name) has gone; the container still runs",
        hint: "its output is lost from here on: berth restart \(record.name)")
    }
  }

  func detachKeys(_ text: String?) throws(Problem) -> DetachKeys {
    if let text { return try DetachKeys(text) }
    return .standard
  }
}
