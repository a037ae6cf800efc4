import Problems
import RuntimeSpec

extension SpecBuilder {
  /// Limits, and what devices may be used. Source: capability line PD-161.
  func resources() throws(Problem) -> Resources {
    var resources = Resources()
    guard machine.hasCgroups else {
      if let flag = limitFlags.first {
        throw Problem(
          code: .unsupported, message: "\(flag) needs a cgroup, and an ordinary user has none here",
          hint: "leave it out, or run berth as root")
      }
      return resources
    }
    resources.devices = deviceRules
    resources.memory = try memory()
    resources.cpu = cpu
    let pids = options.pidsLimit ?? ContainerConfig.Default.pidsLimit
    if pids > 0 {
      var limit = PidsLimit()
      limit.limit = pids
      resources.pids = limit
    }
    if let weight = options.blockIOWeight {
      var blockIO = BlockIO()
      blockIO.weight = weight
      resources.blockIO = blockIO
    }
    return resources
  }

  /// The given flags that a cgroup would carry out.
  private var limitFlags: [String] {
    [
      ("--memory", options.memoryBytes != nil), ("--memory-reservation", options.memoryReservationBytes != nil),
      ("--memory-swap", options.memorySwapBytes != nil), ("--memory-swappiness", options.memorySwappiness != nil),
      ("--oom-kill-disable", options.oomKillDisable), ("--cpus", options.nanoCPUs != nil),
      ("--cpu-shares", options.cpuShares != nil), ("--cpu-quota", options.cpuQuotaMicroseconds != nil),
      ("--cpu-period", options.cpuPeriodMicroseconds != nil), ("--cpuset-cpus", options.cpusetCPUs != nil),
      ("--cpuset-mems", options.cpusetMemories != nil), ("--pids-limit", (options.pidsLimit ?? 0) > 0),
      ("--blkio-weight", options.blockIOWeight != nil), ("--device-cgroup-rule", !options.deviceCgroupRules.isEmpty),
      ("--cgroup-parent", options.cgroupParent != nil),
    ].filter(\.1).map(\.0)
  }

  private var deviceRules: [DeviceRule] {
    if options.privileged {
      var all = DeviceRule(allow: true)
      all.access = "rwm"
      return [all]
    }
    var none = DeviceRule(allow: false)
    none.access = "rwm"
    var rules = [none]
    for device in facts.devices {
      var rule = DeviceRule(allow: true)
      rule.type = device.type
      rule.major = device.major
      rule.minor = device.minor
      rule.access = device.access
      rules.append(rule)
    }
    return rules + options.deviceCgroupRules.compactMap(Self.rule)
  }
  /// "c 10:200 rwm", "b 8:* r".
  static func rule(_ text: String) -> DeviceRule? {
    let parts = text.split(separator: " ")
    guard parts.count == 3, ["a", "b", "c"].contains(parts[0]), parts[2].allSatisfy({ "rwm".contains($0) }) else {
      return nil
    }
    let numbers = parts[1].split(separator: ":", omittingEmptySubsequences: false)
    guard numbers.count == 2, numbers.allSatisfy({ $0 == "*" || Int64($0) != nil }) else { return nil }
    var rule = DeviceRule(allow: true)
    rule.type = String(parts[0])
    rule.major = Int64(numbers[0])
    rule.minor = Int64(numbers[1])
    rule.access = String(parts[2])
    return rule
  }

  private func memory() throws(Problem) -> MemoryLimits? {
    var memory = MemoryLimits()
    memory.limit = options.memoryBytes
    memory.reservation = options.memoryReservationBytes
    memory.swappiness = options.memorySwappiness
    if options.oomKillDisable { memory.disableOOMKiller = true }
    if let swap = options.memorySwapBytes {
      guard machine.countsSwap else {
        throw Problem(
          code: .unsupported, message: "--memory-swap: this kernel does not count swap",
          hint: "boot it with swapaccount=1, or leave the flag out")
      }
      memory.swap = swap
    } else if let limit = options.memoryBytes, limit > 0, machine.countsSwap {
      memory.swap = limit > Int64.max / 2 ? -1 : limit * 2  // Source: podman-run(1), "--memory-swap"
    }
    return memory == MemoryLimits() ? nil : memory
  }

  private var cpu: CPULimits? {
    var cpu = CPULimits()
    cpu.shares = options.cpuShares
    cpu.quota = options.cpuQuotaMicroseconds
    cpu.period = options.cpuPeriodMicroseconds
    if let nano = options.nanoCPUs {
      cpu.period = Self.cpuPeriodMicroseconds
      cpu.quota = max(1000, nano / 1000 * Int64(Self.cpuPeriodMicroseconds) / 1_000_000)
    }
    cpu.cpus = options.cpusetCPUs
    cpu.mems = options.cpusetMemories
    return cpu == CPULimits() ? nil : cpu
  }
  /// Source: the kernel's default, sched-bwc.
  private static let cpuPeriodMicroseconds: UInt64 = 100_000
}
