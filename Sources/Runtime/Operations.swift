import CSys
import Cgroups
import Glibc
import Problems
import RuntimeSpec
import Sys

/// The commands on a container that exists.
struct Operations {
  let store: RecordStore
  let log: Log
  /// Who makes cgroups now; a container that is there knows its own.
  let driver: CgroupDriver
  let settings: Settings

  private enum Limit {
    static let startMilliseconds = 30_000, killMilliseconds = 10_000, deleteMilliseconds = 10_000
  }

  /// Only from `created`: connects to the waiting process and hears whether its command could be executed.
  func start(_ id: String) throws(Problem) {
    let record = try store.load(id)
    let status = record.status(in: store)
    guard status == .created else {
      throw Problem(
        code: .conflict, message: "cannot start a container that is \(status.rawValue): \(id) is not in state created")
    }
    let limit = try settings.milliseconds("START_TIMEOUT", or: Limit.startMilliseconds)
    let notify = exists(store.path(id, "notify")) ? NotifySocket(store: store, id: id) : nil
    let socket = try notify?.listen()
    let channel = try doing("start \(id)") { () throws(Errno) in
      let channel = Channel(try connectUnix(store.startSocket(id), type: CInt(SOCK_SEQPACKET.rawValue)), log: log)
      try channel.send(.start)
      return channel
    }
    try channel.limitWait(to: limit)
    let spec = try store.spec(of: id)
    let listener = SeccompListener(plan: LaunchPlan(id: id, bundle: record.bundle, spec: spec), pid: record.pid)
    do throws(Problem) { try CreatedContainer.awaitExecution(channel, listener: listener) } catch {
      try? unlinkSocket(id)
      TerminationMessage.write(error, for: spec)
      throw error
    }
    try unlinkSocket(id)
    try runPoststart(record, spec: spec)
    if let socket, let pidfd = try record.pidfd() {
      try notify?.forward(from: socket, mainPid: record.pid, pidfd: pidfd)
    }
  }
  private func unlinkSocket(_ id: String) throws(Problem) {
    try doing("remove the start socket of \(id)") { () throws(Errno) in try unlink(store.startSocket(id)) }
  }

  func runPoststart(_ record: ContainerRecord, spec: Spec) throws(Problem) {
    guard let hooks = spec.hooks?.poststart, !hooks.isEmpty else { return }
    let plan = LaunchPlan(id: record.id, bundle: record.bundle, spec: spec)
    do throws(StepFailure) {
      try HookRunner(plan: plan, status: .running, pid: record.pid).run(hooks, kind: "poststart")
    } catch {
      // The specification of 1.0 said "log a warning", later ones and runc stop the container.
      if let pidfd = try record.pidfd() { _ = csys_pidfd_send_signal(pidfd.borrowed, SIGKILL) }
      throw error.problem
    }
  }

  func kill(_ id: String, signal: CInt, all: Bool) throws(Problem) {
    let record = try store.load(id)
    let cgroup = record.cgroup
    let limit = try settings.milliseconds("KILL_TIMEOUT", or: Limit.killMilliseconds)
    guard let pidfd = try record.pidfd() else {
      // Its init is gone; where it shares the PID namespace, others may be left.
      var isLeft = false
      if signal == SIGKILL && !record.ownsPidNamespace { isLeft = try cgroup.isPopulated() }
      if (all || isLeft) && !cgroup.isNone { return try signalAll(cgroup, signal, limit) }
      throw Problem(code: .conflict, message: "cannot kill \(id): container not running")
    }
    if all && !cgroup.isNone { return try signalAll(cgroup, signal, limit) }
    let result = csys_pidfd_send_signal(pidfd.borrowed, signal)
    if result == -ESRCH { throw Problem(code: .conflict, message: "cannot kill \(id): container not running") }
    try doing("kill \(id)") { () throws(Errno) in _ = try check(result) }
    if signal == SIGKILL { Self.letDie(in: cgroup) }
    if signal == SIGKILL && !record.ownsPidNamespace { try cgroup.killAll(milliseconds: limit) }
  }
  /// A process that is frozen in version 1 does not even die.
  private static func letDie(in cgroup: Cgroup) {
    if (try? cgroup.isFrozen()) == true { try? cgroup.thaw() }
  }
  private func signalAll(_ cgroup: Cgroup, _ signal: CInt, _ limit: Int) throws(Problem) {
    if signal == SIGKILL { try cgroup.killAll(milliseconds: limit) } else { try cgroup.signal(signal) }
  }

  func delete(_ id: String, force: Bool) throws(Problem) {
    try RecordStore.check(id: id)
    let record: ContainerRecord
    do throws(Problem) { record = try store.load(id) } catch {
      if error.code == .notFound && !exists(store.directory(of: id)) {
        if force { return }
        throw error
      }
      if !force && error.code != .notFound { throw error }
      removeRemains(id)
      return try store.remove(id)
    }
    if let pidfd = try record.pidfd() {
      guard force else {
        throw Problem(
          code: .conflict,
          message: "cannot delete container \(id) that is not stopped: \(record.status(in: store).rawValue)")
      }
      _ = csys_pidfd_send_signal(pidfd.borrowed, SIGKILL)
      Self.letDie(in: record.cgroup)
      try awaitEnd(of: pidfd, id)
    }
    let spec = try store.spec(of: id)
    try remove(record, spec: spec)
  }

  /// What a creation that was cut off has left: its cgroup, by the name that the specification gives it.
  private func removeRemains(_ id: String) {
    guard let spec = try? store.spec(of: id),
      let cgroup = try? driver.cgroup(path: spec.linux?.cgroupsPath, id: id, annotations: [:])
    else { return }
    if !cgroup.isPending { try? cgroup.killAll() }
    try? cgroup.assumingStarted().delete()
  }

  /// Removes what is left of a container that has ended, and runs its last hooks.
  func remove(_ record: ContainerRecord, spec: Spec) throws(Problem) {
    if try record.cgroup.isPopulated() { try record.cgroup.killAll(milliseconds: try deleteLimit()) }
    try record.cgroup.delete()
    if let rdt = try IntelRdt(spec.linux?.intelRdt, id: record.id), let root = try? IntelRdt.mountPoint() {
      rdt.leave(record.pid, root: root)
    }
    if let mount = record.rootMount, (try? MountTree.number(ofPath: record.rootPath)) == mount {
      _ = csys_umount2(record.rootPath, CInt(MNT_DETACH))
    }
    try store.remove(record.id)
    let plan = LaunchPlan(id: record.id, bundle: record.bundle, spec: spec)
    HookRunner(plan: plan, status: .stopped, pid: 0).runPoststop(log)
  }

  private func deleteLimit() throws(Problem) -> Int {
    try settings.milliseconds("DELETE_TIMEOUT", or: Limit.deleteMilliseconds)
  }
  private func awaitEnd(of pidfd: borrowing OwnedFD, _ id: String) throws(Problem) {
    var polls = [pollfd(fd: pidfd.borrowed, events: Int16(POLLIN), revents: 0)]
    let limit = try deleteLimit()
    let ready = try doing("wait for \(id)") { () throws(Errno) in
      try check(csys_poll(&polls, 1, CInt(clamping: limit)))
    }
    if ready == 0 { throw Problem(code: .timeout, message: "\(id) is still there after SIGKILL") }
  }
}
