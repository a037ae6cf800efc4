import Glibc
import Problems
import RuntimeSpec

extension ResourcePlan {
  /// - Source: sched-bwc.rst, cpusets.rst (v1); cgroup-v2.rst, "CPU", "Cpuset".
  mutating func add(_ cpu: CPULimits, on host: Host) throws(Problem) {
    if host.version("cpu") == .two { addUnified(cpu, on: host) } else { addVersionOne(cpu) }
    for (kind, list) in [("cpus", cpu.cpus), ("mems", cpu.mems)] {
      guard let list, !list.isEmpty else { continue }
      guard list.utf8.allSatisfy({ (48...57).contains($0) || $0 == 44 || $0 == 45 || $0 == 58 || $0 == 47 || $0 == 10 })
      else {
        throw Problem(code: .invalid, message: "cpuset \(kind) \"\(list)\" is not a list such as 0-3,7")
      }
      add("cpuset", "cpuset.\(kind)", list, for: "cpuset \(kind) \(list)")
    }
  }

  private mutating func addVersionOne(_ cpu: CPULimits) {
    // SCHED_IDLE and a weight exclude each other: leave idle first, enter it last.
    if let idle = cpu.idle, idle == 0 { add("cpu", "cpu.idle", "0", for: "cpu idle 0") }
    if let shares = cpu.shares, shares != 0 { add("cpu", "cpu.shares", String(shares), for: "cpu shares \(shares)") }
    if let period = cpu.realtimePeriod, period != 0 {
      add("cpu", "cpu.rt_period_us", String(period), for: "cpu realtime period \(period)")
    }
    if let runtime = cpu.realtimeRuntime, runtime != 0 {
      add("cpu", "cpu.rt_runtime_us", String(runtime), for: "cpu realtime runtime \(runtime)")
    }
    if let period = cpu.period, period != 0 {
      add("cpu", "cpu.cfs_period_us", String(period), for: "cpu period \(period)")
    }
    if let quota = cpu.quota, quota != 0 { add("cpu", "cpu.cfs_quota_us", String(quota), for: "cpu quota \(quota)") }
    if let burst = cpu.burst { add("cpu", "cpu.cfs_burst_us", String(burst), for: "cpu burst \(burst)") }
    if let idle = cpu.idle, idle != 0 { add("cpu", "cpu.idle", String(idle), for: "cpu idle \(idle)") }
  }

  private mutating func addUnified(_ cpu: CPULimits, on host: Host) {
    if let idle = cpu.idle { add("cpu", "cpu.idle", String(idle), for: "cpu idle \(idle)") }
    if let shares = cpu.shares, shares != 0, cpu.idle != 1 {
      add("cpu", "cpu.weight", String(Self.weight(shares: shares)), for: "cpu shares \(shares)")
    }
    if cpu.quota ?? 0 != 0 || cpu.period ?? 0 != 0 {
      let old = (host.value("cpu", "cpu.max") ?? "max 100000").split(whereSeparator: \.isWhitespace).map(String.init)
      let limit: String
      switch cpu.quota {
      case .some(let quota) where quota > 0: limit = String(quota)
      case .some(let quota) where quota < 0: limit = "max"
      default: limit = old.first ?? "max"
      }
      let period = cpu.period.flatMap { $0 == 0 ? nil : String($0) } ?? (old.count > 1 ? old[1] : "100000")
      let purpose = "cpu quota \(cpu.quota ?? 0) in period \(period)"
      // Growing the burst first and shrinking it last is refused in the other order: burst ≤ quota.
      add("cpu", "cpu.max", "\(limit) \(period)", for: purpose)
    }
    if let burst = cpu.burst { add("cpu", "cpu.max.burst", String(burst), for: "cpu burst \(burst)") }
  }

  /// Shares of version 1 (2 to 262144, default 1024) as a weight of version 2 (1 to 10000, default 100), such that the
  /// ends and the defaults meet.
  ///
  /// - Source: runc's and crun's conversion, opencontainers/cgroups#20.
  static func weight(shares: UInt64) -> UInt64 {
    if shares <= 2 { return 1 }
    if shares >= 262_144 { return 10_000 }
    let logarithm = log2(Double(shares))
    let exponent = (logarithm * logarithm + 125 * logarithm) / 612 - 7.0 / 34.0
    return UInt64(ceil(pow(10, exponent)))
  }
}
