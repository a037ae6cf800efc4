import Problems
import RuntimeSpec

extension ResourcePlan {
  enum MemoryLimit {
    /// Bytes: less than a page is nothing, and the first instruction of the container would die of it.
    static let leastBytes: Int64 = 4096
  }

  /// - Source: memory.rst (v1); cgroup-v2.rst, "Memory".
  mutating func add(_ memory: MemoryLimits, on host: Host) throws(Problem) {
    try compare(memory, on: host)
    for (name, value) in [("limit", memory.limit), ("limit with swap", memory.swap)] {
      guard let value, value > 0, value < MemoryLimit.leastBytes else { continue }
      throw Problem(
        code: .invalid, message: "memory \(name) \(value) is too small: at least \(MemoryLimit.leastBytes) bytes",
        hint: "the number is in bytes")
    }
    if let limit = memory.limit, let swap = memory.swap, limit > 0, swap > 0, swap < limit {
      throw Problem(
        code: .invalid, message: "memory limit with swap \(swap) is less than the memory limit \(limit)",
        hint: "swap is memory and swap together")
    }
    if let swappiness = memory.swappiness, swappiness > 100 {
      throw Problem(code: .invalid, message: "memory swappiness \(swappiness) is not one of 0 to 100")
    }
    if host.version("memory") == .two { try addUnified(memory) } else { addVersionOne(memory, on: host) }
  }

  /// Version 2 takes a limit that is too small and kills processes until it holds: `checkBeforeUpdate` asks first.
  private func compare(_ memory: MemoryLimits, on host: Host) throws(Problem) {
    guard memory.checkBeforeUpdate == true, host.version("memory") == .two, let limit = memory.limit, limit > 0,
      let usage = host.value("memory", "memory.current").flatMap({ Int64($0) }), usage > limit
    else { return }
    throw Problem(code: .conflict, message: "rejecting memory limit \(limit): \(usage) bytes are in use")
  }

  private mutating func addVersionOne(_ memory: MemoryLimits, on host: Host) {
    let limit = memory.limit.flatMap { $0 == 0 ? nil : $0 }
    var swap = memory.swap.flatMap { $0 == 0 ? nil : $0 }
    // Taking the limit away takes that with swap away, too, or the kernel refuses.
    if limit == -1, swap == nil, host.has("memory", "memory.memsw.limit_in_bytes") { swap = -1 }
    let limitWrite = limit.map { ("memory.limit_in_bytes", $0, "memory limit \($0)") }
    let swapWrite = swap.map { ("memory.memsw.limit_in_bytes", $0, "memory limit with swap \($0)") }
    var order = [limitWrite, swapWrite].compactMap { $0 }
    // limit ≤ limit with swap holds at every moment: the one that opens the way goes first.
    if let limit, let swap, let now = host.value("memory", "memory.memsw.limit_in_bytes").flatMap({ Int64($0) }) {
      if swap == -1 || limit > now || swap > now { order.reverse() }
      if limit == -1 && swap != -1 { order.reverse() }
    }
    for (file, value, purpose) in order { add("memory", file, String(value), for: purpose) }
    if let reservation = memory.reservation, reservation != 0 {
      add("memory", "memory.soft_limit_in_bytes", String(reservation), for: "memory reservation \(reservation)")
    }
    if let limit = memory.kernelTCP, limit != 0 {
      add("memory", "memory.kmem.tcp.limit_in_bytes", String(limit), for: "kernel TCP memory limit \(limit)")
    }
    if memory.disableOOMKiller == true { add("memory", "memory.oom_control", "1", for: "disabling the OOM killer") }
    if let swappiness = memory.swappiness {
      add("memory", "memory.swappiness", String(swappiness), for: "memory swappiness \(swappiness)")
    }
  }

  private mutating func addUnified(_ memory: MemoryLimits) throws(Problem) {
    func text(_ bytes: Int64) -> String { bytes < 0 ? "max" : String(bytes) }
    let limit = memory.limit ?? 0
    if let swap = memory.swap, swap != 0 {
      // Version 1's sum of memory and swap; version 2 has swap alone.
      var alone = "max"
      if swap > 0 {
        guard limit != 0 else {
          throw Problem(code: .invalid, message: "memory limit with swap \(swap) needs a memory limit")
        }
        alone = limit < 0 ? String(swap) : String(swap - limit)
      }
      add("memory", "memory.swap.max", alone, for: "memory limit with swap \(swap)", optional: swap < 0)
    } else if limit < 0 {
      add("memory", "memory.swap.max", "max", for: "memory limit \(limit)", optional: true)
    }
    if limit != 0 { add("memory", "memory.max", text(limit), for: "memory limit \(limit)") }
    if let reservation = memory.reservation, reservation != 0 {
      add("memory", "memory.low", text(reservation), for: "memory reservation \(reservation)")
    }
  }
}
