import DBus
import Problems
import RuntimeSpec

/// Limits as properties of a unit: what systemd has to know, lest a reload of its own puts other values in their place.
///
/// They are read off the plan for the cgroup's files, so that both can never say different things. A file that systemd
/// has no property for is left to the plan alone: the unit is delegated.
struct SystemdProperties: Hashable, Sendable {
  struct Property: Hashable, Sendable {
    let name: String
    var value: DBusValue
  }
  /// In order of first mention; a later value of one name replaces the earlier.
  private(set) var list: [Property] = []

  init() {}

  mutating func put(_ name: String, _ value: DBusValue) {
    if let place = list.firstIndex(where: { $0.name == name }) {
      list[place].value = value
    } else {
      append(name, value)
    }
  }
  mutating func append(_ name: String, _ value: DBusValue) { list.append(Property(name: name, value: value)) }

  /// The array that systemd's methods take: `a(sv)`.
  var value: DBusValue {
    .array(
      of: .structure([.string, .variant]), list.map { .structure([.string($0.name), .variant($0.value)]) })
  }

  private enum Number {
    /// `CGROUP_LIMIT_MAX`, `USEC_INFINITY`.
    static let infinity = UInt64.max
    /// systemd keeps whole percents of a processor: 10 ms in a second.
    static let percentMicroseconds: UInt64 = 10_000
    static let usualPeriod: UInt64 = 100_000
  }

  /// - Source: systemd.resource-control(5); org.freedesktop.systemd1(5), "Scope Unit Objects".
  init(_ plan: ResourcePlan) throws(Problem) {
    var quota: UInt64?
    var period: UInt64?
    let isIdle = plan.writes.contains { $0.file == "cpu.idle" && $0.value.prefix(1) == "1" }
    for write in plan.writes {
      switch write.file {
      case "cpu.idle": if isIdle { put("CPUWeight", .uint64(0)) }
      case "cpu.weight": if !isIdle { try number("CPUWeight", write) }
      case "cpu.shares": try number("CPUShares", write)
      case "cpu.max":
        let words = write.value.split(whereSeparator: \.isWhitespace)
        quota = words.first.map { UInt64($0) ?? Number.infinity }
        period = words.count > 1 ? UInt64(words[1]) : nil
      case "cpu.cfs_quota_us": quota = UInt64(write.value) ?? Number.infinity
      case "cpu.cfs_period_us": period = UInt64(write.value)
      case "memory.max": try number("MemoryMax", write)
      case "memory.limit_in_bytes": try number("MemoryLimit", write)
      case "memory.min": try number("MemoryMin", write)
      case "memory.low": try number("MemoryLow", write)
      case "memory.high": try number("MemoryHigh", write)
      case "memory.swap.max": try number("MemorySwapMax", write)
      case "pids.max": try number("TasksMax", write)
      case "io.weight": try number("IOWeight", write)
      case "blkio.weight": try number("BlockIOWeight", write)
      case "cpuset.cpus": put("AllowedCPUs", try Self.mask(write))
      case "cpuset.mems": put("AllowedMemoryNodes", try Self.mask(write))
      default: break
      }
    }
    if let period { put("CPUQuotaPeriodUSec", .uint64(period)) }
    if quota != nil || period != nil { put("CPUQuotaPerSecUSec", .uint64(Self.perSecond(quota, period))) }
  }

  private mutating func number(_ name: String, _ write: ResourcePlan.Write) throws(Problem) {
    let text = write.value.split(whereSeparator: \.isWhitespace).last ?? ""  // "default 100" is 100
    if text == "max" || text == "-1" { return put(name, .uint64(Number.infinity)) }
    guard let number = UInt64(text) else {
      throw Problem(code: .invalid, message: "\(write.purpose): \"\(write.value)\" is no number")
    }
    put(name, .uint64(number))
  }

  /// Microseconds of processor time a second, rounded up to what systemd can keep.
  private static func perSecond(_ quota: UInt64?, _ period: UInt64?) -> UInt64 {
    guard let quota, quota != Number.infinity, period != 0 else { return Number.infinity }
    let (product, overflows) = quota.multipliedReportingOverflow(by: 1_000_000)
    if overflows { return Number.infinity }
    let exact = product / (period ?? Number.usualPeriod)
    let percent = Number.percentMicroseconds
    return (exact + percent - 1) / percent * percent
  }

  private enum Limit {
    /// Source: systemd's `CPU_SETSIZE` bound.
    static let processorMax = 8191
  }

  /// "0-2,5" as bytes, the lowest processor in the lowest bit of the first.
  private static func mask(_ write: ResourcePlan.Write) throws(Problem) -> DBusValue {
    var bytes: [UInt8] = []
    for part in write.value.split(whereSeparator: { $0 == "," || $0.isWhitespace }) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last,
        (0...Limit.processorMax).contains(first), last <= Limit.processorMax
      else { throw Problem(code: .invalid, message: "\(write.purpose): \"\(part)\" is not a range such as 0-3") }
      while bytes.count <= last / 8 { bytes.append(0) }
      for bit in first...last { bytes[bit / 8] |= 1 << UInt8(bit % 8) }
    }
    return .array(of: .byte, bytes.map(DBusValue.byte))
  }
}

extension SystemdProperties {
  /// Device rules as systemd has them: a list of what is allowed. Rules that are no such list are left to the program
  /// that the cgroup gets.
  ///
  /// - Source: systemd.resource-control(5), `DeviceAllow=`: "char-5" is a major number, "/dev/char/1:3" one device.
  mutating func put(_ devices: DeviceRules) {
    let entry = DBusType.structure([.string, .string])
    let denials = devices.rules.contains { !$0.isAllowed }
    put("DeviceAllow", .array(of: entry, []))  // takes back what the unit has
    guard !devices.allowsByDefault, !denials,
      devices.rules.allSatisfy({ $0.major != nil || $0.minor == nil })
    else { return put("DevicePolicy", .string("auto")) }
    put("DevicePolicy", .string("strict"))
    let entries = devices.rules.map { rule -> DBusValue in
      let kind = rule.kind == .block ? "block" : "char"
      let path =
        switch (rule.major, rule.minor) {
        case (let major?, let minor?): "/dev/\(kind)/\(major):\(minor)"
        case (let major?, nil): "\(kind)-\(major)"
        default: "\(kind)-*"
        }
      return .structure([.string(path), .string(rule.access)])
    }
    append("DeviceAllow", .array(of: entry, entries))
  }
}
