import Cgroups
import JSON

/// A cgroup's use as JSON, in the shape that users of `runc events` read.
struct StatisticsReport {
  let statistics: CgroupStatistics
  init(_ statistics: CgroupStatistics) { self.statistics = statistics }

  /// - Source: runc's types/events.go.
  var json: JSON {
    [
      "cpu": cpu, "cpuset": ["cpus": list(statistics.cpus), "mems": list(statistics.mems)], "memory": memory,
      "pids": ["current": JSON(statistics.processes ?? 0), "limit": JSON(statistics.processLimit ?? 0)],
      "blkio": blockIO, "hugetlb": hugePages, "intel_rdt": .object(JSON.Object()), "network_interfaces": nil,
    ]
  }

  private var cpu: JSON {
    let use = statistics.cpu
    var usage: JSON.Object = JSON.Object()
    usage["total"] = JSON(use.total ?? 0)
    if !use.perProcessor.isEmpty { usage["percpu"] = .array(use.perProcessor.map { JSON($0) }) }
    usage["kernel"] = JSON(use.kernel ?? 0)
    usage["user"] = JSON(use.user ?? 0)
    let throttling: JSON = [
      "periods": JSON(use.periods ?? 0), "throttledPeriods": JSON(use.throttledPeriods ?? 0),
      "throttledTime": JSON(use.throttledTime ?? 0),
    ]
    return adding(use.pressure, to: ["usage": .object(usage), "throttling": throttling])
  }

  private var memory: JSON {
    guard let use = statistics.memory else { return .object(JSON.Object()) }
    var object = JSON.Object()
    object["cache"] = JSON(use.cache ?? 0)
    object["usage"] = amount(use.usage)
    for (name, value) in [("swap", use.swap), ("kernel", use.kernel), ("kernelTCP", use.kernelTCP)] {
      if let value { object[name] = amount(value) }
    }
    object["raw"] = .object(JSON.Object(use.raw.sorted { $0.key < $1.key }.map { ($0.key, JSON($0.value)) }))
    return adding(use.pressure, to: .object(object))
  }
  private func amount(_ amount: CgroupStatistics.Amount) -> JSON {
    [
      "limit": JSON(amount.limit), "usage": JSON(amount.usage), "max": JSON(amount.peak),
      "failcnt": JSON(amount.failures),
    ]
  }

  private var blockIO: JSON {
    var object = JSON.Object()
    for (name, counts) in [
      ("ioServiceBytesRecursive", statistics.blockIO.bytes), ("ioServicedRecursive", statistics.blockIO.operations),
    ] where !counts.isEmpty {
      object[name] = .array(
        counts.map {
          ["major": JSON($0.major), "minor": JSON($0.minor), "op": .string($0.operation), "value": JSON($0.value)]
        })
    }
    return adding(statistics.blockIO.pressure, to: .object(object))
  }

  private var hugePages: JSON {
    .object(
      JSON.Object(
        statistics.hugePages.sorted { $0.key < $1.key }.map { size, amount in
          (
            size,
            ["usage": JSON(amount.usage), "max": JSON(amount.peak), "failcnt": JSON(amount.failures)] as JSON
          )
        }))
  }

  private func adding(_ pressure: CgroupStatistics.Pressure?, to json: JSON) -> JSON {
    guard let pressure, var object = json.object else { return json }
    func line(_ values: [(name: String, value: String)]) -> JSON {
      .object(JSON.Object(values.map { ($0.name, .number($0.value)) }))
    }
    var lines = JSON.Object()
    if !pressure.some.isEmpty { lines["some"] = line(pressure.some) }
    if !pressure.full.isEmpty { lines["full"] = line(pressure.full) }
    object["psi"] = .object(lines)
    return .object(object)
  }

  /// "0-2,5" as [0, 1, 2, 5].
  private func list(_ text: String) -> JSON {
    .array(
      text.split(separator: ",").flatMap { part -> [JSON] in
        let ends = part.split(separator: "-").compactMap { UInt16($0) }
        guard let first = ends.first, let last = ends.last, first <= last else { return [] }
        return (first...last).map { JSON($0) }
      })
  }
}
