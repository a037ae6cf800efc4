import Glibc
import RuntimeSpec

extension Confinement {
  /// The list of system calls. What nobody should ever try ends the process; the rest fails with EPERM, what is newer
  /// with ENOSYS.
  func profile() -> LinuxSeccomp {
    if kind == .nameService { return Self.nameServiceProfile() }
    var profile = LinuxSeccomp(defaultAction: .errno)
    profile.defaultErrnoRet = UInt32(EPERM)
    var names = Self.common
    switch kind {
    case .layerWorker: names += Self.files
    case .registryClient: names += Self.network
    case .nameService: break
    }
    var rules = [
      SeccompRule(names: names, action: .allow),
      SeccompRule(names: Self.attacks, action: .killProcess),
      // Threads yes, processes no; clone3 cannot be looked into, so that glibc falls back to clone.
      Self.rule("clone", SeccompArgument(index: 0, masked: Self.threadFlags, equals: Self.threadFlags)),
      Self.failure("clone3", ENOSYS),
      Self.rule("tgkill", SeccompArgument(index: 0, value: UInt64(getpid()), comparison: .equal)),
      // One's own limits, reading only.
      SeccompRule(
        names: ["prlimit64"], action: .allow,
        args: [
          SeccompArgument(index: 0, value: 0, comparison: .equal),
          SeccompArgument(index: 2, value: 0, comparison: .equal),
        ]),
      Self.rule("prctl", SeccompArgument(index: 0, value: 15, comparison: .equal)),  // PR_SET_NAME
      Self.rule("ioctl", SeccompArgument(index: 1, value: 0x5401, comparison: .equal)),  // TCGETS: isatty
      Self.rule("ioctl", SeccompArgument(index: 1, value: 0x5421, comparison: .equal)),  // FIONBIO
      Self.rule("ioctl", SeccompArgument(index: 1, value: 0x541b, comparison: .equal)),  // FIONREAD
    ]
    switch kind {
    case .layerWorker:
      // No new code: what is executable is mapped already.
      for name in ["mmap", "mprotect"] {
        rules.append(Self.rule(name, SeccompArgument(index: 2, masked: 4, equals: 0)))  // PROT_EXEC
      }
    case .registryClient:
      rules.append(SeccompRule(names: ["mmap", "mprotect"], action: .allow))  // name services load libraries
      for family in [UInt64(AF_UNIX), UInt64(AF_INET), UInt64(AF_INET6), UInt64(AF_NETLINK)] {
        rules.append(Self.rule("socket", SeccompArgument(index: 0, value: family, comparison: .equal)))
      }
    case .nameService: break
    }
    profile.syscalls = rules
    return profile
  }

  /// `CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD`: a thread of this process.
  private static let threadFlags: UInt64 = 0x0001_0f00

  static func rule(_ name: String, _ argument: SeccompArgument) -> SeccompRule {
    SeccompRule(names: [name], action: .allow, args: [argument])
  }
  private static func failure(_ name: String, _ errno: CInt) -> SeccompRule {
    var rule = SeccompRule(names: [name], action: .errno)
    rule.errnoRet = UInt32(errno)
    return rule
  }

  /// Memory, threads, signals, time, and descriptors that are there.
  private static let common = [
    "brk", "clock_getres", "clock_gettime", "clock_nanosleep", "close", "close_range", "dup", "dup2", "dup3",
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_pwait2", "epoll_wait", "eventfd2", "exit",
    "exit_group",
    "fadvise64", "fcntl", "fstat", "fstatfs", "ftruncate", "futex", "futex_waitv", "getcpu", "getdents64", "getegid",
    "geteuid", "getgid", "getpid", "getppid", "getrandom", "getrlimit", "getrusage", "gettid", "gettimeofday", "getuid",
    "lseek", "madvise", "membarrier", "mincore", "mlock", "mremap", "munlock", "munmap", "nanosleep", "newfstatat",
    "open", "openat", "openat2", "pipe", "pipe2", "poll", "ppoll", "pread64", "preadv", "preadv2", "pselect6",
    "pwrite64", "pwritev", "pwritev2", "read", "readlink", "readlinkat", "readv", "restart_syscall", "rseq",
    "rt_sigaction", "rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
    "sched_get_priority_max", "sched_get_priority_min", "sched_getaffinity", "sched_getparam", "sched_getscheduler",
    "sched_yield", "select", "sendfile", "set_robust_list", "set_tid_address", "sigaltstack", "splice", "stat", "lstat",
    "access", "faccessat", "faccessat2", "statx", "sysinfo", "tee", "time", "times", "uname", "wait4", "waitid",
    "write", "writev", "getcwd",
  ]

  /// Making and changing files.
  private static let files = [
    "chdir", "copy_file_range", "fallocate", "fchdir", "fchmod", "fchmodat", "fchmodat2", "fchown", "fchownat",
    "fdatasync", "fgetxattr", "flistxattr", "flock", "fremovexattr", "fsetxattr", "fsync", "getxattr", "lchown",
    "lgetxattr", "linkat", "listxattr", "llistxattr", "lremovexattr", "lsetxattr", "memfd_create", "mkdirat", "mknodat",
    "renameat", "renameat2", "setxattr", "statfs", "symlinkat", "sync_file_range", "syncfs", "umask", "unlinkat",
    "utimensat",
  ]

  /// Clients: no listening, no accepting.
  private static let network = [
    "bind", "connect", "fsync", "fdatasync", "getpeername", "getsockname", "getsockopt", "memfd_create", "recvfrom",
    "recvmmsg", "recvmsg", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown", "socketpair", "statfs",
    "timerfd_create", "timerfd_gettime", "timerfd_settime",
  ]

  /// No path of these programs leads here.
  static let attacks = [
    "acct", "add_key", "bpf", "chroot", "delete_module", "execve", "execveat", "finit_module", "fork", "fsconfig",
    "fsmount", "fsopen", "init_module", "io_uring_setup", "ioperm", "iopl", "kcmp", "kexec_file_load", "kexec_load",
    "keyctl", "mount", "mount_setattr", "move_mount", "open_by_handle_at", "open_tree", "perf_event_open",
    "personality", "pivot_root", "process_vm_readv", "process_vm_writev", "ptrace", "reboot", "request_key",
    "setdomainname", "setgid", "setgroups", "sethostname", "setns", "setregid", "setresgid", "setresuid", "setreuid",
    "setuid", "swapoff", "swapon", "umount2", "unshare", "userfaultfd", "vfork",
  ]
}

extension SeccompArgument {
  init(index: UInt32, masked mask: UInt64, equals value: UInt64) {
    self.init(index: index, value: mask, comparison: .maskedEqual)
    valueTwo = value
  }
}
extension SeccompRule {
  init(names: [String], action: SeccompAction, args: [SeccompArgument]) {
    self.init(names: names, action: action)
    self.args = args
  }
}
