import Problems
import Rootless
import RuntimeSpec

extension SpecBuilder {
  /// Limits, and what devices may be used. Source: capability line PD-161.
  func resources() throws(Problem) -> Resources {
    var resources = Resources()
    if machine.userNamespace.isInitial { resources.devices = deviceRules } else { try checkDelegation() }
    guard machine.hasCgroups else { return resources }
    resources.memory = try memory()
    resources.cpu = cpu
    let pids = options.pidsLimit ?? ContainerConfig.Default.pidsLimit
    if pids > 0, machine.delegation?.controllers.contains("pids") != false {
      var limit = PidsLimit()
      limit.limit = pids
      resources.pids = limit
    }
    if options.blockIOWeight != nil || !facts.rates.isEmpty { resources.blockIO = blockIO }
    return resources
  }

  private var blockIO: BlockIO {
    var result = BlockIO()
    result.weight = options.blockIOWeight
    func throttles(_ kind: DeviceRate.Kind) -> [ThrottleDevice]? {
      let rates = facts.rates.filter { $0.kind == kind }
      return rates.isEmpty ? nil : rates.map { ThrottleDevice(major: $0.major, minor: $0.minor, rate: $0.rate) }
    }
    result.throttleReadBpsDevice = throttles(.readBytes)
    result.throttleWriteBpsDevice = throttles(.writeBytes)
    result.throttleReadIOPSDevice = throttles(.readOperations)
    result.throttleWriteIOPSDevice = throttles(.writeOperations)
    let weights = facts.rates.filter { $0.kind == .weight }.map { found in
      var device = WeightDevice(major: found.major, minor: found.minor)
      device.weight = UInt16(clamping: found.rate)
      return device
    }
    result.weightDevice = weights.isEmpty ? nil : weights
    return result
  }

  /// Where the container's cgroup is made: a path, or a unit of systemd's.
  var cgroupsPath: String {
    if machine.delegation?.driver == .systemd { return "\(options.cgroupParent ?? "user.slice"):berth:\(facts.id)" }
    return options.cgroupPath(id: facts.id)
  }

  /// Refuses what an ordinary user was not given.
  private func checkDelegation() throws(Problem) {
    if !options.deviceCgroupRules.isEmpty {
      throw Problem(
        code: .unsupported, message: "--device-cgroup-rule: an ordinary user may not rule over devices",
        hint: "leave it out, or run berth as root")
    }
    for (flag, controller) in limitFlags {
      guard let delegation = machine.delegation else {
        throw Problem(
          code: .unsupported, message: "\(flag) needs a cgroup, and an ordinary user has none here",
          hint: machine.isCgroup2
            ? "log in with a systemd session (loginctl enable-linger keeps one), or: systemd-run --user --scope "
              + "-p Delegate=yes berth …"
            : "it takes cgroup v2 (boot with systemd.unified_cgroup_hierarchy=1), or run berth as root")
      }
      if let controller, !delegation.controllers.contains(controller) {
        throw Problem(
          code: .unsupported,
          message: "\(flag) needs the cgroup controller \(controller), which is not delegated to you",
          hint: "an administrator can: systemctl edit user@.service, [Service] Delegate=cpu cpuset io memory pids")
      }
    }
  }

  /// The given flags that a cgroup would carry out, and what of it does.
  private var limitFlags: [(flag: String, controller: String?)] {
    let flags: [(String, Bool, String?)] = [
      ("--memory", options.memoryBytes != nil, "memory"),
      ("--memory-reservation", options.memoryReservationBytes != nil, "memory"),
      ("--memory-swap", options.memorySwapBytes != nil, "memory"),
      ("--memory-swappiness", options.memorySwappiness != nil, "memory"),
      ("--oom-kill-disable", options.oomKillDisable, "memory"), ("--cpus", options.nanoCPUs != nil, "cpu"),
      ("--cpu-shares", options.cpuShares != nil, "cpu"),
      ("--cpu-quota", options.cpuQuotaMicroseconds != nil, "cpu"),
      ("--cpu-period", options.cpuPeriodMicroseconds != nil, "cpu"),
      ("--cpuset-cpus", options.cpusetCPUs != nil, "cpuset"),
      ("--cpuset-mems", options.cpusetMemories != nil, "cpuset"),
      ("--pids-limit", (options.pidsLimit ?? 0) > 0, "pids"),
      ("--blkio-weight", options.blockIOWeight != nil, "io"), ("--cgroup-parent", options.cgroupParent != nil, nil),
    ]
    return flags.filter(\.1).map { ($0.0, $0.2) } + options.deviceRates.map { ("--\($0.kind.rawValue)", "io") }
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
