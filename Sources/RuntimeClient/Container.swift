import CSys
import Glibc
public import Problems
public import Sys

/// A further process of a container. Source: runtime-spec 1.2, config.md, "Process".
public struct ProcessOptions: Hashable, Sendable {
  /// Added to the container's own, as `NAME=value`.
  public var environment: [String]
  /// Absolute, in the container; nil is the container's own.
  public var workingDirectory: String?
  /// `UID` or `UID:GID`; nil is the container's own.
  public var user: String?
  public init(environment: [String] = [], workingDirectory: String? = nil, user: String? = nil) {
    self.environment = environment
    self.workingDirectory = workingDirectory
    self.user = user
  }
  var flags: [String] {
    environment.flatMap { ["--env", $0] } + (workingDirectory.map { ["--cwd", $0] } ?? [])
      + (user.map { ["--user", $0] } ?? [])
  }
}

/// A container that exists. It outlives this value, and this process.
public final class Container: Sendable {
  public let id: String
  private let runtime: ContainerRuntime
  /// The container's process; nil where it had ended when this value was made.
  private let process: HeldProcess?

  init(_ state: ContainerState, _ runtime: ContainerRuntime) throws(Problem) {
    id = state.id
    self.runtime = runtime
    let pid = state.pid ?? 0
    let found = csys_pidfd_open(pid, 0)
    // Opened first, asked again after: then it is that process, not another one that got its number.
    guard pid > 0, found >= 0 else {
      process = nil
      return
    }
    let descriptor = OwnedFD(adopting: found)
    let isSame = try runtime.state(of: state.id).pid == pid
    process = isSame ? HeldProcess(descriptor) : nil
  }

  public func state() throws(Problem) -> ContainerState { try runtime.state(of: id) }

  /// Lets the process execute its command. - Throws: `.commandNotFound`, `.cannotExecute`; `.unavailable` where it
  /// is not waiting.
  public func start() throws(Problem) { try runtime.succeed(["start", id]) }

  /// - Parameters:
  ///   - signal: a number of signal(7).
  ///   - all: to every process of the container, not to the first one only.
  public func kill(signal: Int32, all: Bool = false) throws(Problem) {
    try runtime.succeed(["kill"] + (all ? ["--all"] : []) + [id, "\(signal)"])
  }
  public func pause() throws(Problem) { try runtime.succeed(["pause", id]) }
  public func resume() throws(Problem) { try runtime.succeed(["resume", id]) }

  /// Runs one more process in the container, to its end.
  public func exec(
    _ arguments: [String], _ options: ProcessOptions = .init(), streams: ContainerStreams = .init()
  ) throws(Problem) -> ExitStatus {
    let outcome = try runtime.call(["exec"] + options.flags + [id] + arguments, streams)
    if outcome.error != nil { throw outcome.problem("exec") }
    return outcome.status
  }

  /// Removes the container: its cgroup and its state. The bundle stays.
  /// - Parameter force: kills what still runs.
  public func delete(force: Bool = false) throws(Problem) {
    try runtime.succeed(["delete"] + (force ? ["--force"] : []) + [id])
    if let process { _ = csys_waitid(Self.pidfdType, id_t(process.pidfd.borrowed), nil, WEXITED | WNOHANG) }
  }

  // MARK: - Waiting

  private static let pidfdType: CInt = 3  // P_PIDFD: waitid(2)

  /// Makes this process the parent of containers whose creator has gone, so that ``wait()`` can tell how they ended on
  /// every kernel. It concerns all descendants of this process. Source: PR_SET_CHILD_SUBREAPER, prctl(2).
  public static func adoptOrphans() throws(Problem) {
    try doing("become a subreaper") { () throws(Errno) in
      _ = try check(csys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
    }
  }

  /// Waits until the container's process has ended. It may be called again.
  /// - Throws: `.unsupported` before Linux 6.15 where the process is no child of this one (``adoptOrphans()``),
  ///   `.notFound` where it had ended before this value was made.
  public func wait() throws(Problem) -> ExitStatus {
    guard let process else {
      throw Problem(code: .notFound, message: "the process of container \(id) ended before anybody waited for it")
    }
    let raw = process.pidfd.borrowed
    try doing("wait for container \(id)") { () throws(Errno) in try Self.poll(raw, Int16(POLLIN)) }
    if let status = Self.statusOfChild(raw) { return status }
    do throws(Errno) {
      if let status = try PidfdStatus.read(raw) { return status }
      try Self.poll(raw, 0)  // the kernel tells once the process has been reaped: POLLHUP
      if let status = try PidfdStatus.read(raw) { return status }
    } catch {
      throw Problem(
        code: .unsupported, message: "how container \(id) ended is not told to this process",
        hint: "call Container.adoptOrphans() before create, or use Linux 6.15", cause: error)
    }
    throw Problem(code: .bug, message: "the kernel did not tell how container \(id) ended")
  }

  private static func poll(_ pidfd: CInt, _ events: Int16) throws(Errno) {
    var wanted = pollfd(fd: pidfd, events: events, revents: 0)
    _ = try uninterrupted { () throws(Errno) in try check(csys_poll(&wanted, 1, -1)) }
  }

  /// nil where the process is somebody else's child. The child stays a zombie until ``delete(force:)``.
  private static func statusOfChild(_ pidfd: CInt) -> ExitStatus? {
    var info = siginfo_t()
    guard csys_waitid(pidfdType, id_t(pidfd), &info, WEXITED | WNOWAIT | WNOHANG) == 0 else { return nil }
    // The importer does not see the union's members: si_status lies after signo, errno, code, pid and uid.
    let status = withUnsafeBytes(of: &info) { $0.loadUnaligned(fromByteOffset: 24, as: CInt.self) }
    return info.si_code == CInt(CLD_EXITED) ? .exited(code: status) : .killed(signal: status)
  }
}

/// An optional descriptor cannot be borrowed out of a class; one in an object of its own can.
private final class HeldProcess: Sendable {
  let pidfd: OwnedFD
  init(_ pidfd: consuming OwnedFD) { self.pidfd = pidfd }
}

/// How a process ended that is nobody's child here. Source: PIDFD_GET_INFO, <linux/pidfd.h>; Linux 6.15.
private enum PidfdStatus {
  private static let request: CUnsignedLong = 0xC040_FF0B  // _IOWR(0xff, 11, 64 bytes)
  private static let exitFlag: UInt64 = 1 << 3  // PIDFD_INFO_EXIT

  /// nil where the kernel does not know it yet.
  static func read(_ pidfd: CInt) throws(Errno) -> ExitStatus? {
    var info = (mask: exitFlag, rest: (UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0)))
    let result = withUnsafeMutableBytes(of: &info) {
      csys_ioctl(pidfd, request, UInt(bitPattern: $0.baseAddress))
    }
    if result == -ESRCH { return nil }  // ended, not reaped
    try check(result)
    guard info.mask & exitFlag != 0 else { return nil }
    let word = withUnsafeBytes(of: &info) { $0.loadUnaligned(fromByteOffset: 60, as: CInt.self) }
    return ExitStatus(waitStatus: word)
  }
}
