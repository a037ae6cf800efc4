import Sys

/// What a cgroup has used; nil where the host does not count it.
package struct CgroupStatistics: Equatable, Sendable {
  package var cpuNanoseconds: UInt64?
  package var cpuUserNanoseconds: UInt64?
  package var cpuSystemNanoseconds: UInt64?
  package var throttledPeriods: UInt64?
  package var memoryBytes: UInt64?
  package var memoryPeakBytes: UInt64?
  /// nil is no limit.
  package var memoryLimitBytes: UInt64?
  /// File pages that can be dropped at once: engines take them off `memoryBytes`.
  package var memoryInactiveFileBytes: UInt64?
  package var processes: UInt64?
  package var processLimit: UInt64?
  package var oomKills: UInt64?
  package init() {}
}

extension Cgroup {
  /// - Source: cpuacct.rst, memory.rst, pids.rst (v1); cgroup-v2.rst.
  package func statistics() -> CgroupStatistics {
    var result = CgroupStatistics()
    readCPU(&result)
    readMemory(&result)
    result.processes = number("pids", "pids.current")
    result.processLimit = number("pids", "pids.max")
    result.oomKills = oomKills()
    return result
  }

  /// How many processes the kernel has killed for want of memory; nil where it does not say.
  package func oomKills() -> UInt64? {
    guard let place = directory(of: "memory") else { return nil }
    return place.version == .one
      ? table(place, "memory.oom_control")["oom_kill"] : table(place, "memory.events")["oom_kill"]
  }

  private func readCPU(_ result: inout CgroupStatistics) {
    if let place = unified, isUnified || directory(of: "cpu")?.version == .two {
      let usage = table(place, "cpu.stat")  // microseconds
      result.cpuNanoseconds = usage["usage_usec"].map { $0 * 1000 }
      result.cpuUserNanoseconds = usage["user_usec"].map { $0 * 1000 }
      result.cpuSystemNanoseconds = usage["system_usec"].map { $0 * 1000 }
      result.throttledPeriods = usage["nr_throttled"]
      return
    }
    result.cpuNanoseconds = number("cpuacct", "cpuacct.usage")
    result.cpuUserNanoseconds = number("cpuacct", "cpuacct.usage_user")
    result.cpuSystemNanoseconds = number("cpuacct", "cpuacct.usage_sys")
    if let place = directory(of: "cpu") { result.throttledPeriods = table(place, "cpu.stat")["nr_throttled"] }
  }
  private func readMemory(_ result: inout CgroupStatistics) {
    guard let place = directory(of: "memory") else { return }
    let isOne = place.version == .one
    result.memoryBytes = number("memory", isOne ? "memory.usage_in_bytes" : "memory.current")
    result.memoryPeakBytes = number("memory", isOne ? "memory.max_usage_in_bytes" : "memory.peak")
    result.memoryInactiveFileBytes = table(place, "memory.stat")[isOne ? "total_inactive_file" : "inactive_file"]
    let limit = number("memory", isOne ? "memory.limit_in_bytes" : "memory.max")
    result.memoryLimitBytes = limit.flatMap { $0 >= 0x7fff_ffff_ffff_0000 ? nil : $0 }
  }

  /// A file with one number; nil for "max".
  private func number(_ controller: String, _ file: String) -> UInt64? {
    guard let place = directory(of: controller), let text = try? readText("\(place.path)/\(file)") else { return nil }
    return UInt64(text.prefix { $0 != "\n" })
  }
  /// A file of lines "name number".
  private func table(_ place: Directory, _ file: String) -> [String: UInt64] {
    guard let text = try? readText("\(place.path)/\(file)") else { return [:] }
    var result: [String: UInt64] = [:]
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      if fields.count == 2, let value = UInt64(fields[1]) { result[String(fields[0])] = value }
    }
    return result
  }
}
