import Cgroups
import JSON
import Problems
import RuntimeSpec
import Testing

@testable import Runtime

/// covers OC-11, PD-161
@Suite struct UpdateTests {
  private func flags(_ words: String...) throws -> Flags {
    var rest: ArraySlice<String> = []
    return try Flags(words[...], Flags.Grammar(UpdateFlags.grammar), stopsAtFirst: false, rest: &rest)
  }

  @Test func everyFlagBecomesItsLimit() throws {
    let resources = try UpdateFlags.resources(
      flags(
        "--blkio-weight", "500", "--cpu-period", "50000", "--cpu-quota", "-1", "--cpu-burst", "7", "--cpu-rt-period",
        "9", "--cpu-rt-runtime", "8", "--cpu-share", "200", "--cpu-idle", "1", "--cpuset-cpus", "0-1", "--cpuset-mems",
        "0", "--memory", "50M", "--memory-reservation", "1k", "--memory-swap", "-1", "--memory-check-before-update",
        "--pids-limit", "0"))
    #expect(
      resources.json == [
        "memory": ["limit": 52_428_800, "reservation": 1024, "swap": -1, "checkBeforeUpdate": true],
        "cpu": [
          "shares": 200, "quota": -1, "burst": 7, "period": 50000, "realtimeRuntime": 8, "realtimePeriod": 9,
          "cpus": "0-1", "mems": "0", "idle": 1,
        ],
        "pids": ["limit": 0], "blockIO": ["weight": 500],
      ])
  }
  @Test func whatIsNotGivenIsNotSet() throws {
    let resources = try UpdateFlags.resources(flags("--memory", "1"))
    #expect(resources.json == ["memory": ["limit": 1]])
  }
  @Test(arguments: [
    (["--memory", "lots"], Problem.Code.invalid), (["--cpu-share", "-1"], .invalid), ([], .invalid),
    (["--blkio-weight", "65536"], .invalid), (["--l3-cache-schema", ""], .invalid),
  ])
  func wrongValuesAreRefused(_ words: [String], _ code: Problem.Code) {
    #expect {
      var rest: ArraySlice<String> = []
      let flags = try Flags(words[...], Flags.Grammar(UpdateFlags.grammar), stopsAtFirst: false, rest: &rest)
      _ = try UpdateFlags.resources(flags)
    } throws: {
      ($0 as? Problem)?.code == code
    }
  }

  @Test func sharesOfCacheAndBandwidth() throws {
    let flags = try flags("--l3-cache-schema", "L3:0=f\nL3:1=f", "--mem-bw-schema", "MB:0=20")
    #expect(UpdateFlags.schemata(flags) == ["L3:0=f", "L3:1=f", "MB:0=20"])
    #expect(try UpdateFlags.resources(flags) == Resources())
  }

  @Test(
    arguments: [
      ("512", 512), ("512b", 512), ("1k", 1024), ("50M", 52_428_800), ("64KiB", 65536), ("1.5g", 1_610_612_736),
      ("2T", 2_199_023_255_552), ("0", 0),
    ] as [(String, Int64)])
  func sizes(_ text: String, _ bytes: Int64) { #expect(ByteCount.parse(text) == bytes) }
  @Test(arguments: ["", "k", "-5", "1x", "nan", "inf", "1 2", "99999999T", "b"])
  func noSizes(_ text: String) { #expect(ByteCount.parse(text) == nil) }
}

@Suite struct EventsTests {
  @Test(arguments: [("5s", 5000), ("100ms", 100), ("1m30s", 90_000), ("1.5h", 5_400_000), ("1us", 1), ("0", 0)])
  func durations(_ text: String, _ milliseconds: Int64) throws {
    #expect(try GoDuration.milliseconds(text) == milliseconds)
  }
  @Test(arguments: ["", "5", "s", "5 s", "-1s", "1d", "..s"]) func noDurations(_ text: String) {
    #expect(throws: Problem.self) { _ = try GoDuration.milliseconds(text) }
  }

  @Test func theReportHasRuncsShape() throws {
    var statistics = CgroupStatistics()
    statistics.cpu.total = 7
    statistics.cpus = "0-1,3"
    statistics.processes = 2
    statistics.memory = CgroupStatistics.Memory()
    statistics.memory?.usage.limit = 9
    statistics.hugePages["2MB"] = CgroupStatistics.Amount()
    let json = StatisticsReport(statistics).json
    #expect(json["cpu"]?["usage"]?["total"] == 7 && json["cpuset"]?["cpus"] == [0, 1, 3])
    #expect(json["pids"] == ["current": 2, "limit": 0] && json["memory"]?["usage"]?["limit"] == 9)
    #expect(json["hugetlb"]?["2MB"]?["failcnt"] == 0 && json["network_interfaces"] == .null)
  }
}

@Suite struct ProcessTableTests {
  private let output = "UID          PID    CMD\nroot           1    init\nroot          12    sleep 1\n"

  @Test func onlyTheContainersProcesses() throws {
    #expect(try ProcessTable.rows(of: [12], in: output) == "UID          PID    CMD\nroot          12    sleep 1\n")
  }
  @Test func theHeadingMustNameThePids() {
    #expect(throws: Problem.self) { _ = try ProcessTable.rows(of: [1], in: "USER CMD\nroot init\n") }
    #expect(throws: Problem.self) { _ = try ProcessTable.rows(of: [1], in: "") }
  }
}
