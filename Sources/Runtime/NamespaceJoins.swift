import CSys
import Cgroups
import Glibc
import Problems
import RuntimeSpec
import Sys

/// Makes the child: in one step where all namespaces are new, through an intermediate process where some are joined.
struct NamespaceJoins {
  /// Open namespaces to join, in the order of joining.
  private var joined: [Joined] = []
  private struct Joined {
    let name: String
    let flag: UInt64
    let fd: CInt
  }

  init(plan: LaunchPlan) throws(Problem) {
    // The user namespace first: it brings the privilege for the others it owns. With host privileges those of the
    // host are entered before it, or they could not be any more.
    let list = (plan.linux.namespaces ?? []).filter { !($0.path ?? "").isEmpty }
    if list.isEmpty { return }
    let order: [NamespaceKind] = [.network, .ipc, .uts, .pid, .cgroup, .time, .mount]
    let user = list.filter { $0.kind == .user }
    let others = order.flatMap { kind in list.filter { $0.kind == kind } }
    for namespace in geteuid() == 0 ? others + user : user + others {
      let path = namespace.path ?? ""
      let fd = try doing("open \(namespace.kind.rawValue) namespace \(path)") { () throws(Errno) in
        try open(path, O_RDONLY).release()
      }
      joined.append(
        Joined(name: namespace.kind.rawValue + " namespace " + path, flag: namespace.kind.cloneFlag ?? 0, fd: fd))
    }
  }

  /// Forks; the child runs `ContainerInit` and never returns.
  func fork(
    plan: LaunchPlan, _ entrance: borrowing CgroupEntrance, log: Log, parentEnd: CInt, childEnd: CInt
  ) throws(Problem) -> pid_t {
    let target = entrance.cloneTarget
    let needsIntermediate = !joined.isEmpty || plan.hasNew(.time)
    if !needsIntermediate {
      let pid = try doing("create namespaces") { () throws(Errno) in try Self.fork(plan.cloneFlags, into: target) }
      if pid == 0 { Self.child(plan, entrance, childEnd, parentEnd) }
      return pid
    }
    let intermediate = try doing("fork") { () throws(Errno) in try Self.fork(0, into: target) }
    if intermediate == 0 { self.intermediate(plan, entrance, childEnd, parentEnd) }
    defer { for namespace in joined { _ = csys_close(namespace.fd) } }
    return try Self.pid(from: intermediate, parentEnd, log)
  }

  /// Forks into the cgroup where the host has version 2.
  private static func fork(_ flags: UInt64, into cgroup: CInt) throws(Errno) -> pid_t {
    try check(csys_fork_into(flags | (cgroup >= 0 ? CSYS_CLONE_INTO_CGROUP : 0), cgroup, nil))
  }

  /// The pid of the process that an intermediate process made; the intermediate process is reaped.
  static func pid(from intermediate: pid_t, _ parentEnd: CInt, _ log: Log) throws(Problem) -> pid_t {
    defer {
      var status: CInt = 0
      _ = csys_wait4(intermediate, &status, 0)
    }
    let lent = try doing("keep the channel") { () throws(Errno) in
      OwnedFD(adopting: try check(csys_fcntl(parentEnd, F_DUPFD_CLOEXEC, 0)))
    }
    let channel = Channel(lent, log: log)
    let got = try doing("hear from the intermediate process") { () throws(Errno) in try channel.receive() }
    guard let got else { throw Problem(code: .unavailable, message: "the intermediate process ended unexpectedly") }
    if got.message == .failure, let failure = StepFailure(bytes: got.payload) { throw failure.problem }
    guard got.message == .pid, got.payload.count == 4 else {
      throw Problem(code: .bug, message: "an unreadable report")
    }
    return got.payload.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) }
  }

  /// The intermediate process's last word.
  static func send(_ pid: pid_t, over end: CInt) -> Never {
    let bytes = [Message.pid.rawValue] + withUnsafeBytes(of: pid) { Array($0) }
    _ = csys_send_fds(end, bytes, bytes.count, nil, 0, 0)
    _exit(0)
  }

  /// The container's process. A failure goes over `end`, which stays open next to the channel's own descriptor.
  private static func child(
    _ plan: LaunchPlan, _ entrance: borrowing CgroupEntrance, entered: Bool = false, _ end: CInt, _ parentEnd: CInt
  ) -> Never {
    _ = csys_close(parentEnd)
    do throws(StepFailure) {
      if !entered { try during(.cgroupEntrance) { () throws(Errno) in try entrance.enter() } }
      Scheduling.resetAffinity()
      let copy = try during(.synchronize) { () throws(Errno) in try check(csys_fcntl(end, F_DUPFD_CLOEXEC, 3)) }
      try ContainerInit.run(plan, Channel(OwnedFD(adopting: copy)))
    } catch { report(error, end) }
  }

  static func report(_ failure: StepFailure, _ end: CInt) -> Never {
    let bytes = [Message.failure.rawValue] + failure.bytes
    _ = csys_send_fds(end, bytes, bytes.count, nil, 0, 0)
    _exit(127)
  }

  /// Joins, makes the container's process as its parent's child, sends its pid and ends.
  private func intermediate(_ plan: LaunchPlan, _ entrance: borrowing CgroupEntrance, _ end: CInt, _ parentEnd: CInt)
    -> Never
  {
    do throws(StepFailure) {
      try during(.cgroupEntrance) { () throws(Errno) in try entrance.enter() }
      for namespace in joined {
        try during(.joinNamespace, namespace.name) { () throws(Errno) in
          try check(csys_setns(namespace.fd, CInt(truncatingIfNeeded: namespace.flag)))
        }
      }
      if plan.hasNew(.time) { try Self.makeTimeNamespace(plan) }
      let pid = try during(.unshare) { () throws(Errno) in
        try check(csys_fork(plan.cloneFlags | UInt64(CSYS_CLONE_PARENT), nil))
      }
      if pid == 0 { Self.child(plan, entrance, entered: true, end, parentEnd) }
      Self.send(pid, over: end)
    } catch { Self.report(error, end) }
  }

  /// Offsets can be written only before anybody lives in the namespace. Source: time_namespaces(7).
  private static func makeTimeNamespace(_ plan: LaunchPlan) throws(StepFailure) {
    try during(.timeOffsets) { () throws(Errno) in
      try check(csys_unshare(CSYS_CLONE_NEWTIME))
      let offsets = plan.linux.timeOffsets ?? [:]
      if offsets.isEmpty { return }
      let lines = offsets.sorted { $0.key < $1.key }.map {
        "\($0.key) \($0.value.secs ?? 0) \($0.value.nanosecs ?? 0)\n"
      }
      try writeAll(try open("/proc/self/timens_offsets", O_WRONLY), lines.joined())
    }
  }
}
