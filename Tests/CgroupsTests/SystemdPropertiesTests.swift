import DBus
import Problems
import RuntimeSpec
import Testing

@testable import Cgroups

/// covers OC-03, LX-35, PD-161, G.14
@Suite struct SystemdPropertiesTests {
  private func properties(_ resources: Resources, _ version: CgroupLayout.Version = .two) throws -> [String] {
    let host = ResourcePlan.Host(version: { _ in version }, has: { _, _ in false }, value: { _, _ in nil })
    return try text(SystemdProperties(try ResourcePlan(resources, on: host)))
  }
  private func text(_ properties: SystemdProperties) -> [String] {
    properties.list.map { property in
      switch property.value {
      case .uint64(let number): "\(property.name)=\(number == .max ? "infinity" : String(number))"
      case .string(let text): "\(property.name)=\(text)"
      case .array(.byte, let bytes): "\(property.name)=\(bytes.map(Self.number))"
      case .array(_, let values): "\(property.name)=\(values.count)"
      default: "\(property.name)=\(property.value)"
      }
    }
  }

  private static func number(_ value: DBusValue) -> UInt8 {
    guard case .byte(let byte) = value else { return 0 }
    return byte
  }

  @Test func limitsOfVersionTwo() throws {
    var resources = Resources()
    resources.memory = MemoryLimits()
    resources.memory?.limit = 1 << 20
    resources.memory?.swap = 3 << 20
    resources.memory?.reservation = 4096
    resources.cpu = CPULimits()
    resources.cpu?.shares = 1024
    resources.cpu?.quota = 50_000
    resources.cpu?.cpus = "0-2,9"
    resources.pids = PidsLimit()
    resources.pids?.limit = 20
    #expect(
      try properties(resources) == [
        "CPUWeight=100", "AllowedCPUs=[7, 2]", "MemorySwapMax=2097152", "MemoryMax=1048576", "MemoryLow=4096",
        "TasksMax=20", "CPUQuotaPeriodUSec=100000", "CPUQuotaPerSecUSec=500000",
      ])
  }

  /// Quota, period, what systemd keeps of it: whole percents, rounded up.
  @Test(arguments: [
    (Int64(500_000), UInt64(1_000_000), "500000"), (-1, 100_000, "infinity"), (3333, 10_000, "340000"),
    (200_000, 100_000, "2000000"), (.max, 1000, "infinity"),
  ])
  func quotas(_ quota: Int64, _ period: UInt64, _ perSecond: String) throws {
    var resources = Resources()
    resources.cpu = CPULimits()
    resources.cpu?.quota = quota
    resources.cpu?.period = period
    #expect(
      try properties(resources) == ["CPUQuotaPeriodUSec=\(period)", "CPUQuotaPerSecUSec=\(perSecond)"])
  }

  @Test func filesOfVersionTwoBecomePropertiesToo() throws {
    var resources = Resources()
    resources.unified = ["memory.high": "max", "cpu.idle": "1", "cpu.weight": "8", "hugetlb.2MB.max": "0"]
    #expect(try properties(resources) == ["CPUWeight=0", "MemoryHigh=infinity"])
    resources.unified = ["cpuset.cpus": "3-1"]
    #expect(throws: Problem.self) { _ = try properties(resources) }
    resources.unified = ["pids.max": "many"]
    #expect(throws: Problem.self) { _ = try properties(resources) }
  }
  @Test func limitsOfVersionOne() throws {
    var resources = Resources()
    resources.memory = MemoryLimits()
    resources.memory?.limit = 1 << 20
    resources.cpu = CPULimits()
    resources.cpu?.shares = 512
    resources.cpu?.quota = -1
    #expect(
      try properties(resources, .one) == ["CPUShares=512", "MemoryLimit=1048576", "CPUQuotaPerSecUSec=infinity"])
  }

  /// covers LX-26
  @Test func deviceListsAndOtherRules() throws {
    var properties = SystemdProperties()
    properties.put(try DeviceRules([]))
    #expect(text(properties) == ["DeviceAllow=0", "DevicePolicy=strict", "DeviceAllow=12"])
    var all = DeviceRule(allow: true)
    all.type = "a"
    var kmsg = DeviceRule(allow: false)
    (kmsg.type, kmsg.major, kmsg.minor) = ("c", 1, 11)
    for rules in [[all], [all, kmsg]] {
      var properties = SystemdProperties()
      properties.put(try DeviceRules(rules))
      #expect(text(properties) == ["DeviceAllow=0", "DevicePolicy=auto"])
    }
  }

  @Test func propertiesFromAnnotations() throws {
    let properties = try SystemdProperties(annotations: [
      "org.systemd.property.TimeoutStopSec": "uint64 5", "org.systemd.property.CollectMode": "'inactive'",
      "org.systemd.property.After": "['a.service', \"b.service\"]", "org.systemd.property.SendSIGHUP": "true", "x": "y",
    ])
    #expect(properties.list.map(\.name) == ["After", "CollectMode", "SendSIGHUP", "TimeoutStopUSec"])
    #expect(properties.list[0].value == .array(of: .string, [.string("a.service"), .string("b.service")]))
    #expect(properties.list[3].value == .uint64(5_000_000))
    for (key, value) in [
      ("org.systemd.property.lower", "1"), ("org.systemd.property.A1", "1"), ("org.systemd.property.A", "what"),
      ("org.systemd.property.A", "['a'"), ("org.systemd.property.A", "uint64 -1"), ("org.systemd.property.A", "[,]"),
    ] {
      #expect(throws: Problem.self) { _ = try SystemdProperties(annotations: [key: value]) }
    }
  }

  @Test func aScopeIsDelegated() throws {
    let unit = try SystemdUnit(path: "machine.slice:p:web", id: "web", isUser: false)
    let scope = SystemdProperties.scope(unit, of: "web", around: 7, isUnified: true)
    #expect(scope.list.contains { $0.name == "Delegate" && $0.value == .boolean(true) })
    #expect(scope.list.contains { $0.name == "PIDs" && $0.value == .array(of: .uint32, [.uint32(7)]) })
    #expect(scope.list.contains { $0.name == "Slice" && $0.value == .string("machine.slice") })
  }
}
