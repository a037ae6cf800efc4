import Cgroups
import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

extension Session {
  /// Changes limits of a container that is there: what the flags say, or a `resources` object from a file or standard
  /// input (then the flags count for nothing, as with runc).
  func update(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    let (flags, id) = try flags(rest, UpdateFlags.grammar)
    let record = try store.load(id)
    let resources: Resources
    if let path = flags["resources"] {
      resources = try UpdateFlags.resources(fromFile: path)
    } else {
      resources = try UpdateFlags.resources(flags)
    }
    guard record.isAlive else {
      throw Problem(code: .conflict, message: "cannot update a container that has stopped: \(id)")
    }
    let schemata = UpdateFlags.schemata(flags)
    if !schemata.isEmpty {
      guard let rdt = try IntelRdt(try store.spec(of: id).linux?.intelRdt, id: id) else {
        throw Problem(
          code: .unsupported, message: "container \(id) is in no class of Intel RDT: it has no shares to change",
          hint: "set linux.intelRdt in its config.json when it is created")
      }
      try rdt.set(schemata, root: try IntelRdt.mountPoint())
    }
    var cgroup = record.cgroup
    cgroup.toleratesRefusals = try settings.isRootless()
    log.warn(ofIgnored: resources.memory, cgroup)
    try cgroup.update(resources, settingDevices: resources.devices != nil)
    return 0
  }
}

/// The flags of `update` as the resources that they stand for.
enum UpdateFlags {
  static let grammar = [
    "resources|r=", "blkio-weight=", "cpu-period=", "cpu-quota=", "cpu-burst=", "cpu-rt-period=", "cpu-rt-runtime=",
    "cpu-share=", "cpu-idle=", "cpuset-cpus=", "cpuset-mems=", "memory=", "memory-reservation=", "memory-swap=",
    "memory-check-before-update", "kernel-memory=", "kernel-memory-tcp=", "pids-limit=", "l3-cache-schema=",
    "mem-bw-schema=",
  ]

  static func resources(fromFile path: String) throws(Problem) -> Resources {
    let bytes = try doing("read \(path)") { () throws(Errno) in
      try readFile(path == "-" ? "/dev/stdin" : path, limit: 1 << 20)
    }
    do { return try Resources(json: try JSON.parse(bytes)) } catch {
      throw Problem(code: .invalid, message: "read resources from \(path)", cause: error)
    }
  }

  /// Lines of a class of Intel RDT.
  static func schemata(_ flags: Flags) -> [String] {
    ["l3-cache-schema", "mem-bw-schema"].flatMap { (flags[$0] ?? "").split(separator: "\n").map(String.init) }
  }

  /// - Throws: `.invalid` where no flag asks for anything, or a value is none.
  static func resources(_ flags: Flags) throws(Problem) -> Resources {
    var resources = Resources()
    resources.cpu = try cpu(flags)
    resources.memory = try memory(flags)
    if let limit = try flags.integer("pids-limit", Int64.self) {
      resources.pids = PidsLimit()
      resources.pids?.limit = limit
    }
    if let weight = try flags.integer("blkio-weight", UInt16.self) {
      resources.blockIO = BlockIO()
      resources.blockIO?.weight = weight
    }
    if resources == Resources() && schemata(flags).isEmpty {
      throw Problem(
        code: .invalid, message: "update needs a limit to set",
        hint: "give --memory or another flag, or --resources FILE (- is standard input)")
    }
    return resources
  }

  private static func cpu(_ flags: Flags) throws(Problem) -> CPULimits? {
    var cpu = CPULimits()
    cpu.shares = try flags.integer("cpu-share")
    cpu.quota = try flags.integer("cpu-quota")
    cpu.period = try flags.integer("cpu-period")
    cpu.burst = try flags.integer("cpu-burst")
    cpu.realtimePeriod = try flags.integer("cpu-rt-period")
    cpu.realtimeRuntime = try flags.integer("cpu-rt-runtime")
    cpu.idle = try flags.integer("cpu-idle")
    cpu.cpus = flags["cpuset-cpus"]
    cpu.mems = flags["cpuset-mems"]
    return cpu == CPULimits() ? nil : cpu
  }

  private static func memory(_ flags: Flags) throws(Problem) -> MemoryLimits? {
    var memory = MemoryLimits()
    memory.limit = try bytes(flags, "memory")
    memory.reservation = try bytes(flags, "memory-reservation")
    memory.swap = try bytes(flags, "memory-swap")
    memory.kernel = try bytes(flags, "kernel-memory")
    memory.kernelTCP = try bytes(flags, "kernel-memory-tcp")
    if flags.has("memory-check-before-update") { memory.checkBeforeUpdate = true }
    return memory == MemoryLimits() ? nil : memory
  }

  private static func bytes(_ flags: Flags, _ name: String) throws(Problem) -> Int64? {
    guard let text = flags[name] else { return nil }
    if text == "-1" { return -1 }
    guard let bytes = ByteCount.parse(text) else {
      throw Problem(code: .invalid, message: "--\(name) is a size such as 64m, or -1, not \"\(text)\"")
    }
    return bytes
  }
}

/// Sizes as runc's and Docker's users write them.
enum ByteCount {
  /// "512", "50M", "1.5g", "64KiB": powers of 1024, whatever the case; nil for anything else.
  static func parse(_ text: String) -> Int64? {
    var rest = text.lowercased()[...]
    if rest.hasSuffix("b") { rest.removeLast() }
    if rest.hasSuffix("i") { rest.removeLast() }
    var shift = 0
    if let unit = rest.last, let place = Array("kmgtp").firstIndex(of: unit) {
      shift = (place + 1) * 10
      rest.removeLast()
    }
    guard let first = rest.first, first.isASCII, first.isNumber, let number = Double(rest) else { return nil }
    let bytes = number * Double(sign: .plus, exponent: shift, significand: 1)
    return bytes < 9.2e18 ? Int64(bytes) : nil
  }
}
