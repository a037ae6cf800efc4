package import JSON

/// What is particular to Linux. Source: runtime-spec 1.2, config-linux.md.
package struct Linux: SpecObject {
  package var uidMappings: [IDMapping]?
  package var gidMappings: [IDMapping]?
  /// Names with dots.
  package var sysctl: [String: String]?
  package var resources: Resources?
  /// Absolute: from the cgroup mount; relative: where the runtime likes.
  package var cgroupsPath: String?
  package var namespaces: [Namespace]?
  package var devices: [Device]?
  /// Host interfaces to move into the container, by their names there (1.3).
  package var netDevices: [String: NetDevice]?
  package var seccomp: LinuxSeccomp?
  /// "private", "slave", "shared", "unbindable" and their `r`-forms.
  package var rootfsPropagation: String?
  package var maskedPaths: [String]?
  package var readonlyPaths: [String]?
  package var mountLabel: String?
  package var intelRdt: JSON?
  package var personality: Personality?
  /// By clock: "monotonic", "boottime".
  package var timeOffsets: [String: TimeOffset]?
  package var memoryPolicy: MemoryPolicy?

  package init() {}
  package init(_ members: SpecReader) throws(SpecError) {
    uidMappings = try members.list("uidMappings")
    gidMappings = try members.list("gidMappings")
    sysctl = try members.texts("sysctl")
    resources = try members.object("resources")
    cgroupsPath = try members.string("cgroupsPath")
    namespaces = try members.list("namespaces")
    devices = try members.list("devices")
    netDevices = try members.map("netDevices")
    seccomp = try members.object("seccomp")
    rootfsPropagation = try members.string("rootfsPropagation")
    maskedPaths = try members.strings("maskedPaths")
    readonlyPaths = try members.strings("readonlyPaths")
    mountLabel = try members.string("mountLabel")
    intelRdt = members.json("intelRdt")
    personality = try members.object("personality")
    timeOffsets = try members.map("timeOffsets")
    memoryPolicy = try members.object("memoryPolicy")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("uidMappings", uidMappings)
    writer.put("gidMappings", gidMappings)
    writer.put("sysctl", sysctl)
    writer.put("resources", resources)
    writer.put("cgroupsPath", cgroupsPath)
    writer.put("namespaces", namespaces)
    writer.put("devices", devices)
    writer.put("netDevices", map: netDevices)
    writer.put("seccomp", seccomp)
    writer.put("rootfsPropagation", rootfsPropagation)
    writer.put("maskedPaths", maskedPaths)
    writer.put("readonlyPaths", readonlyPaths)
    writer.put("mountLabel", mountLabel)
    writer.put("intelRdt", intelRdt)
    writer.put("personality", personality)
    writer.put("timeOffsets", map: timeOffsets)
    writer.put("memoryPolicy", memoryPolicy)
    return writer.json
  }
}

/// A range of user or group IDs. Source: user_namespaces(7).
package struct IDMapping: SpecObject {
  package var containerID: UInt32
  package var hostID: UInt32
  package var size: UInt32

  package init(containerID: UInt32, hostID: UInt32, size: UInt32) {
    self.containerID = containerID
    self.hostID = hostID
    self.size = size
  }
  package init(_ members: SpecReader) throws(SpecError) {
    containerID = try members.required(try members.integer("containerID"), "containerID")
    hostID = try members.required(try members.integer("hostID"), "hostID")
    size = try members.required(try members.integer("size"), "size")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("containerID", containerID)
    writer.put("hostID", hostID)
    writer.put("size", size)
    return writer.json
  }
}

/// What a namespace separates. Source: config-linux.md, "Namespaces".
package struct NamespaceKind: RawRepresentable, Hashable, Sendable {
  package let rawValue: String
  package init(rawValue: String) { self.rawValue = rawValue }
  package static let pid = NamespaceKind(rawValue: "pid")
  package static let network = NamespaceKind(rawValue: "network")
  package static let mount = NamespaceKind(rawValue: "mount")
  package static let ipc = NamespaceKind(rawValue: "ipc")
  package static let uts = NamespaceKind(rawValue: "uts")
  package static let user = NamespaceKind(rawValue: "user")
  package static let cgroup = NamespaceKind(rawValue: "cgroup")
  package static let time = NamespaceKind(rawValue: "time")
}

/// A namespace to create, or to join by path.
package struct Namespace: SpecObject {
  package var kind: NamespaceKind
  /// Absent: a new one.
  package var path: String?

  package init(kind: NamespaceKind) {
    self.kind = kind
  }
  package init(_ members: SpecReader) throws(SpecError) {
    kind = try members.required(try members.string("type").map(NamespaceKind.init(rawValue:)), "type")
    path = try members.string("path")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("type", kind.rawValue)
    writer.put("path", path)
    return writer.json
  }
}

/// A device node to make. Source: config-linux.md, "Devices".
package struct Device: SpecObject {
  /// "b", "c", "u" or "p".
  package var type: String
  /// Inside the container.
  package var path: String
  package var major: Int64?
  package var minor: Int64?
  package var fileMode: UInt32?
  package var uid: UInt32?
  package var gid: UInt32?

  package init(type: String, path: String) {
    self.type = type
    self.path = path
  }
  package init(_ members: SpecReader) throws(SpecError) {
    type = try members.required(try members.string("type"), "type")
    path = try members.required(try members.string("path"), "path")
    major = try members.integer("major")
    minor = try members.integer("minor")
    fileMode = try members.integer("fileMode")
    uid = try members.integer("uid")
    gid = try members.integer("gid")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("type", type)
    writer.put("path", path)
    writer.put("major", major)
    writer.put("minor", minor)
    writer.put("fileMode", fileMode)
    writer.put("uid", uid)
    writer.put("gid", gid)
    return writer.json
  }
}

/// A host interface that moves into the container. Source: config-linux.md, "Network Devices" (1.3).
package struct NetDevice: SpecObject {
  /// Its new name.
  package var name: String?

  package init() {}
  package init(_ members: SpecReader) throws(SpecError) {
    name = try members.string("name")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("name", name)
    return writer.json
  }
}

/// The execution domain. Source: personality(2).
package struct Personality: SpecObject {
  /// "LINUX" or "LINUX32".
  package var domain: String
  package var flags: [String]?

  package init(domain: String) {
    self.domain = domain
  }
  package init(_ members: SpecReader) throws(SpecError) {
    domain = try members.required(try members.string("domain"), "domain")
    flags = try members.strings("flags")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("domain", domain)
    writer.put("flags", flags)
    return writer.json
  }
}

/// Offset of a clock in a new time namespace. Source: time_namespaces(7).
package struct TimeOffset: SpecObject {
  package var secs: Int64?
  package var nanosecs: UInt32?

  package init() {}
  package init(_ members: SpecReader) throws(SpecError) {
    secs = try members.integer("secs")
    nanosecs = try members.integer("nanosecs")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("secs", secs)
    writer.put("nanosecs", nanosecs)
    return writer.json
  }
}

/// Where the process's memory comes from. Source: config-linux.md, "Memory Policy" (1.3); set_mempolicy(2).
package struct MemoryPolicy: SpecObject {
  /// "MPOL_BIND", ...; it is required, and its absence an error that names it.
  package var mode: String?
  /// A list such as "0-3,7".
  package var nodes: String?
  /// "MPOL_F_STATIC_NODES", ...
  package var flags: [String]?

  package init() {}
  package init(_ members: SpecReader) throws(SpecError) {
    mode = try members.string("mode")
    nodes = try members.string("nodes")
    flags = try members.strings("flags")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("mode", mode)
    writer.put("nodes", nodes)
    writer.put("flags", flags)
    return writer.json
  }
}
