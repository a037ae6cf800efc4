import Sys

/// What a cgroup has used; nil or empty where the host does not count it.
package struct CgroupStatistics: Equatable, Sendable {
  /// Nanoseconds.
  package struct CPU: Equatable, Sendable {
    package var total: UInt64?
    package var user: UInt64?
    package var kernel: UInt64?
    /// By processor; version 1 only.
    package var perProcessor: [UInt64] = []
    package var periods: UInt64?
    package var throttledPeriods: UInt64?
    package var throttledTime: UInt64?
    package var pressure: Pressure?
    package init() {}
  }
  /// Bytes of one kind of memory. A limit that is none is the largest number there is, as runc reports it.
  package struct Amount: Equatable, Sendable {
    package var usage: UInt64 = 0
    package var peak: UInt64 = 0
    package var limit: UInt64 = 0
    package var failures: UInt64 = 0
    package init() {}
  }
  package struct Memory: Equatable, Sendable {
    package var usage = Amount()
    package var swap: Amount?
    package var kernel: Amount?
    package var kernelTCP: Amount?
    /// memory.stat as it is.
    package var raw: [String: UInt64] = [:]
    package var cache: UInt64?
    package var pressure: Pressure?
    package init() {}
  }
  /// Time that processes waited. Source: psi.rst.
  package struct Pressure: Equatable, Sendable {
    /// Of a line "some avg10=0.00 avg60=0.00 avg300=0.00 total=0": the words as they are.
    package var some: [(name: String, value: String)] = []
    package var full: [(name: String, value: String)] = []
    package init() {}
    package static func == (a: Pressure, b: Pressure) -> Bool {
      a.some.elementsEqual(b.some, by: ==) && a.full.elementsEqual(b.full, by: ==)
    }
  }
  /// One counter of one block device.
  package struct DeviceCount: Equatable, Sendable {
    package var major: UInt64
    package var minor: UInt64
    /// "Read", "Write", "Discard", ...
    package var operation: String
    package var value: UInt64
  }
  package struct BlockIO: Equatable, Sendable {
    package var bytes: [DeviceCount] = []
    package var operations: [DeviceCount] = []
    package var pressure: Pressure?
    package init() {}
  }

  package var cpu = CPU()
  package var memory: Memory?
  package var processes: UInt64?
  /// nil is no limit.
  package var processLimit: UInt64?
  package var blockIO = BlockIO()
  /// By page size: "2MB".
  package var hugePages: [String: Amount] = [:]
  /// Processors and memory nodes, as the kernel lists them.
  package var cpus = ""
  package var mems = ""
  package init() {}
}

extension Cgroup {
  /// - Source: cpuacct.rst, memory.rst, pids.rst (v1); cgroup-v2.rst.
  package func statistics() -> CgroupStatistics {
    var result = CgroupStatistics()
    result.cpu = cpuUse()
    result.memory = memoryUse()
    result.processes = number("pids", "pids.current")
    result.processLimit = number("pids", "pids.max")
    result.blockIO = blockIOUse()
    result.hugePages = hugePageUse()
    let isOne = directory(of: "cpuset")?.version == .one
    result.cpus = line("cpuset", isOne ? "cpuset.cpus" : "cpuset.cpus.effective") ?? ""
    result.mems = line("cpuset", isOne ? "cpuset.mems" : "cpuset.mems.effective") ?? ""
    return result
  }

  /// How many processes the kernel has killed for want of memory; nil where it does not say.
  package func oomKills() -> UInt64? {
    guard let place = directory(of: "memory") else { return nil }
    return table(place, place.version == .one ? "memory.oom_control" : "memory.events")["oom_kill"]
  }

  private func cpuUse() -> CgroupStatistics.CPU {
    var cpu = CgroupStatistics.CPU()
    if let place = unified, isUnified || directory(of: "cpu")?.version == .two {
      let usage = table(place, "cpu.stat")  // microseconds
      cpu.total = usage["usage_usec"].map { $0 * 1000 }
      cpu.user = usage["user_usec"].map { $0 * 1000 }
      cpu.kernel = usage["system_usec"].map { $0 * 1000 }
      cpu.periods = usage["nr_periods"]
      cpu.throttledPeriods = usage["nr_throttled"]
      cpu.throttledTime = usage["throttled_usec"].map { $0 * 1000 }
      cpu.pressure = pressure(place, "cpu.pressure")
      return cpu
    }
    cpu.total = number("cpuacct", "cpuacct.usage")
    cpu.user = number("cpuacct", "cpuacct.usage_user")
    cpu.kernel = number("cpuacct", "cpuacct.usage_sys")
    cpu.perProcessor = (line("cpuacct", "cpuacct.usage_percpu") ?? "").split(separator: " ").compactMap { UInt64($0) }
    if let place = directory(of: "cpu") {
      let usage = table(place, "cpu.stat")
      cpu.periods = usage["nr_periods"]
      cpu.throttledPeriods = usage["nr_throttled"]
      cpu.throttledTime = usage["throttled_time"]
    }
    return cpu
  }

  private func memoryUse() -> CgroupStatistics.Memory? {
    guard let place = directory(of: "memory") else { return nil }
    var memory = CgroupStatistics.Memory()
    memory.raw = table(place, "memory.stat")
    if place.version == .one {
      func amount(_ kind: String) -> CgroupStatistics.Amount? {
        guard let usage = number("memory", "memory.\(kind)usage_in_bytes") else { return nil }
        var amount = CgroupStatistics.Amount()
        amount.usage = usage
        amount.peak = number("memory", "memory.\(kind)max_usage_in_bytes") ?? 0
        amount.limit = number("memory", "memory.\(kind)limit_in_bytes") ?? .max
        amount.failures = number("memory", "memory.\(kind)failcnt") ?? 0
        return amount
      }
      memory.usage = amount("") ?? CgroupStatistics.Amount()
      memory.swap = amount("memsw.")
      memory.kernel = amount("kmem.")
      memory.kernelTCP = amount("kmem.tcp.")
      memory.cache = memory.raw["cache"]
      return memory
    }
    memory.cache = memory.raw["file"]
    memory.usage.usage = number("memory", "memory.current") ?? 0
    memory.usage.peak = number("memory", "memory.peak") ?? 0
    memory.usage.limit = number("memory", "memory.max") ?? .max
    memory.usage.failures = table(place, "memory.events")["max"] ?? 0
    if let usage = number("memory", "memory.swap.current") {
      var swap = CgroupStatistics.Amount()
      swap.usage = usage
      swap.limit = number("memory", "memory.swap.max") ?? .max
      memory.swap = swap
    }
    memory.pressure = pressure(place, "memory.pressure")
    return memory
  }

  // MARK: - Files

  /// A file's first line.
  func line(_ controller: String, _ file: String) -> String? {
    guard let place = directory(of: controller), let text = try? readText("\(place.path)/\(file)") else { return nil }
    return String(text.prefix { $0 != "\n" })
  }
  /// A file with one number; nil for "max".
  func number(_ controller: String, _ file: String) -> UInt64? { line(controller, file).flatMap { UInt64($0) } }
  /// A file of lines "name number".
  func table(_ place: Directory, _ file: String) -> [String: UInt64] {
    guard let text = try? readText("\(place.path)/\(file)") else { return [:] }
    var result: [String: UInt64] = [:]
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      if fields.count == 2, let value = UInt64(fields[1]) { result[String(fields[0])] = value }
    }
    return result
  }
}
