import CSys
import Glibc
import Sys
import TestKit

/// One system call that fails: the `position`-th of its name in each process, with a plausible error.
struct Fault: Hashable, CustomStringConvertible {
  let call: String
  let position: Int
  let followsChildren: Bool

  var error: String { Self.errors[call] ?? "EIO" }
  var description: String { "\(call):\(error):\(position)\(followsChildren ? " in every process" : "")" }

  private static let errors = [
    "openat": "EMFILE", "openat2": "EMFILE", "open_tree": "ENOMEM", "mkdirat": "ENOSPC", "write": "ENOSPC",
    "clone3": "EAGAIN", "socket": "EMFILE", "socketpair": "EMFILE", "bind": "ENOSPC", "connect": "ECONNREFUSED",
    "accept4": "EMFILE", "sendmsg": "ENOBUFS", "recvmsg": "ENOMEM", "mount": "ENOMEM", "move_mount": "EINVAL",
    "fsopen": "ENOMEM", "fsmount": "ENOMEM", "fsconfig": "ENOMEM", "mount_setattr": "EPERM", "pivot_root": "EBUSY",
    "umount2": "EBUSY", "renameat2": "ENOSPC", "symlinkat": "ENOSPC", "mknodat": "ENOSPC", "execve": "ENOMEM",
    "execveat": "ENOMEM", "dup3": "EMFILE", "fcntl": "EMFILE", "prctl": "EPERM", "capset": "EPERM",
    "setresuid": "EAGAIN", "setresgid": "EPERM", "setgroups": "ENOMEM", "setsid": "EPERM", "unshare": "ENOSPC",
    "setns": "EPERM", "keyctl": "EDQUOT", "kill": "EPERM", "wait4": "ECHILD", "poll": "ENOMEM", "chdir": "EACCES",
    "pidfd_open": "EMFILE", "pidfd_send_signal": "EPERM", "listen": "EADDRINUSE", "seccomp": "ENOMEM",
    "sethostname": "EPERM", "close_range": "EINVAL", "memfd_create": "EMFILE",
  ]
  /// Memory, signals, time, clean-up and what Swift's own start calls (readlink): their failure is a crash of any
  /// program, or nobody's business.
  private static let ignored: Set<String> = [
    "mmap", "munmap", "brk", "mprotect", "madvise", "mremap", "exit_group", "exit", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "arch_prctl", "set_tid_address", "set_robust_list", "rseq", "futex", "getrandom", "close", "gettid",
    "getpid", "getppid", "readlink", "geteuid", "getuid", "getegid", "getcwd", "clock_gettime", "umask",
    "restart_syscall",
  ]

  /// Every fault that a run of the command offers, off its trace.
  static func all(inTrace text: String) -> [Fault] {
    var counts: [Substring: [Substring: Int]] = [:]
    var first: Substring?
    for line in text.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
      guard words.count == 2, let open = words[1].firstIndex(of: "(") else { continue }
      let call = words[1][..<open].drop { $0 == " " }
      guard call.allSatisfy({ $0.isLetter || $0.isNumber || $0 == "_" }), !ignored.contains(String(call)) else {
        continue
      }
      first = first ?? words[0]
      counts[call, default: [:]][words[0], default: 0] += 1
    }
    var result: [Fault] = []
    for (call, byProcess) in counts.sorted(by: { $0.key < $1.key }) {
      let begin = call == "execve" ? 2 : 1  // the first executes the runtime itself
      let own = first.flatMap { byProcess[$0] } ?? 0
      for position in begin..<max(begin, (byProcess.values.max() ?? 0) + 1) {
        if position <= own { result.append(Fault(call: String(call), position: position, followsChildren: false)) }
        result.append(Fault(call: String(call), position: position, followsChildren: true))
      }
    }
    return result
  }
}

extension RuntimeBundle {
  /// Runs berth-runtime under strace. The tracer is no parent of it: a container that stays keeps it until it ends.
  func traced(_ options: [String], _ arguments: [String]) throws -> Outcome {
    let command = ["strace", "-D"] + options + [Installed.runtime, "--root", state] + arguments
    return try TestKit.run(command, seconds: 60)
  }

  /// What a failed command may not leave. The last process of a cgroup may be on its way out: it gets a moment.
  func remains(_ id: String) -> [String] {
    func now() -> [String] {
      ((try? entries(ofPath: state)) ?? []).map { "state of \($0.name)" } + cgroups(id)
        + mountPoints(below: scratch).map { "mount \($0)" }
    }
    for _ in 0..<50 where !now().isEmpty { usleep(20_000) }
    return now()
  }
}
