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
    plan: LaunchPlan, _ entrance: borrowing CgroupEntrance, parentEnd: CInt, childEnd: CInt
  ) throws(Problem) -> pid_t {
    let target = entrance.cloneTarget
    let needsIntermediate = !joined.isEmpty || plan.hasNew(.time)
    if !needsIntermediate {
      let pid = try doing("create namespaces") { () throws(Errno) in try Self.fork(plan.cloneFlags, into: target) }
      if pid == 0 { Self.child(plan, entrance, childEnd, parentEnd) }
      return pid
    }
    defer { for namespace in joined { _ = csys_close(namespace.fd) } }
    let report = try Self.makeReport()
    let intermediate = try forkIntermediate(plan, entrance, report, childEnd, parentEnd)
    return try Self.pid(from: intermediate, report)
  }

  /// Forks into the cgroup where the host has version 2.
  static func fork(_ flags: UInt64, into cgroup: CInt) throws(Errno) -> pid_t {
    try check(csys_fork_into(flags | (cgroup >= 0 ? CSYS_CLONE_INTO_CGROUP : 0), cgroup, nil))
  }

  /// Where an intermediate process says its one word. Not the channel: what the container's process says may come
  /// first there, and no end of it tells that the intermediate process was killed, because this one has all ends.
  static func makeReport() throws(Problem) -> Pipe {
    try doing("make a pipe") { () throws(Errno) in try Pipe.make() }
  }

  /// The pid of the process that an intermediate process made; the intermediate process is reaped.
  static func pid(from intermediate: pid_t, _ report: consuming Pipe) throws(Problem) -> pid_t {
    defer {
      var status: CInt = 0
      _ = csys_wait4(intermediate, &status, 0)
    }
    let reader = report.closingWriter()
    var bytes = try doing("hear from the intermediate process") { () throws(Errno) in
      try readAll(reader, limit: reportBytesMax)
    }
    guard !bytes.isEmpty else {
      throw Problem(code: .unavailable, message: "the intermediate process ended unexpectedly")
    }
    switch Message(rawValue: bytes.removeFirst()) {
    case .pid where bytes.count == 4: return bytes.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) }
    case .failure: if let failure = StepFailure(bytes: bytes) { throw failure.problem }
    default: break
    }
    throw Problem(code: .bug, message: "an unreadable report")
  }
  /// Source: pipe(7), PIPE_BUF: it is written at once.
  private static let reportBytesMax = 4096

  /// The intermediate process's last word.
  static func send(_ pid: pid_t, over report: borrowing Pipe) -> Never {
    say([Message.pid.rawValue] + withUnsafeBytes(of: pid) { Array($0) }, over: report)
    _exit(0)
  }
  static func send(_ failure: StepFailure, over report: borrowing Pipe) -> Never {
    say([Message.failure.rawValue] + failure.bytes, over: report)
    _exit(127)
  }
  private static func say(_ bytes: [UInt8], over report: borrowing Pipe) {
    _ = csys_write(report.writer.borrowed, bytes, min(bytes.count, reportBytesMax))
  }
  /// In the process that an intermediate process made: whoever reads is not to wait for this one.
  static func leave(_ report: borrowing Pipe) {
    _ = csys_close(report.writer.borrowed)
    _ = csys_close(report.reader.borrowed)
  }

  /// The container's process. A failure goes over `end`, which stays open next to the channel's own descriptor.
  private static func child(
    _ plan: LaunchPlan, _ entrance: borrowing CgroupEntrance, entered: Bool = false, _ end: CInt, _ parentEnd: CInt
  ) -> Never {
    _ = csys_close(parentEnd)
    do throws(StepFailure) {
      let copy = try during(.synchronize) { () throws(Errno) in try check(csys_fcntl(end, F_DUPFD_CLOEXEC, 3)) }
      let channel = Channel(OwnedFD(adopting: copy))
      if plan.entersLater {
        try enterLater(channel)
      } else if !entered {
        try during(.cgroupEntrance) { () throws(Errno) in try entrance.enter() }
      }
      Scheduling.resetAffinity()
      try ContainerInit.run(plan, channel)
    } catch { report(error, end) }
  }

  /// `LaunchPlan.entersLater`.
  private static func enterLater(_ channel: borrowing Channel) throws(StepFailure) {
    try during(.unshare) { () throws(Errno) in try check(csys_unshare(NamespaceKind.network.cloneFlag ?? 0)) }
    try Loopback.bringUp()
    let got = try during(.synchronize) { () throws(Errno) in try channel.receive() }
    guard let got, got.message == .enter else { throw StepFailure(.synchronize, .brokenPipe) }
    try during(.cgroupEntrance) { () throws(Errno) in try CgroupEntrance(received: got.descriptors).enter() }
  }

  static func report(_ failure: StepFailure, _ end: CInt) -> Never {
    let bytes = [Message.failure.rawValue] + failure.bytes
    _ = csys_send_fds(end, bytes, bytes.count, nil, 0, 0)
    _exit(127)
  }

  private func forkIntermediate(
    _ plan: LaunchPlan, _ entrance: borrowing CgroupEntrance, _ report: borrowing Pipe, _ end: CInt, _ parentEnd: CInt
  ) throws(Problem) -> pid_t {
    let target = entrance.cloneTarget
    let pid = try doing("fork") { () throws(Errno) in try Self.fork(0, into: target) }
    if pid == 0 { intermediate(plan, entrance, report, end, parentEnd) }
    return pid
  }

  /// Joins, makes the container's process as its parent's child, sends its pid and ends.
  private func intermediate(
    _ plan: LaunchPlan, _ entrance: borrowing CgroupEntrance, _ report: borrowing Pipe, _ end: CInt, _ parentEnd: CInt
  ) -> Never {
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
      if pid == 0 {
        Self.leave(report)
        Self.child(plan, entrance, entered: true, end, parentEnd)
      }
      Self.send(pid, over: report)
    } catch { Self.send(error, over: report) }
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
