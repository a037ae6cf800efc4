import CSys
import Glibc
import Problems
import RuntimeSpec
import Sys

/// Resource limits and the like that the parent sets on the container's process: it has the privilege.
enum ProcessLimits {
  /// Source: setrlimit(2), asm-generic/resource.h.
  private static let names = [
    "RLIMIT_CPU", "RLIMIT_FSIZE", "RLIMIT_DATA", "RLIMIT_STACK", "RLIMIT_CORE", "RLIMIT_RSS", "RLIMIT_NPROC",
    "RLIMIT_NOFILE", "RLIMIT_MEMLOCK", "RLIMIT_AS", "RLIMIT_LOCKS", "RLIMIT_SIGPENDING", "RLIMIT_MSGQUEUE",
    "RLIMIT_NICE", "RLIMIT_RTPRIO", "RLIMIT_RTTIME",
  ]
  static func resource(_ name: String) -> CInt? { names.firstIndex(of: name).map { CInt($0) } }

  static func set(_ limits: [Rlimit], of pid: pid_t) throws(Problem) {
    for limit in limits {
      guard let resource = resource(limit.type) else {
        throw Problem(code: .invalid, message: "unknown resource limit \"\(limit.type)\"")
      }
      try doing("set \(limit.type) to \(limit.soft):\(limit.hard)", hint: hint(resource)) { () throws(Errno) in
        var value = csys_rlimit(soft: limit.soft, hard: limit.hard)
        try check(csys_prlimit(pid, resource, &value, nil))
      }
    }
  }

  private static func hint(_ resource: CInt) -> String {
    var now = csys_rlimit()
    let most = csys_prlimit(0, resource, nil, &now) == 0 ? "at most \(now.hard)" : "less"
    return "ask for \(most): more needs CAP_SYS_RESOURCE here, and for RLIMIT_NOFILE a larger sysctl fs.nr_open"
  }

  /// Sets the calling process's own limits.
  /// - Returns: false where the privilege is missing (in a user namespace): the parent may have it.
  static func setOwn(_ limits: [Rlimit]) throws(StepFailure) -> Bool {
    for limit in limits {
      var value = csys_rlimit(soft: limit.soft, hard: limit.hard)
      let result = csys_prlimit(0, resource(limit.type) ?? -1, &value, nil)
      if result == -EPERM { return false }
      if result < 0 {
        throw StepFailure(.limits, Errno(rawValue: -result), "\(limit.type) to \(limit.soft):\(limit.hard)")
      }
    }
    return true
  }

  static func setOutOfMemoryScore(_ score: Int, of pid: pid_t) throws(Problem) {
    try doing("set oom_score_adj to \(score)") { () throws(Errno) in
      try writeAll(try open("/proc/\(pid)/oom_score_adj", O_WRONLY), "\(score)")
    }
  }
}
