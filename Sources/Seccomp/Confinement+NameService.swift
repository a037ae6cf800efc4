import Glibc
import RuntimeSpec

extension Confinement {
  /// What the name service reads after it is shut in, besides its own directory: who the host's servers are.
  package static let resolverPaths = [
    "/etc", "/run/systemd/resolve", "/run/NetworkManager", "/run/resolvconf",
  ]

  /// Sockets of the internet, files that are read, memory, time; no processes, no threads, no changes to files.
  static let nameServiceCalls = [
    "accept4", "bind", "brk", "clock_gettime", "close", "connect", "epoll_ctl", "epoll_pwait", "epoll_wait", "exit",
    "exit_group", "fcntl", "flock", "fstat", "ftruncate", "futex", "getdents64", "getpid", "getrandom", "getsockname",
    "getsockopt", "gettid", "listen", "lseek", "madvise", "mremap", "munmap", "newfstatat", "openat", "open", "read",
    "recvfrom", "recvmmsg", "recvmsg", "restart_syscall", "rt_sigprocmask", "rt_sigreturn", "sendmmsg", "sendmsg",
    "sendto", "setsockopt", "write",
  ]

  static func nameServiceProfile() -> LinuxSeccomp {
    var profile = LinuxSeccomp(defaultAction: .errno)
    profile.defaultErrnoRet = UInt32(EPERM)
    profile.syscalls =
      [
        SeccompRule(names: nameServiceCalls, action: .allow), SeccompRule(names: attacks, action: .killProcess),
      ] + internetSockets
      // No new code: what is executable is mapped already.
      + ["mmap", "mprotect"].map { rule($0, SeccompArgument(index: 2, masked: 4, equals: 0)) }
    return profile
  }

  /// TCP and UDP over IPv4 and IPv6; nothing raw, nothing local.
  static let internetSockets: [SeccompRule] = [UInt64(AF_INET), UInt64(AF_INET6)].flatMap { family in
    [UInt64(SOCK_STREAM.rawValue), UInt64(SOCK_DGRAM.rawValue)].map { type in
      SeccompRule(
        names: ["socket"], action: .allow,
        args: [
          SeccompArgument(index: 0, value: family, comparison: .equal),
          SeccompArgument(index: 1, masked: 0xf, equals: type),
          SeccompArgument(index: 2, value: 0, comparison: .equal),
        ])
    }
  }
}
