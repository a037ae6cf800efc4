import Problems
import RuntimeSpec
import Testing

@testable import Cgroups

/// A host that has every controller in one version and remembers values.
private func host(_ version: CgroupLayout.Version, values: [String: String] = [:], files: Set<String> = [])
  -> ResourcePlan.Host
{
  ResourcePlan.Host(
    version: { _ in version }, has: { _, file in files.contains(file) }, value: { _, file in values[file] })
}
private func plan(_ resources: Resources, _ host: ResourcePlan.Host) throws -> [String] {
  try ResourcePlan(resources, on: host).writes.map { "\($0.file)=\($0.value)" }
}

// covers PD-161, LX-37
@Suite struct ResourcePlanTests {
  private func cpu(_ change: (inout CPULimits) -> Void) -> Resources {
    var resources = Resources()
    var limits = CPULimits()
    change(&limits)
    resources.cpu = limits
    return resources
  }
  private func memory(_ limit: Int64? = nil, swap: Int64? = nil, reservation: Int64? = nil) -> Resources {
    var resources = Resources()
    var limits = MemoryLimits()
    limits.limit = limit
    limits.swap = swap
    limits.reservation = reservation
    resources.memory = limits
    return resources
  }

  @Test func cpuOfVersionOne() throws {
    let limits = cpu {
      $0.shares = 512
      $0.quota = 20000
      $0.period = 50000
      $0.cpus = "0-1"
      $0.mems = "0"
    }
    #expect(
      try plan(limits, host(.one)) == [
        "cpu.shares=512", "cpu.cfs_period_us=50000", "cpu.cfs_quota_us=20000", "cpuset.cpus=0-1", "cpuset.mems=0",
      ])
  }
  @Test(arguments: [
    (Int64(20000), UInt64(50000), "20000 50000"), (-1, 50000, "max 50000"), (20000, 0, "20000 100000"),
    (0, 50000, "7000 50000"),
  ])
  func quotaOfVersionTwo(_ quota: Int64, _ period: UInt64, _ text: String) throws {
    let limits = cpu {
      $0.quota = quota
      $0.period = period
    }
    #expect(try plan(limits, host(.two, values: ["cpu.max": "7000 100000\n"])) == ["cpu.max=\(text)"])
  }
  @Test(arguments: [(UInt64(2), UInt64(1)), (1024, 100), (262_144, 10_000), (512, 59), (2048, 174), (1, 1)])
  func sharesBecomeAWeight(_ shares: UInt64, _ weight: UInt64) {
    #expect(ResourcePlan.weight(shares: shares) == weight)
  }

  @Test func memoryOfVersionOne() throws {
    let fresh = host(.one, values: ["memory.memsw.limit_in_bytes": "9223372036854771712"])
    #expect(
      try plan(memory(1 << 20, swap: 2 << 20, reservation: 1 << 19), fresh) == [
        "memory.limit_in_bytes=1048576", "memory.memsw.limit_in_bytes=2097152", "memory.soft_limit_in_bytes=524288",
      ])
    // Raising both: the sum goes first.
    let small = host(.one, values: ["memory.memsw.limit_in_bytes": "1048576"], files: ["memory.memsw.limit_in_bytes"])
    #expect(
      try plan(memory(2 << 20, swap: 4 << 20), small) == [
        "memory.memsw.limit_in_bytes=4194304", "memory.limit_in_bytes=2097152",
      ])
    #expect(try plan(memory(-1), small) == ["memory.memsw.limit_in_bytes=-1", "memory.limit_in_bytes=-1"])
  }
  @Test func memoryOfVersionTwo() throws {
    #expect(
      try plan(memory(1 << 20, swap: 3 << 20, reservation: 1 << 19), host(.two)) == [
        "memory.swap.max=2097152", "memory.max=1048576", "memory.low=524288",
      ])
    #expect(try plan(memory(1 << 20, swap: -1), host(.two)) == ["memory.swap.max=max", "memory.max=1048576"])
    #expect(try plan(memory(-1), host(.two)) == ["memory.swap.max=max", "memory.max=max"])
  }

  @Test func impossibleMemoryIsNamed() {
    for (resources, message) in [
      (memory(5), "memory limit 5 is too small: at least 4096 bytes"),
      (memory(1 << 20, swap: 1 << 19), "memory limit with swap 524288 is less than the memory limit 1048576"),
    ] {
      #expect { _ = try plan(resources, host(.one)) } throws: { ($0 as? Problem)?.message == message }
    }
  }

  /// Version 2 would kill processes until a too small limit holds.
  @Test func theLimitIsComparedWithTheUseOnRequest() throws {
    var resources = memory(1 << 20)
    resources.memory?.checkBeforeUpdate = true
    let busy = host(.two, values: ["memory.current": "2097152"])
    #expect { _ = try plan(resources, busy) } throws: {
      ($0 as? Problem)?.message == "rejecting memory limit 1048576: 2097152 bytes are in use"
    }
    #expect(try plan(resources, host(.two, values: ["memory.current": "4096"])) == ["memory.max=1048576"])
    #expect(try plan(memory(1 << 20), busy) == ["memory.max=1048576"])
  }

  @Test func pids() throws {
    for (limit, write) in [(7, "pids.max=7"), (-1, "pids.max=max"), (0, "pids.max=1")] as [(Int64, String)] {
      var resources = Resources()
      resources.pids = PidsLimit()
      resources.pids?.limit = limit
      #expect(try plan(resources, host(.one)).first == write)
    }
  }

  @Test func blockIO() throws {
    var limits = BlockIO()
    limits.weight = 500
    limits.throttleReadBpsDevice = [ThrottleDevice(major: 8, minor: 0, rate: 1000)]
    limits.throttleWriteIOPSDevice = [ThrottleDevice(major: 8, minor: 0, rate: 7)]
    var resources = Resources()
    resources.blockIO = limits
    #expect(
      try plan(resources, host(.one)) == [
        "blkio.weight=500", "blkio.throttle.read_bps_device=8:0 1000", "blkio.throttle.write_iops_device=8:0 7",
      ])
    #expect(
      try plan(resources, host(.two)) == [
        "io.weight=default 4950", "io.max=8:0 rbps=1000", "io.max=8:0 wiops=7",
      ])
  }

  @Test func hugePagesAndUnifiedFiles() throws {
    var resources = Resources()
    resources.hugepageLimits = [HugepageLimit(pageSize: "2MB", limit: 4 << 20)]
    resources.unified = ["memory.high": "1000"]
    #expect(
      try plan(resources, host(.two)) == [
        "hugetlb.2MB.max=4194304", "hugetlb.2MB.rsvd.max=4194304", "memory.high=1000",
      ])
    #expect { _ = try plan(resources, host(.one)) } throws: { ($0 as? Problem)?.code == .unsupported }
    resources.unified = ["../../x.y": "1"]
    #expect { _ = try plan(resources, host(.two)) } throws: { ($0 as? Problem)?.code == .invalid }
  }
}
