import CSys
import Glibc
import MonitorProtocol
import Problems
import StateStore
import Sys

/// A process that can be told from a later one with the same number.
struct ProcessHandle: ~Copyable {
  let pidfd: OwnedFD

  /// nil where the process that had this pid and start time is gone.
  init?(pid: pid_t, startTime: UInt64) {
    guard pid > 0 else { return nil }
    let raw = csys_pidfd_open(pid, 0)
    guard raw >= 0 else { return nil }
    let fd = OwnedFD(adopting: raw)
    // Read after the descriptor is open: what it names cannot change any more.
    guard let found = try? Sys.startTime(ofPid: pid), found == startTime, !isReadable(fd, milliseconds: 0) else {
      return nil
    }
    pidfd = fd
  }
  func signal(_ number: CInt) throws(Errno) { try check(csys_pidfd_send_signal(pidfd.borrowed, number)) }

  /// Whether it has ended, after waiting for at most `milliseconds`; -1 waits for ever.
  func hasEnded(milliseconds: Int) -> Bool { isReadable(pidfd, milliseconds: milliseconds) }
}

/// Waits until a descriptor is readable. - Parameter milliseconds: -1 waits for ever.
func isReadable(_ fd: borrowing OwnedFD, milliseconds: Int) -> Bool {
  let deadline = milliseconds < 0 ? Int64.max : Timestamp.monotonic() + Int64(milliseconds) * 1_000_000
  while true {
    var wanted = pollfd(fd: fd.borrowed, events: Int16(POLLIN), revents: 0)
    let left = milliseconds < 0 ? -1 : max(0, (deadline - Timestamp.monotonic() + 999_999) / 1_000_000)
    let result = csys_poll(&wanted, 1, CInt(clamping: left))
    if result > 0 { return true }
    if result == 0 && left < CInt.max { return false }
    if result < 0 && result != -EINTR { return true }
  }
}

extension Timestamp {
  static func monotonic() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}

extension StateStore.ContainerState {
  /// Its first process is there.
  var isAlive: Bool {
    switch self {
    case .created, .running, .paused, .stopping: true
    case .configured, .stopped, .exited, .removing, .unknown: false
    }
  }
}

extension Engine {
  enum Limit {
    /// How long a monitor may take from its container's end to the exit file (PD-56).
    static let exitFileMilliseconds = 5_000
    /// How long a killed process may take to go: longer only in uninterruptible sleep.
    static let killMilliseconds = 10_000
    /// How long the removal of a bundle waits for its monitor, and how often it begins again.
    static let monitorMilliseconds = 500
    static let removalTriesMax = 20
    /// How long a monitor may take to greet a client: it is an idle process.
    static let attachMilliseconds = 10_000
  }

  /// The record with what the kernel and the monitor say about it; nothing is written.
  ///
  /// A created or running container whose process is gone is stopped with the exit file's code; without an exit file
  /// its monitor died too, or the machine was rebooted: then its bundle is gone, and it is configured again (PD-20).
  func observed(_ record: ContainerRecord) throws(Problem) -> ContainerRecord {
    guard record.status.state.isAlive else { return record }
    var record = record
    if let exit = try ExitRecord.read(paths.exitFile(record.id)) {
      record.status.end(exit)
      return record
    }
    if ProcessHandle(pid: record.status.pid, startTime: record.status.startTime) != nil { return record }
    if let settled = try settledMeanwhile(record) { return settled }
    guard exists(paths.bundle(record.id)) else {
      record.status = record.status.refreshed()
      return record
    }
    if let exit = try awaitExitFile(record) {
      record.status.end(exit)
    } else if let settled = try settledMeanwhile(record) {
      return settled
    } else {
      record.status.endUnknown()
    }
    return record
  }

  /// The record as somebody else wrote it after the end: then the exit file is gone, and its code is in the row.
  private func settledMeanwhile(_ record: ContainerRecord) throws(Problem) -> ContainerRecord? {
    guard let now = try store().containers.get(record.id), !now.status.state.isAlive else { return nil }
    return now
  }

  /// The exit file of a process that has ended; waits while its monitor lives.
  func awaitExitFile(_ record: ContainerRecord) throws(Problem) -> ExitRecord? {
    let status = record.status
    if let monitor = ProcessHandle(pid: status.monitorPid, startTime: status.monitorStartTime) {
      let watch = try DirectoryWatch(paths.bundle(record.id))
      let deadline = Timestamp.monotonic() + Int64(Limit.exitFileMilliseconds) * 1_000_000
      while Timestamp.monotonic() < deadline {
        if let exit = try ExitRecord.read(paths.exitFile(record.id)) { return exit }
        if monitor.hasEnded(milliseconds: 0) { break }
        watch.wait(milliseconds: Int((deadline - Timestamp.monotonic()) / 1_000_000), orReadable: monitor.pidfd)
      }
    }
    return try ExitRecord.read(paths.exitFile(record.id))
  }

  /// As `observed`, and the state database follows. The caller holds the container's lock.
  func reconciled(_ record: ContainerRecord) throws(Problem) -> ContainerRecord {
    let now = try observed(record)
    if now.status != record.status { try store().containers.update(now.id, now.status, durable: false) }
    return now
  }

  /// The container that a user means, its lock held, and its state as it really is.
  func locked<R>(_ name: String, _ body: (ContainerRecord) throws(Problem) -> R) throws(Problem) -> R {
    try locked(id: try store().containers.lookup(name).id, body)
  }
  /// - Parameter writing: false where the row goes anyway.
  func locked<R>(
    id: String, writing: Bool = true, _ body: (ContainerRecord) throws(Problem) -> R
  ) throws(Problem) -> R {
    let lock = try store().locks.acquire(.container, id)
    let result: Result<R, Problem>
    do throws(Problem) {
      guard let record = try store().containers.get(id) else {
        try store().locks.remove(.container, id)
        throw Problem(code: .notFound, message: "container \(id.prefix(12)) has been removed")
      }
      let now = writing ? try reconciled(record) : try observed(record)
      if record.status.state.isAlive, now.status.state == .stopped {
        tell(.died, of: now, exitCode: now.status.exitCode)
      }
      result = .success(try body(now))
    } catch { result = .failure(error) }
    _ = consume lock
    return try result.get()
  }
}

extension StateStore.ContainerStatus {
  /// A run begins, and with it times and codes begin anew (PD-55).
  mutating func begin() {
    state = .running
    started = Timestamp.now()
    exited = false
    exitCode = 0
    finished = 0
    outOfMemory = false
    stoppedByUser = false
    error = ""
  }
  mutating func end(_ exit: ExitRecord) {
    state = .stopped
    exited = true
    exitCode = exit.code
    outOfMemory = exit.oom
    finished = Timestamp.parse(exit.finished) ?? Timestamp.now()
    pid = 0
    startTime = 0
  }
  /// Its monitor died before it: nobody saw the exit code.
  mutating func endUnknown() {
    state = .stopped
    exited = true
    exitCode = Self.lostExitCode
    finished = Timestamp.now()
    error = "its monitor ended before it: the exit code is lost"
    pid = 0
    startTime = 0
  }
  static let lostExitCode: Int32 = 255

  /// After a reboot, or a start that failed: what had not exited is as if it had never been started.
  func refreshed() -> StateStore.ContainerStatus {
    var result = self
    result.state = exited && state != .running ? .exited : .configured
    result.pid = 0
    result.startTime = 0
    result.monitorPid = 0
    result.monitorStartTime = 0
    result.restartCount = 0
    return result
  }
}
