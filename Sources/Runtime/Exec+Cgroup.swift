import CSys
import Cgroups
import Glibc
import Problems
import Sys

extension Exec {
  /// Forks into the container's cgroup, or below it where `--cgroup` says so. Where it takes no process any more, the
  /// process goes where the container's first process is now.
  ///
  /// - Source: cgroup-v2.rst, "No Internal Process Constraint", "Threads"; runc-exec(8), "--cgroup".
  func enteringCgroup(
    _ fork: (borrowing CgroupEntrance) throws(Problem) -> pid_t
  ) throws(Problem) -> pid_t {
    do throws(Problem) {
      return try fork(try record.cgroup.entering(subgroups).entrance())
    } catch {
      if !subgroups.isEmpty {
        if error.code == .invalid { throw error }
        throw Problem(code: error.code, message: "adding pid of a new process to cgroups of \(record.id)", cause: error)
      }
      if error.code == .denied, record.cgroup.unit?.isUser == true { return try attached(try fork(.none)) }
      guard let cause = error.cause as? Errno, cause == .busy || cause == .notFound || cause == .notSupported,
        let cgroup = record.cgroup.following(record.pid)
      else { throw error }
      return try fork(try cgroup.entrance())
    }
  }

  /// The user manager moves the process in where the user may not: from a session that the manager has not made.
  private func attached(_ pid: pid_t) throws(Problem) -> pid_t {
    do throws(Problem) { try record.cgroup.attach(pid) } catch {
      _ = csys_kill(pid, SIGKILL)
      var status: CInt = 0
      _ = csys_wait4(pid, &status, 0)
      throw error
    }
    return pid
  }
}
