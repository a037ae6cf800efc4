import Glibc
import Sys

extension Cgroup {
  /// - Source: cgroup-v2.rst, "io.stat"; blkio-controller.rst (v1): what BFQ counts where it schedules, else what
  ///   passes the throttle.
  func blockIOUse() -> CgroupStatistics.BlockIO {
    var result = CgroupStatistics.BlockIO()
    if let place = directory(of: "io"), place.version == .two {
      (result.bytes, result.operations) = Self.parse(ioStat: (try? readText(place.path + "/io.stat")) ?? "")
      result.pressure = pressure(place, "io.pressure")
    } else if let place = directory(of: "blkio") {
      result.bytes = Self.counts(place, "io_service_bytes_recursive")
      result.operations = Self.counts(place, "io_serviced_recursive")
    }
    return result
  }

  /// Lines "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6".
  static func parse(
    ioStat text: String
  ) -> (bytes: [CgroupStatistics.DeviceCount], operations: [CgroupStatistics.DeviceCount]) {
    let kinds: [Substring: (name: String, isBytes: Bool)] = [
      "rbytes": ("Read", true), "wbytes": ("Write", true), "dbytes": ("Discard", true), "rios": ("Read", false),
      "wios": ("Write", false), "dios": ("Discard", false),
    ]
    var bytes: [CgroupStatistics.DeviceCount] = []
    var operations: [CgroupStatistics.DeviceCount] = []
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      guard let device = fields.first.flatMap(Self.device) else { continue }
      for field in fields.dropFirst() {
        let parts = field.split(separator: "=")
        guard parts.count == 2, let kind = kinds[parts[0]], let value = UInt64(parts[1]) else { continue }
        let count = CgroupStatistics.DeviceCount(
          major: device.major, minor: device.minor, operation: kind.name, value: value)
        if kind.isBytes { bytes.append(count) } else { operations.append(count) }
      }
    }
    return (bytes, operations)
  }

  private static func counts(_ place: Directory, _ name: String) -> [CgroupStatistics.DeviceCount] {
    for prefix in ["blkio.bfq.", "blkio.throttle."] {
      guard let text = try? readText("\(place.path)/\(prefix)\(name)") else { continue }
      let counts = parse(counts: text)
      if !counts.isEmpty { return counts }
    }
    return []
  }
  /// Lines "8:0 Read 17"; the last one, "Total 17", has no device.
  static func parse(counts text: String) -> [CgroupStatistics.DeviceCount] {
    text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count == 3, let device = Self.device(fields[0]), let value = UInt64(fields[2]) else { return nil }
      return CgroupStatistics.DeviceCount(
        major: device.major, minor: device.minor, operation: String(fields[1]), value: value)
    }
  }
  private static func device(_ text: Substring) -> (major: UInt64, minor: UInt64)? {
    let parts = text.split(separator: ":")
    guard parts.count == 2, let major = UInt64(parts[0]), let minor = UInt64(parts[1]) else { return nil }
    return (major, minor)
  }

  /// - Source: hugetlb.rst (v1); cgroup-v2.rst, "HugeTLB".
  func hugePageUse() -> [String: CgroupStatistics.Amount] {
    guard let place = directory(of: "hugetlb"), let files = try? entries(ofPath: place.path) else { return [:] }
    let isOne = place.version == .one
    let suffix = isOne ? ".usage_in_bytes" : ".current"
    var result: [String: CgroupStatistics.Amount] = [:]
    for file in files.map(\.name) where file.hasPrefix("hugetlb.") && file.hasSuffix(suffix) {
      let size = String(file.dropFirst("hugetlb.".count).dropLast(suffix.count))
      if size.hasSuffix(".rsvd") { continue }
      var amount = CgroupStatistics.Amount()
      amount.usage = number("hugetlb", file) ?? 0
      amount.peak = isOne ? number("hugetlb", "hugetlb.\(size).max_usage_in_bytes") ?? 0 : 0
      amount.limit = number("hugetlb", "hugetlb.\(size).\(isOne ? "limit_in_bytes" : "max")") ?? .max
      amount.failures =
        (isOne ? number("hugetlb", "hugetlb.\(size).failcnt") : table(place, "hugetlb.\(size).events")["max"]) ?? 0
      result[size] = amount
    }
    return result
  }

  /// Lines "some avg10=0.00 avg60=0.00 avg300=0.00 total=0"; nil where the kernel does not measure it.
  func pressure(_ place: Directory, _ file: String) -> CgroupStatistics.Pressure? {
    guard let text = try? readText("\(place.path)/\(file)") else { return nil }
    return Self.parse(pressure: text)
  }
  static func parse(pressure text: String) -> CgroupStatistics.Pressure? {
    var result = CgroupStatistics.Pressure()
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: " ")
      let values = fields.dropFirst().compactMap { field -> (name: String, value: String)? in
        let parts = field.split(separator: "=")
        guard parts.count == 2, Double(parts[1]) != nil else { return nil }
        return (String(parts[0]), String(parts[1]))
      }
      if fields.first == "some" { result.some = values } else if fields.first == "full" { result.full = values }
    }
    return result.some.isEmpty && result.full.isEmpty ? nil : result
  }
}
