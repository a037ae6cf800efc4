import CSys
import Glibc
public import Problems
import RuntimeClient
import StateStore
import Sys

extension Engine {
  /// - Parameter timeoutSeconds: nil is the container's own; 0 kills at once. - Returns: its ID.
  @discardableResult
  public func stop(_ name: String, timeoutSeconds: Int? = nil) throws(Problem) -> String {
    let id = try store().containers.lookup(name).id
    // What the waiting needs is read with the lock; the waiting itself is without it, so that others go on.
    let stopping: Stopping? = try locked(id: id) { (record) throws(Problem) -> Stopping? in
      let config = try ContainerConfig(record)
      switch record.status.state {
      case .exited: return nil
      case .stopped:
        try settle(record, config)
        return nil
      case .created, .running, .stopping: break
      case .configured, .paused, .removing, .unknown:
        throw Problem(
          code: .conflict,
          message: "can only stop created or running containers: \(record.name) is \(record.status.state.rawValue)",
          hint: record.status.state == .paused ? "let it go on first: berth unpause \(record.name)" : nil)
      }
      var status = record.status
      status.state = .stopping
      status.stoppedByUser = true
      try store().containers.update(id, status, durable: false)
      // A process that waits for its start hears no signal.
      let grace = record.status.state == .created ? 0 : timeoutSeconds ?? config.stopTimeoutSeconds
      return Stopping(record: record, config: config, graceSeconds: min(max(grace, 0), Stopping.graceMaxSeconds))
    }
    guard let stopping else { return id }
    try stopping.perform(in: self)
    tell(.stop, of: stopping.record)
    try afterEnd(id)
    return id
  }

  /// Waits for the exit file and cleans up; a `--rm` container is gone afterwards.
  func afterEnd(_ id: String) throws(Problem) {
    do throws(Problem) {
      try locked(id: id) { (record) throws(Problem) in
        let config = try ContainerConfig(record)
        guard !record.status.state.isAlive else { return }
        if config.options.removeWhenDone && record.status.state == .stopped {
          try discard(record, config)
        } else {
          try settle(record, config)
        }
      }
    } catch  where error.code == .notFound {}  // removed meanwhile
  }

  /// A container that is being stopped.
  struct Stopping {
    let record: ContainerRecord
    let config: ContainerConfig
    let graceSeconds: Int
    /// 100 days: beyond, the arithmetic in nanoseconds and poll's milliseconds would not hold.
    static let graceMaxSeconds = 2_000_000

    func perform(in engine: Engine) throws(Problem) {
      guard let process = ProcessHandle(pid: record.status.pid, startTime: record.status.startTime) else { return }
      if graceSeconds > 0 {
        try send(config.stopSignal, process, engine)
        if process.hasEnded(milliseconds: graceSeconds * 1000) { return }
      }
      try send(SIGKILL, process, engine)
      guard process.hasEnded(milliseconds: Limit.killMilliseconds) else {
        throw Problem(
          code: .timeout, message: "container \(record.name) does not end after SIGKILL",
          hint: "a process of it may hang in the kernel: look at its state with ps")
      }
    }

    /// Without a PID namespace of its own nobody ends the others when the first process ends: all get the signal (G.5).
    private func send(_ signal: CInt, _ process: borrowing ProcessHandle, _ engine: Engine) throws(Problem) {
      if config.options.pid == .private {
        do throws(Errno) { try process.signal(signal) } catch  where error == .noSuchProcess {} catch {
          throw Problem(code: .init(error), message: "signal container \(record.name)", cause: error)
        }
      } else {
        do throws(Problem) { try engine.runtime(of: config).run("kill", "--all", record.id, "\(signal)") } catch {
          if !process.hasEnded(milliseconds: 0) { throw error }
        }
      }
    }
  }

  /// Sends a signal to the container's first process. - Returns: its ID.
  @discardableResult
  public func kill(_ name: String, signal: Int32 = 9) throws(Problem) -> String {
    guard (1...64).contains(signal) else { throw Problem(code: .invalid, message: "signal \(signal): want 1 to 64") }
    return try locked(name) { (record) throws(Problem) in
      let state = record.status.state
      guard state == .running || state == .paused || state == .stopping,
        let process = ProcessHandle(pid: record.status.pid, startTime: record.status.startTime)
      else {
        throw Problem(
          code: .conflict, message: "can only kill running containers: \(record.name) is \(state.rawValue)",
          hint: "start it with: berth start \(record.name)")
      }
      do throws(Errno) { try process.signal(signal) } catch {
        throw Problem(code: .init(error), message: "signal container \(record.name)", cause: error)
      }
      // A frozen process dies only when it thaws; where that fails the freezer has nothing to thaw any more.
      if state == .paused && signal == SIGKILL { try? runtime(of: ContainerConfig(record)).run("resume", record.id) }
      tell(.kill, of: record)
      return record.id
    }
  }

  @discardableResult
  public func restart(_ name: String, timeoutSeconds: Int? = nil) throws(Problem) -> String {
    let found = try observed(try store().containers.lookup(name))
    switch found.status.state {
    case .paused, .unknown, .removing:
      throw Problem(
        code: .conflict,
        message:
          "unable to restart a container in a paused or unknown state: \(found.name) is \(found.status.state.rawValue)")
    case .running, .stopping, .created: try stop(found.id, timeoutSeconds: timeoutSeconds)
    case .configured, .stopped, .exited: break
    }
    try start(found.id)
    tell(.restart, of: found)
    return found.id
  }

  @discardableResult
  public func pause(_ name: String) throws(Problem) -> String {
    try locked(name) { (record) throws(Problem) in
      switch record.status.state {
      case .running: break
      case .paused:
        throw Problem(
          code: .conflict, message: "container \(record.name) is already paused",
          hint: "let it go on: berth unpause \(record.name)")
      case .configured, .created, .stopping, .stopped, .exited, .removing, .unknown:
        throw Problem(
          code: .conflict,
          message: "container \(record.name) is not running, can't pause: it is \(record.status.state.rawValue)")
      }
      try runtime(of: ContainerConfig(record)).run("pause", record.id)
      try setState(record, .paused)
      tell(.pause, of: record)
      return record.id
    }
  }

  @discardableResult
  public func unpause(_ name: String) throws(Problem) -> String {
    try locked(name) { (record) throws(Problem) in
      guard record.status.state == .paused else {
        throw Problem(
          code: .conflict,
          message: "container \(record.name) is not paused, can't unpause: it is \(record.status.state.rawValue)")
      }
      try runtime(of: ContainerConfig(record)).run("resume", record.id)
      try setState(record, .running)
      tell(.unpause, of: record)
      return record.id
    }
  }

  private func setState(_ record: ContainerRecord, _ state: StateStore.ContainerState) throws(Problem) {
    var status = record.status
    status.state = state
    try store().containers.update(record.id, status, durable: false)
  }

  public func rename(_ name: String, to newName: String) throws(Problem) {
    try ObjectName.check(newName, what: "container name")
    try locked(name) { (record) throws(Problem) in
      if record.name == newName {
        throw Problem(code: .conflict, message: "container \(record.name) has this name already")
      }
      try store().containers.rename(record.id, to: newName)
      var event = EngineEvent(.rename, record)
      event.name = newName
      tell(event)
      try serveNames(of: record.id)
    }
  }

  /// Waits for one of the states; none is stopped or exited. - Returns: the exit code, -1 for other states.
  /// - Parameter interval: milliseconds after which it looks at the container even where nothing told of a change.
  public func wait(_ name: String, for states: [ContainerState] = [], interval: Int? = nil) throws(Problem) -> Int32 {
    let wanted = states.isEmpty ? [.stopped, .exited] : states
    var record = try store().containers.lookup(name)
    let id = record.id
    while true {
      record = try observed(record)
      let state = ContainerState(record.status.state)
      if wanted.contains(state) || (state == .stopped && wanted.contains(.exited)) {
        return state == .stopped || state == .exited ? record.status.exitCode : -1
      }
      // A container that was never started has nothing to wait for unless somebody starts it.
      try waitForChange(record, atMost: interval ?? -1)
      // The exit file first: with --rm, bundle and row go right after it.
      let ended = try observed(record)
      if ended.status.state == .stopped {
        record = ended
      } else if let next = try store().containers.get(id) {
        record = next
      } else {
        throw Problem(code: .notFound, message: "container \(record.name) was removed while waiting for it")
      }
    }
  }

  /// Returns when the process of the container has ended, the state database was written, or the time is over.
  private func waitForChange(_ record: ContainerRecord, atMost milliseconds: Int) throws(Problem) {
    let watch = try DirectoryWatch(paths.root, writes: true)
    if let now = try store().containers.get(record.id), now.status != record.status { return }
    if let process = ProcessHandle(pid: record.status.pid, startTime: record.status.startTime) {
      watch.wait(milliseconds: milliseconds, orReadable: process.pidfd)
    } else {
      watch.wait(milliseconds: milliseconds)
    }
  }
}

extension ContainerState {
  init(_ state: StateStore.ContainerState) { self = ContainerState(rawValue: state.rawValue) ?? .unknown }
}
