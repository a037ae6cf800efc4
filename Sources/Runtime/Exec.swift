import CSys
import Cgroups
import Glibc
import Problems
import RuntimeSpec
import Seccomp
import Sys

/// Runs another process in a running container: the parent half of `exec`.
struct Exec {
  let record: ContainerRecord
  let process: Process
  let log: Log
  var plan: LaunchPlan
  var console: CInt = -1
  /// Where below the container's cgroup the process goes (`--cgroup`).
  var subgroups = Subgroups.none

  init(record: ContainerRecord, spec: Spec, process: Process, preserved: UInt32, log: Log) throws(Problem) {
    self.record = record
    self.process = process
    self.log = log
    var inner = spec
    inner.process = process
    inner.hooks = nil
    plan = LaunchPlan(id: record.id, bundle: record.bundle, spec: inner)
    plan.rootPath = record.rootPath
    plan.preservedDescriptors = preserved
    plan.isDumpable = geteuid() != 0
    plan.isDebug = log.isDebug
  }

  mutating func connectConsole(_ path: String?, milliseconds: Int) throws(Problem) {
    guard process.terminal == true else {
      if path != nil { throw Problem(code: .invalid, message: "--console-socket is for a process with a terminal") }
      return
    }
    if let path {
      plan.consoleSocket = try doing("connect to the console socket \(path)") { () throws(Errno) in
        try connectUnix(path, type: CInt(SOCK_STREAM.rawValue), milliseconds: milliseconds).release()
      }
    } else {
      (plan.consoleSocket, console) = try Foreground.consolePair()
      plan.relaysConsole = true
    }
  }

  /// All namespaces that the container has apart from the host, joined in one call. Source: setns(2), Linux 5.8.
  private var joinFlags: UInt64 {
    (plan.linux.namespaces ?? []).reduce(0) { $0 | ($1.kind.cloneFlag ?? 0) }
  }

  /// Starts the process.
  /// - Returns: its pid; it has executed its command.
  func start(pidFile: String?, pidfdSocket: String?) throws(Problem) -> pid_t {
    guard let pidfd = try record.pidfd() else {
      throw Problem(code: .conflict, message: "cannot exec in a container that has stopped: \(record.id)")
    }
    let ends = try doing("make a socket pair") { () throws(Errno) in
      try SocketPair.make(type: CInt(SOCK_SEQPACKET.rawValue))
    }
    let (parentEnd, childEnd) = (ends.first.borrowed, ends.second.borrowed)
    let child = try enteringCgroup { (entrance) throws(Problem) in try fork(pidfd, entrance, parentEnd, childEnd) }
    ends.second.close()
    if plan.consoleSocket >= 0 { _ = csys_close(plan.consoleSocket) }
    let channel = Channel(ends.first, log: log)
    log.debug("nsexec container setup: process \(child), joined namespaces 0x\(String(joinFlags, radix: 16))")
    do throws(Problem) {
      for text in CapabilitySets(process.capabilities).warnings { log.write(.warning, text) }
      if let score = process.oomScoreAdj { try ProcessLimits.setOutOfMemoryScore(score, of: child) }
      let filter = try plan.linux.seccomp.code()
      switch try channel.hear() {
      case .ready: break
      case .readyWithoutLimits: try ProcessLimits.set(process.rlimits ?? [], of: child)
      default: throw Problem(code: .bug, message: "unexpected message from the process")
      }
      if let pidfdSocket { try PidfdSocket.send(child, to: pidfdSocket) }
      if let pidFile { try PidFile.write(child, to: pidFile) }
      try channel.say(.start, filter)
      try CreatedContainer.awaitExecution(channel, listener: SeccompListener(plan: plan, pid: child))
      return child
    } catch {
      _ = csys_kill(child, SIGKILL)
      var status: CInt = 0
      _ = csys_wait4(child, &status, 0)
      throw error
    }
  }

  private func fork(
    _ pidfd: borrowing OwnedFD, _ entrance: borrowing CgroupEntrance, _ parentEnd: CInt, _ childEnd: CInt
  ) throws(Problem) -> pid_t {
    let flags = joinFlags
    let newPid = flags & CSYS_CLONE_NEWPID
    if flags & CSYS_CLONE_NEWUSER == 0 && geteuid() == 0 {
      let target = entrance.cloneTarget
      let into = target >= 0 ? CSYS_CLONE_INTO_CGROUP : 0
      // Only our children enter the pid namespace; everything else the child joins by itself.
      if newPid != 0 {
        try doing("join the pid namespace of \(record.id)") { () throws(Errno) in
          _ = try check(csys_setns(pidfd.borrowed, CInt(truncatingIfNeeded: newPid)))
        }
      }
      let pid = try doing("fork") { () throws(Errno) in try check(csys_fork_into(into, target, nil)) }
      if pid == 0 { child(pidfd, join: flags & ~newPid, entrance, entered: false, childEnd, parentEnd) }
      return pid
    }
    let report = try NamespaceJoins.makeReport()
    let intermediate = try forkIntermediate(pidfd, entrance, report, childEnd, parentEnd)
    return try NamespaceJoins.pid(from: intermediate, report)
  }
  private func forkIntermediate(
    _ pidfd: borrowing OwnedFD, _ entrance: borrowing CgroupEntrance, _ report: borrowing Pipe, _ end: CInt,
    _ parentEnd: CInt
  ) throws(Problem) -> pid_t {
    let target = entrance.cloneTarget
    let pid = try doing("fork") { () throws(Errno) in try NamespaceJoins.fork(0, into: target) }
    if pid == 0 { intermediate(pidfd, joinFlags, entrance, report, end, parentEnd) }
    return pid
  }

  private func intermediate(
    _ pidfd: borrowing OwnedFD, _ flags: UInt64, _ entrance: borrowing CgroupEntrance, _ report: borrowing Pipe,
    _ end: CInt, _ parentEnd: CInt
  ) -> Never {
    do throws(StepFailure) {
      if !plan.isDumpable { _ = csys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) }
      try during(.cgroupEntrance) { () throws(Errno) in try entrance.enter() }
      try join(pidfd, flags)
      let pid = try during(.unshare) { () throws(Errno) in try check(csys_fork(UInt64(CSYS_CLONE_PARENT), nil)) }
      if pid == 0 {
        NamespaceJoins.leave(report)
        child(pidfd, join: 0, entrance, entered: true, end, parentEnd)
      }
      NamespaceJoins.send(pid, over: report)
    } catch { NamespaceJoins.send(error, over: report) }
  }
  private func join(_ pidfd: borrowing OwnedFD, _ flags: UInt64) throws(StepFailure) {
    if flags == 0 { return }
    try during(.joinNamespace, "the namespaces of \(record.id)") { () throws(Errno) in
      try check(csys_setns(pidfd.borrowed, CInt(truncatingIfNeeded: flags)))
    }
  }

  private func child(
    _ pidfd: borrowing OwnedFD, join flags: UInt64, _ entrance: borrowing CgroupEntrance, entered: Bool,
    _ end: CInt, _ parentEnd: CInt
  ) -> Never {
    _ = csys_close(parentEnd)
    do throws(StepFailure) {
      let copy = try during(.synchronize) { () throws(Errno) in try check(csys_fcntl(end, F_DUPFD_CLOEXEC, 3)) }
      // Processes of the container may see us from now on: nothing of ours may be reached through /proc.
      if !plan.isDumpable { _ = csys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) }
      let channel = Channel(OwnedFD(adopting: copy))
      if plan.isDebug { channel.report(.debug, "child process in init(): exec") }
      let setup = ProcessSetup(process: process, plan: plan)
      let affinity = process.execCPUAffinity
      let initial = try Scheduling.setAffinity(affinity?.initialCPUs)
      if plan.isDebug, let initial { channel.report(.debug, "nsexec: affinity: 0x\(String(initial[0], radix: 16))") }
      if !entered { try during(.cgroupEntrance) { () throws(Errno) in try entrance.enter() } }
      if affinity == nil { Scheduling.resetAffinity() }
      _ = try Scheduling.setAffinity(affinity?.finalCPUs)
      if (process.apparmorProfile ?? "") + (process.selinuxLabel ?? "") != "" {
        try setup.applyLabels(hostProc: try during(.label, "/proc") { () throws(Errno) in try open("/proc", O_PATH_) })
      }
      try join(pidfd, flags)
      if plan.namespace(.mount) == nil { try enterRoot() }
      if plan.namespace(.user) != nil { try ContainerInit.becomeRoot(plan) }
      try during(.session) { () throws(Errno) in try check(csys_setsid()) }
      if plan.newKeyring { try ProcessSetup.joinKeyring(named: "_ses.\(plan.id)") }
      let root = try during(.rootfs, "/") { () throws(Errno) in
        RootFilesystem(directory: try open("/", O_PATH_ | O_DIRECTORY))
      }
      if process.terminal == true { try setup.openConsole(in: root, bindingConsole: false) }
      try setup.finish(root: root, channel: channel)
    } catch { NamespaceJoins.report(error, end) }
  }

  private func enterRoot() throws(StepFailure) {
    try during(.rootfs, plan.rootPath) { () throws(Errno) in
      try check(csys_chroot(plan.rootPath))
      try check(csys_chdir("/"))
    }
  }
}
