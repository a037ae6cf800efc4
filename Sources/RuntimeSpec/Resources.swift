package import JSON

/// Limits of the container's cgroup. Source: config-linux.md, "Control groups".
package struct Resources: SpecObject {
  /// In order; a later rule wins.
  package var devices: [DeviceRule]?
  package var memory: MemoryLimits?
  package var cpu: CPULimits?
  package var pids: PidsLimit?
  package var blockIO: BlockIO?
  package var hugepageLimits: [HugepageLimit]?
  package var network: NetworkClass?
  /// By device.
  package var rdma: [String: RdmaLimit]?
  /// cgroup v2 files and what to write to them.
  package var unified: [String: String]?

  package init() {}
  package init(_ members: SpecReader) throws(SpecError) {
    devices = try members.list("devices")
    memory = try members.object("memory")
    cpu = try members.object("cpu")
    pids = try members.object("pids")
    blockIO = try members.object("blockIO")
    hugepageLimits = try members.list("hugepageLimits")
    network = try members.object("network")
    rdma = try members.map("rdma")
    unified = try members.texts("unified")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("devices", devices)
    writer.put("memory", memory)
    writer.put("cpu", cpu)
    writer.put("pids", pids)
    writer.put("blockIO", blockIO)
    writer.put("hugepageLimits", hugepageLimits)
    writer.put("network", network)
    writer.put("rdma", map: rdma)
    writer.put("unified", unified)
    return writer.json
  }
}

/// A rule of the device list. Source: config-linux.md, "Allowed Device list".
package struct DeviceRule: SpecObject {
  package var allow: Bool
  /// "a", "b" or "c"; absent is all.
  package var type: String?
  /// Absent or -1 is all.
  package var major: Int64?
  /// Absent or -1 is all.
  package var minor: Int64?
  /// Of "r", "w", "m"; absent is all.
  package var access: String?

  package init(allow: Bool) {
    self.allow = allow
  }
  package init(_ members: SpecReader) throws(SpecError) {
    allow = try members.required(try members.bool("allow"), "allow")
    type = try members.string("type")
    major = try members.integer("major")
    minor = try members.integer("minor")
    access = try members.string("access")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("allow", allow)
    writer.put("type", type)
    writer.put("major", major)
    writer.put("minor", minor)
    writer.put("access", access)
    return writer.json
  }
}

/// Memory, in bytes; -1 is "no limit". Source: config-linux.md, "Memory".
package struct MemoryLimits: SpecObject {
  package var limit: Int64?
  /// Soft limit.
  package var reservation: Int64?
  /// Memory and swap together.
  package var swap: Int64?
  /// Gone from Linux 5.16 on; ignored.
  package var kernel: Int64?
  package var kernelTCP: Int64?
  /// 0 to 100.
  package var swappiness: UInt64?
  package var disableOOMKiller: Bool?
  package var useHierarchy: Bool?
  package var checkBeforeUpdate: Bool?

  package init() {}
  package init(_ members: SpecReader) throws(SpecError) {
    limit = try members.integer("limit")
    reservation = try members.integer("reservation")
    swap = try members.integer("swap")
    kernel = try members.integer("kernel")
    kernelTCP = try members.integer("kernelTCP")
    swappiness = try members.integer("swappiness")
    disableOOMKiller = try members.bool("disableOOMKiller")
    useHierarchy = try members.bool("useHierarchy")
    checkBeforeUpdate = try members.bool("checkBeforeUpdate")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("limit", limit)
    writer.put("reservation", reservation)
    writer.put("swap", swap)
    writer.put("kernel", kernel)
    writer.put("kernelTCP", kernelTCP)
    writer.put("swappiness", swappiness)
    writer.put("disableOOMKiller", disableOOMKiller)
    writer.put("useHierarchy", useHierarchy)
    writer.put("checkBeforeUpdate", checkBeforeUpdate)
    return writer.json
  }
}

/// CPU time and placement. Source: config-linux.md, "CPU".
package struct CPULimits: SpecObject {
  /// Relative weight, 2 to 262144.
  package var shares: UInt64?
  /// Microseconds a period; -1 is "no limit".
  package var quota: Int64?
  /// Microseconds.
  package var burst: UInt64?
  /// Microseconds.
  package var period: UInt64?
  /// Microseconds.
  package var realtimeRuntime: Int64?
  /// Microseconds.
  package var realtimePeriod: UInt64?
  /// A list such as "0-3,7".
  package var cpus: String?
  /// A list such as "0-1".
  package var mems: String?
  /// 1 is SCHED_IDLE for the whole cgroup.
  package var idle: Int64?

  package init() {}
  package init(_ members: SpecReader) throws(SpecError) {
    shares = try members.integer("shares")
    quota = try members.integer("quota")
    burst = try members.integer("burst")
    period = try members.integer("period")
    realtimeRuntime = try members.integer("realtimeRuntime")
    realtimePeriod = try members.integer("realtimePeriod")
    cpus = try members.string("cpus")
    mems = try members.string("mems")
    idle = try members.integer("idle")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("shares", shares)
    writer.put("quota", quota)
    writer.put("burst", burst)
    writer.put("period", period)
    writer.put("realtimeRuntime", realtimeRuntime)
    writer.put("realtimePeriod", realtimePeriod)
    writer.put("cpus", cpus)
    writer.put("mems", mems)
    writer.put("idle", idle)
    return writer.json
  }
}

/// Number of tasks. Source: config-linux.md, "PIDs".
package struct PidsLimit: SpecObject {
  /// Less than 0 is "no limit"; absent leaves the kernel's value.
  package var limit: Int64?

  package init() {}
  package init(_ members: SpecReader) throws(SpecError) {
    limit = try members.integer("limit")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("limit", limit)
    return writer.json
  }
}

/// Block I/O. Source: config-linux.md, "Block IO".
package struct BlockIO: SpecObject {
  /// 10 to 1000.
  package var weight: UInt16?
  /// 10 to 1000.
  package var leafWeight: UInt16?
  package var weightDevice: [WeightDevice]?
  /// Bytes a second.
  package var throttleReadBpsDevice: [ThrottleDevice]?
  /// Bytes a second.
  package var throttleWriteBpsDevice: [ThrottleDevice]?
  /// Operations a second.
  package var throttleReadIOPSDevice: [ThrottleDevice]?
  /// Operations a second.
  package var throttleWriteIOPSDevice: [ThrottleDevice]?

  package init() {}
  package init(_ members: SpecReader) throws(SpecError) {
    weight = try members.integer("weight")
    leafWeight = try members.integer("leafWeight")
    weightDevice = try members.list("weightDevice")
    throttleReadBpsDevice = try members.list("throttleReadBpsDevice")
    throttleWriteBpsDevice = try members.list("throttleWriteBpsDevice")
    throttleReadIOPSDevice = try members.list("throttleReadIOPSDevice")
    throttleWriteIOPSDevice = try members.list("throttleWriteIOPSDevice")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("weight", weight)
    writer.put("leafWeight", leafWeight)
    writer.put("weightDevice", weightDevice)
    writer.put("throttleReadBpsDevice", throttleReadBpsDevice)
    writer.put("throttleWriteBpsDevice", throttleWriteBpsDevice)
    writer.put("throttleReadIOPSDevice", throttleReadIOPSDevice)
    writer.put("throttleWriteIOPSDevice", throttleWriteIOPSDevice)
    return writer.json
  }
}

/// Weight of one block device.
package struct WeightDevice: SpecObject {
  package var major: Int64
  package var minor: Int64
  package var weight: UInt16?
  package var leafWeight: UInt16?

  package init(major: Int64, minor: Int64) {
    self.major = major
    self.minor = minor
  }
  package init(_ members: SpecReader) throws(SpecError) {
    major = try members.required(try members.integer("major"), "major")
    minor = try members.required(try members.integer("minor"), "minor")
    weight = try members.integer("weight")
    leafWeight = try members.integer("leafWeight")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("major", major)
    writer.put("minor", minor)
    writer.put("weight", weight)
    writer.put("leafWeight", leafWeight)
    return writer.json
  }
}

/// Rate of one block device.
package struct ThrottleDevice: SpecObject {
  package var major: Int64
  package var minor: Int64
  package var rate: UInt64

  package init(major: Int64, minor: Int64, rate: UInt64) {
    self.major = major
    self.minor = minor
    self.rate = rate
  }
  package init(_ members: SpecReader) throws(SpecError) {
    major = try members.required(try members.integer("major"), "major")
    minor = try members.required(try members.integer("minor"), "minor")
    rate = try members.required(try members.integer("rate"), "rate")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("major", major)
    writer.put("minor", minor)
    writer.put("rate", rate)
    return writer.json
  }
}

/// Limit of one size of huge pages.
package struct HugepageLimit: SpecObject {
  /// "2MB", "1GB", ...
  package var pageSize: String
  /// Bytes.
  package var limit: UInt64

  package init(pageSize: String, limit: UInt64) {
    self.pageSize = pageSize
    self.limit = limit
  }
  package init(_ members: SpecReader) throws(SpecError) {
    // Go's decoder, which every other runtime has, does not mind the case: this one is met in the wild.
    let small = try members.string("pagesize")
    pageSize = try members.required(try members.string("pageSize") ?? small, "pageSize")
    limit = try members.required(try members.integer("limit"), "limit")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("pageSize", pageSize)
    writer.put("limit", limit)
    return writer.json
  }
}

/// Class and priorities of network packets (cgroup v1).
package struct NetworkClass: SpecObject {
  package var classID: UInt32?
  package var priorities: [InterfacePriority]?

  package init() {}
  package init(_ members: SpecReader) throws(SpecError) {
    classID = try members.integer("classID")
    priorities = try members.list("priorities")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("classID", classID)
    writer.put("priorities", priorities)
    return writer.json
  }
}

/// Priority of one interface's packets.
package struct InterfacePriority: SpecObject {
  package var name: String
  package var priority: UInt32

  package init(name: String, priority: UInt32) {
    self.name = name
    self.priority = priority
  }
  package init(_ members: SpecReader) throws(SpecError) {
    name = try members.required(try members.string("name"), "name")
    priority = try members.required(try members.integer("priority"), "priority")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("name", name)
    writer.put("priority", priority)
    return writer.json
  }
}

/// Limits of one RDMA device.
package struct RdmaLimit: SpecObject {
  package var hcaHandles: UInt32?
  package var hcaObjects: UInt32?

  package init() {}
  package init(_ members: SpecReader) throws(SpecError) {
    hcaHandles = try members.integer("hcaHandles")
    hcaObjects = try members.integer("hcaObjects")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("hcaHandles", hcaHandles)
    writer.put("hcaObjects", hcaObjects)
    return writer.json
  }
}
