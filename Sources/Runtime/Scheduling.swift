import CSys
import Glibc
import RuntimeSpec
import Sys

/// How the process competes for processors and disks.
enum Scheduling {
  /// ioprio_set(2): the number is a process.
  private static let whoProcess: CInt = 1

  /// Source: sched(7), linux/sched.h.
  private static let policies: [String: UInt32] = [
    "SCHED_OTHER": 0, "SCHED_FIFO": 1, "SCHED_RR": 2, "SCHED_BATCH": 3, "SCHED_ISO": 4, "SCHED_IDLE": 5,
    "SCHED_DEADLINE": 6,
  ]
  private static let deadlinePolicy: UInt32 = 6
  private static let flags: [String: UInt64] = [
    "SCHED_FLAG_RESET_ON_FORK": 1, "SCHED_FLAG_RECLAIM": 2, "SCHED_FLAG_DL_OVERRUN": 4, "SCHED_FLAG_KEEP_POLICY": 8,
    "SCHED_FLAG_KEEP_PARAMS": 0x10, "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20, "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
  ]
  private static let classes: [String: CInt] = ["IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3]

  /// - Parameter processors: those that the container's cpuset allows.
  static func apply(_ process: Process, processors: String?) throws(StepFailure) {
    if let wanted = process.scheduler {
      guard let policy = policies[wanted.policy] else {
        throw StepFailure(.invalid, Errno(rawValue: 0), "unknown scheduler policy \"\(wanted.policy)\"")
      }
      var attributes = csys_sched_attr()
      attributes.size = UInt32(MemoryLayout<csys_sched_attr>.size)
      attributes.policy = policy
      for name in wanted.flags ?? [] {
        guard let flag = flags[name] else {
          throw StepFailure(.invalid, Errno(rawValue: 0), "unknown scheduler flag \"\(name)\"")
        }
        attributes.flags |= flag
      }
      attributes.nice = wanted.nice ?? 0
      attributes.priority = UInt32(clamping: wanted.priority ?? 0)
      attributes.runtime = wanted.runtime ?? 0
      attributes.deadline = wanted.deadline ?? 0
      attributes.period = wanted.period ?? 0
      var name = "scheduler \(wanted.policy)"
      if policy == deadlinePolicy, let processors, !processors.isEmpty {
        name += " (this process scheduler can't be used together with AllowedCPUs \(processors))"
      }
      try during(.scheduling, name) { () throws(Errno) in
        try check(csys_sched_setattr(0, &attributes))
      }
    }
    if let wanted = process.ioPriority {
      guard let number = classes[wanted.priorityClass] else {
        throw StepFailure(.invalid, Errno(rawValue: 0), "unknown I/O priority class \"\(wanted.priorityClass)\"")
      }
      try during(.scheduling, "I/O priority \(wanted.priorityClass)") { () throws(Errno) in
        try check(csys_ioprio_set(Self.whoProcess, 0, number << 13 | CInt(clamping: wanted.priority)))
      }
    }
  }

  /// - Parameter list: such as "0-3,7"; nil changes nothing.
  /// - Returns: the mask that was set.
  static func setAffinity(_ list: String?) throws(StepFailure) -> [UInt64]? {
    guard let list, !list.isEmpty else { return nil }
    guard let mask = mask(list) else {
      throw StepFailure(.invalid, Errno(rawValue: 0), "execCPUAffinity \"\(list)\" is no list of processors")
    }
    try during(.scheduling, "CPU affinity \(list)") { () throws(Errno) in
      try check(csys_sched_setaffinity(0, mask.count * 8, mask))
    }
    return mask
  }

  /// All processors that the cgroup has: a runtime that was started on fewer does not hand that on. The kernel keeps
  /// the cpuset's ones; where it refuses, the process stays where the runtime was.
  static func resetAffinity() {
    let all: (UInt64, UInt64, UInt64, UInt64) = (.max, .max, .max, .max)
    _ = withUnsafeBytes(of: all) { csys_sched_setaffinity(0, $0.count, $0.baseAddress) }
  }

  static func mask(_ list: String) -> [UInt64]? {
    var mask = [UInt64](repeating: 0, count: 128)  // 8192 processors, the kernel's limit
    for part in list.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0.filter { $0 != " " }) }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last, first >= 0,
        last < mask.count * 64
      else { return nil }
      for number in first...last { mask[number / 64] |= 1 << UInt64(number % 64) }
    }
    return mask
  }
}
