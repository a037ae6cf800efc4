import CSys
import Glibc
import JSON
import MonitorProtocol
import Networking
public import Problems
import RuntimeClient
import StateStore
import Sys

extension Engine {
  /// Starts a container without attaching. - Returns: its ID.
  /// - Parameter recursive: start the containers that it depends on first, where they do not run.
  @discardableResult
  public func start(_ name: String, recursive: Bool = false) throws(Problem) -> String {
    let id = try store().containers.lookup(name).id
    if recursive { try startDependencies(of: id) }
    try locked(id: id) { (record) throws(Problem) in
      let config = try ContainerConfig(record)
      try checkStartable(record)
      _ = try launch(record, config, Launch())
    }
    return id
  }

  /// Brings a container from rest to created: mounts, network, monitor and first process are there, clients can
  /// attach, and `start` lets the process go (PD-40). - Returns: its ID.
  @discardableResult
  public func initialize(_ name: String, recursive: Bool = false) throws(Problem) -> String {
    let id = try store().containers.lookup(name).id
    if recursive { try startDependencies(of: id) }
    try locked(id: id) { (record) throws(Problem) in
      switch record.status.state {
      case .configured, .stopped, .exited: break
      case .created, .running, .paused, .stopping, .removing, .unknown:
        throw Problem(
          code: .conflict,
          message: "container \(record.name) has been initialized already: it is \(record.status.state.rawValue)",
          hint: record.status.state == .created ? "let it go with: berth start \(record.name)" : nil)
      }
      var launch = Launch()
      launch.waits = true
      _ = try self.launch(record, try ContainerConfig(record), launch)
    }
    return id
  }

  /// Those that a container depends on, and before each what that depends on. A container can only name older ones.
  func startDependencies(of id: String) throws(Problem) {
    for dependency in try ContainerConfig(try store().containers.lookup(id)).dependencies {
      switch try observed(try store().containers.lookup(dependency)).status.state {
      case .running, .paused, .stopping: continue
      case .configured, .created, .stopped, .exited, .removing, .unknown: try start(dependency, recursive: true)
      }
    }
  }

  /// create and start. - Returns: the ID.
  public func run(_ options: ContainerOptions) throws(Problem) -> String {
    let new = try make(options, startFollows: true)
    var launch = Launch()
    launch.intent = new.intent
    try locked(id: new.record.id) { (record) throws(Problem) in _ = try self.launch(record, new.config, launch) }
    return new.record.id
  }

  /// What a start is to be joined to.
  struct Launch {
    /// nil where the start is an operation of its own.
    var intent: HeldIntent?
    /// The monitor's end of the first client's socket.
    var attach: CInt?
    var terminalSize: (rows: UInt16, columns: UInt16)?
    /// The first process is made, and waits for a start.
    var waits = false

    /// What has happened when it is done.
    func statuses(from state: StateStore.ContainerState) -> [EngineEvent.Status] {
      (state == .created ? [] : [.initialized]) + (waits ? [] : [.start]) + (attach == nil ? [] : [.attach])
    }
  }

  func checkStartable(_ record: ContainerRecord) throws(Problem) {
    switch record.status.state {
    case .configured, .created, .stopped, .exited: break
    case .running, .stopping:
      throw Problem(
        code: .conflict, message: "container \(record.name) is already running",
        hint: "see what it does: berth logs \(record.name), or run more in it: berth exec")
    case .paused:
      throw Problem(
        code: .conflict, message: "container \(record.name) is paused",
        hint: "let it go on with: berth unpause \(record.name)")
    case .removing, .unknown:
      throw Problem(
        code: .conflict,
        message: "container \(record.name) is in state \(record.status.state.rawValue): it cannot be started")
    }
  }

  /// Brings a container from rest to running, or to created where the launch says so. The caller holds its lock.
  ///
  /// An intent covers the time in which processes and mounts are there that the database does not know: whoever finds
  /// it left over takes the start back.
  func launch(_ before: ContainerRecord, _ config: ContainerConfig, _ launch: Launch) throws(Problem) -> ContainerRecord
  {
    let store = try store()
    var record = before
    if before.status.state == .stopped { try clean(before, config, force: false) }
    let intent: HeldIntent
    if let given = launch.intent {
      intent = given
    } else {
      intent = HeldIntent(try store.intents.begin(kind: IntentKind.start, payload: record.id, durable: false))
    }
    do throws(Problem) {
      if before.status.state == .created {
        try runtime(of: config).run("start", record.id)
      } else {
        try bringUp(&record, config, launch)
      }
    } catch {
      let failure = error
      try takeBack(before, config, failure, intent)
      throw failure
    }
    if launch.waits { record.status.state = .created } else { record.status.begin() }
    let status = record.status
    try store.transaction(durable: false) { () throws(Problem) in
      try store.containers.update(record.id, status, durable: false)
      try intent.erase(store)
    }
    intent.release(store)
    tell(launch.statuses(from: before.status.state).map { EngineEvent($0, record) })
    return record
  }

  /// Network, mounts, monitor and first process, which runs afterwards unless the launch waits.
  private func bringUp(_ record: inout ContainerRecord, _ config: ContainerConfig, _ launch: Launch) throws(Problem) {
    var connections = try takeConnections(record, config)
    try connectAhead(&connections, record, config)
    try prepare(record, config, connections, terminalSize: launch.terminalSize)
    let runtime = try runtime(of: config)
    let atOnce = startsAtOnce(config, runtime) && !launch.waits
    let pid = try startMonitor(record, config, runtime, launch, atOnce: atOnce, holding: connections.held)
    record.status.pid = pid
    // A process that has gone already has an exit file soon: any start time does.
    record.status.startTime = (try? startTime(ofPid: pid)) ?? 0
    try readMonitorPid(&record)
    if !atOnce {
      try startForwarder(record, config, connections)
      if !launch.waits { try runtime.run("start", record.id) }
    }
    try writePidFile(config, pid)
  }

  /// After a failed start: nothing is left of it, and the container is as it was; one of `run --rm` is gone.
  private func takeBack(_ record: ContainerRecord, _ config: ContainerConfig, _ failure: Problem, _ intent: HeldIntent)
    throws(Problem)
  {
    let store = try store()
    // The failure that is told is the first one; what the runtime cannot delete now, `rm` deletes or names.
    try? deleteForced(record.id, config)
    try unprepare(record.id)
    if config.options.removeWhenDone {
      try erase(record, config)
      try intent.finish(store, durable: false)
      return
    }
    var status = record.status.refreshed()
    status.error = failure.sentence
    let durable = status
    try store.transaction(durable: false) { () throws(Problem) in
      try store.containers.update(record.id, durable, durable: false)
      try intent.erase(store)
    }
    intent.release(store)
  }

  private func startMonitor(
    _ record: ContainerRecord, _ config: ContainerConfig, _ runtime: RuntimeProgram, _ launch: Launch,
    atOnce: Bool, holding held: CInt?
  ) throws(Problem) -> Int32 {
    let id = record.id
    var configuration = MonitorConfiguration(
      id: id, name: record.name, bundle: paths.bundle(id), runtime: runtime.path, runtimeArguments: runtime.arguments,
      terminal: config.options.terminal, stdinOpen: config.options.interactive || config.options.terminal,
      stdinOnce: config.options.interactive && (launch.attach != nil || launch.waits),
      log: try log(of: record, config), exitFile: paths.exitFile(id), pidFile: paths.pidFile(id))
    configuration.monitorPidFile = paths.bundle(id) + "/monitor.pid"
    configuration.attachSocket = paths.attachSocket(id)
    configuration.oomFile = paths.bundle(id) + "/oom"
    configuration.monitorLog = paths.bundle(id) + "/monitor.log"
    configuration.exitCommand = try exitCommand(id, removes: config.options.removeWhenDone)
    configuration.preserveFDs = config.options.preserveFDs
    configuration.attachFD = launch.attach != nil
    configuration.startsAtOnce = atOnce
    configuration.noPivot = options.noPivot
    configuration.durable = !config.options.removeWhenDone
    do throws(Problem) {
      return try MonitorLauncher.start(
        configuration, program: try programs.helper("berth-monitor"), attach: launch.attach,
        preserved: (0..<CInt(config.options.preserveFDs)).map { 3 + $0 }, held: held, environment: helperEnvironment)
    } catch { throw error.withCommandHint }
  }

  /// One run of the runtime instead of two, where nothing has to happen between `create` and `start`, such as the
  /// start of pasta. The monitor of a container with a limit looks for its memory group before the first
  /// process can have been killed for it; another runtime may warn on the process's own standard error.
  private func startsAtOnce(_ config: ContainerConfig, _ runtime: RuntimeProgram) -> Bool {
    switch config.options.network {
    case .pasta, .slirp: return false
    case .bridge, .none, .host, .container, .path: break
    }
    return config.options.memoryBytes == nil && runtime.path.hasSuffix("/berth-runtime")
  }

  /// What the monitor runs after the container's end, should nobody else clean up (PD-61).
  private func exitCommand(_ id: String, removes: Bool) throws(Problem) -> [String] {
    [try programs.commandLine(), "container", "cleanup"] + (removes ? ["--rm"] : []) + [id]
  }

  private func log(of record: ContainerRecord, _ config: ContainerConfig) throws(Problem) -> MonitorConfiguration.Log {
    let settings = try LogSettings(config.options)
    let driver: MonitorConfiguration.Log.Driver
    switch config.options.logDriver {
    case .k8sFile: driver = .k8sFile
    case .jsonFile: driver = .jsonFile
    case .none: return MonitorConfiguration.Log(driver: .none)
    }
    return MonitorConfiguration.Log(
      driver: driver, path: logPath(record.id, settings), maxSizeBytes: settings.maxSizeBytes, tag: settings.tag,
      labels: config.labels)
  }
  func logPath(_ id: String, _ settings: LogSettings) -> String { settings.path ?? paths.log(id) }

  private func readMonitorPid(_ record: inout ContainerRecord) throws(Problem) {
    let path = paths.bundle(record.id) + "/monitor.pid"
    guard let text = try? readText(path, limit: 64),
      let pid = Int32(text.split(whereSeparator: \.isWhitespace).first ?? "")
    else { return }
    record.status.monitorPid = pid
    record.status.monitorStartTime = (try? startTime(ofPid: pid)) ?? 0
  }

  private func writePidFile(_ config: ContainerConfig, _ pid: Int32) throws(Problem) {
    guard let path = config.options.pidFile else { return }
    try doing("write pid file \(path)") { () throws(Errno) in
      try replaceFile(path, with: Array("\(pid)".utf8), durable: false)
    }
  }
}

extension ContainerConfig {
  /// The configuration in a container's row.
  init(_ record: ContainerRecord) throws(Problem) {
    do throws(JSON.ParseError) { self.init(json: try JSON.parse(record.config)) } catch {
      throw Problem(
        code: .bug, message: "the stored configuration of container \(record.name) is damaged", cause: error)
    }
  }
}

extension Programs {
  /// `berth` itself, also where a library user runs this engine.
  func commandLine() throws(Problem) -> String {
    if let own = try? readLink("/proc/self/exe"), own.hasSuffix("/berth") { return own }
    let beside = parentPath(of: parentPath(of: libexec())) + "/bin/berth"
    for path in [beside, libexec() + "/berth", "/usr/local/bin/berth", "/usr/bin/berth"] where exists(path) {
      return path
    }
    throw Problem(
      code: .notFound, message: "berth, the command line, is not beside \(libexec())", hint: "reinstall Berth")
  }
}
