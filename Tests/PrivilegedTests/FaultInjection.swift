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

  /// Every fault that a run of the command offers, off its trace made with `-f`.
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

/// One system call at whose beginning a command is killed: the `position`-th of its name.
struct KillPoint: Hashable, CustomStringConvertible {
  let call: String
  let position: Int
  var description: String { "killed at \(call) \(position)" }

  /// What others see: the database, files, mounts, links, programs.
  private static let changing: Set<Substring> = [
    "clone", "clone3", "fchownat", "fdatasync", "flock", "fsconfig", "fsmount", "fsopen", "fsync", "linkat", "mkdirat",
    "mknodat", "mount", "mount_setattr", "move_mount", "open_tree", "pwrite64", "renameat2", "sendmsg", "sendto",
    "setns", "symlinkat", "umount2", "unlinkat", "unshare", "vfork", "wait4", "write",
  ]
  /// Those of a trace without `-f`: what other programs do goes on.
  static func all(inTrace text: String) -> [KillPoint] {
    var counts: [Substring: Int] = [:]
    return text.split(separator: "\n").compactMap { line in
      let call = line.prefix { $0 != "(" }
      counts[call, default: 0] += 1
      guard changing.contains(call) || line.contains("O_CREAT") else { return nil }
      return KillPoint(call: String(call), position: counts[call] ?? 0)
    }
  }

  /// - Parameter errors: calls that fail besides.
  func options(_ errors: [String: String] = [:]) -> [String] {
    let others = errors.filter { $0.key != call }.sorted { $0.key < $1.key }
    return ["-o", "/dev/null", "-e", "trace=" + ([call] + others.map(\.key)).joined(separator: ",")]
      + others.flatMap { ["-e", "inject=\($0.key):error=\($0.value)"] }
      + ["-e", "inject=\(call):signal=KILL:when=\(position)"]
  }
}

/// Visits as many elements of a list as the time allows, spread over all; everything with BERTH_ENDURANCE=1.
/// - Returns: how many.
func spread<T>(_ list: [T], seconds: Int, _ body: (T) throws -> Void) rethrows -> Int {
  func now() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec
  }
  let isEverything = environmentVariable("BERTH_ENDURANCE") == "1"
  // A stride that meets no short period of the list visits all of it in the end, and any part of it evenly.
  let stride = list.count % 97 == 0 ? 101 : 97
  let start = now()
  var done = 0
  for number in list.indices where isEverything || now() - start < seconds {
    try body(list[number * stride % list.count])
    done += 1
  }
  return done
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
