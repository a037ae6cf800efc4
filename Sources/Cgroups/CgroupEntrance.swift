package import CSys
import Glibc
package import Problems
package import Sys

/// The open doors of a cgroup: made by the parent with its rights, used by the child that goes in.
///
/// Why the child must enter by itself: moving another process (`cgroup.procs`) takes a lock that waits 5 to 15 ms for
/// a grace period of the kernel; a process with one thread that writes "0" to version 1's `tasks` moves itself without
/// that lock (0.02 ms a hierarchy, Linux 5.7+). Version 2 has clone3(2)'s `CLONE_INTO_CGROUP`.
package struct CgroupEntrance: ~Copyable {
  /// The doors of version 1, to hand over to a child that was there before them.
  package let tasks: [CInt]
  /// The process that opened the doors closes them; the child has closed its copies when it is in.
  private let opener: pid_t
  private let unified: CInt

  fileprivate init(tasks: [CInt], unified: CInt) {
    self.tasks = tasks
    self.unified = unified
    opener = getpid()
  }
  /// In the child: doors that the parent has sent.
  package init(received tasks: [CInt]) {
    self.tasks = tasks
    unified = -1
    opener = 0
  }
  deinit {
    if getpid() == opener { close() }
  }
  private borrowing func close() {
    for descriptor in tasks { _ = csys_close(descriptor) }
    if unified >= 0 { _ = csys_close(unified) }
  }

  /// The directory for `CLONE_INTO_CGROUP` (`csys_fork_into`), or -1 where there is no version 2.
  package var cloneTarget: CInt { unified }

  /// Moves the calling process, which must have one thread, into every hierarchy of version 1.
  /// Call it in the child, before it enters a cgroup namespace; the descriptors work in any mount and user namespace.
  /// The child's copies are closed: a container that waits for its start shows them in /proc/1/fd.
  package borrowing func enter() throws(Errno) {
    var zero = UInt8(ascii: "0")
    for descriptor in tasks { try check(csys_write(descriptor, &zero, 1)) }
    if getpid() != opener { close() }
  }
}

extension CgroupEntrance {
  /// No door: the process stays where its creator is.
  package static var none: CgroupEntrance { CgroupEntrance(tasks: [], unified: -1) }
}

extension Cgroup {
  /// Opens the doors, or only those of one version. The descriptors are close-on-exec.
  package func entrance(_ version: CgroupLayout.Version? = nil) throws(Problem) -> CgroupEntrance {
    var tasks: [CInt] = []
    var unified: CInt = -1
    for directory in directories where version == nil || directory.version == version {
      let isTwo = directory.version == .two
      let descriptor =
        isTwo
        ? csys_open(directory.path, O_PATH_ | O_DIRECTORY, 0) : csys_open(directory.path + "/tasks", O_WRONLY, 0)
      if descriptor < 0 {
        _ = CgroupEntrance(tasks: tasks, unified: unified)  // closes them
        let cause = Errno(rawValue: -descriptor)
        throw Problem(code: Problem.Code(cause), message: "open cgroup \(directory.path)", cause: cause)
      }
      if isTwo { unified = descriptor } else { tasks.append(descriptor) }
    }
    return CgroupEntrance(tasks: tasks, unified: unified)
  }

  /// Moves another process in. Slow in version 1 (see `CgroupEntrance`): for processes that cannot do it themselves.
  package func join(_ pid: pid_t) throws(Problem) {
    let text = Array(String(pid).utf8)
    for directory in directories {
      try doing("move process \(pid) into cgroup \(directory.path)") { () throws(Errno) in
        try Self.write(text, to: directory.path + "/cgroup.procs")
      }
    }
  }

  /// Moves another process into the version 2 hierarchy only, where clone3 could not.
  package func joinUnified(_ pid: pid_t) throws(Problem) {
    guard let unified else { return }
    try doing("move process \(pid) into cgroup \(unified.path)") { () throws(Errno) in
      try Self.write(Array(String(pid).utf8), to: unified.path + "/cgroup.procs")
    }
  }
}
