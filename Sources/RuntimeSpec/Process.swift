package import JSON

/// The container's process. Source: config.md, "Process".
package struct Process: SpecObject {
  package var terminal: Bool?
  /// Only with `terminal`.
  package var consoleSize: ConsoleSize?
  package var user: User?
  /// argv; argv[0] is looked up in PATH.
  package var args: [String]?
  /// `NAME=value`.
  package var env: [String]?
  /// Absolute inside the container.
  package var cwd: String
  package var capabilities: Capabilities?
  package var rlimits: [Rlimit]?
  package var noNewPrivileges: Bool?
  package var apparmorProfile: String?
  /// -1000 to 1000.
  package var oomScoreAdj: Int?
  package var selinuxLabel: String?
  package var scheduler: Scheduler?
  package var ioPriority: IOPriority?
  package var execCPUAffinity: CPUAffinity?

  package init(cwd: String) {
    self.cwd = cwd
  }
  package init(_ members: SpecReader) throws(SpecError) {
    terminal = try members.bool("terminal")
    consoleSize = try members.object("consoleSize")
    user = try members.object("user")
    args = try members.strings("args")
    env = try members.strings("env")
    cwd = try members.required(try members.string("cwd"), "cwd")
    capabilities = try members.object("capabilities")
    rlimits = try members.list("rlimits")
    noNewPrivileges = try members.bool("noNewPrivileges")
    apparmorProfile = try members.string("apparmorProfile")
    oomScoreAdj = try members.integer("oomScoreAdj")
    selinuxLabel = try members.string("selinuxLabel")
    scheduler = try members.object("scheduler")
    ioPriority = try members.object("ioPriority")
    execCPUAffinity = try members.object("execCPUAffinity")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("terminal", terminal)
    writer.put("consoleSize", consoleSize)
    writer.put("user", user)
    writer.put("args", args)
    writer.put("env", env)
    writer.put("cwd", cwd)
    writer.put("capabilities", capabilities)
    writer.put("rlimits", rlimits)
    writer.put("noNewPrivileges", noNewPrivileges)
    writer.put("apparmorProfile", apparmorProfile)
    writer.put("oomScoreAdj", oomScoreAdj)
    writer.put("selinuxLabel", selinuxLabel)
    writer.put("scheduler", scheduler)
    writer.put("ioPriority", ioPriority)
    writer.put("execCPUAffinity", execCPUAffinity)
    return writer.json
  }
}

/// Rows and columns of a terminal.
package struct ConsoleSize: SpecObject {
  package var height: UInt
  package var width: UInt

  package init(height: UInt, width: UInt) {
    self.height = height
    self.width = width
  }
  package init(_ members: SpecReader) throws(SpecError) {
    height = try members.required(try members.integer("height"), "height")
    width = try members.required(try members.integer("width"), "width")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("height", height)
    writer.put("width", width)
    return writer.json
  }
}

/// The process's identity inside the container. Source: config.md, "User".
package struct User: SpecObject {
  /// Absent is 0.
  package var uid: UInt32?
  /// Absent is 0.
  package var gid: UInt32?
  /// Absent leaves the runtime's.
  package var umask: UInt32?
  package var additionalGids: [UInt32]?
  /// Not used on Linux.
  package var username: String?

  package init() {}
  package init(_ members: SpecReader) throws(SpecError) {
    uid = try members.integer("uid")
    gid = try members.integer("gid")
    umask = try members.integer("umask")
    additionalGids = try members.integers("additionalGids")
    username = try members.string("username")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("uid", uid)
    writer.put("gid", gid)
    writer.put("umask", umask)
    writer.put("additionalGids", additionalGids)
    writer.put("username", username)
    return writer.json
  }
}

/// Names ("CAP_CHOWN") of the five capability sets; an absent set is empty. Source: capabilities(7).
package struct Capabilities: SpecObject {
  package var bounding: [String]?
  package var effective: [String]?
  package var inheritable: [String]?
  package var permitted: [String]?
  package var ambient: [String]?

  package init() {}
  package init(_ members: SpecReader) throws(SpecError) {
    bounding = try members.strings("bounding")
    effective = try members.strings("effective")
    inheritable = try members.strings("inheritable")
    permitted = try members.strings("permitted")
    ambient = try members.strings("ambient")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("bounding", bounding)
    writer.put("effective", effective)
    writer.put("inheritable", inheritable)
    writer.put("permitted", permitted)
    writer.put("ambient", ambient)
    return writer.json
  }
}

/// One resource limit. Source: getrlimit(2).
package struct Rlimit: SpecObject {
  /// "RLIMIT_NOFILE", ...
  package var type: String
  /// 2^64-1 is unlimited.
  package var hard: UInt64
  /// 2^64-1 is unlimited.
  package var soft: UInt64

  package init(type: String, hard: UInt64, soft: UInt64) {
    self.type = type
    self.hard = hard
    self.soft = soft
  }
  package init(_ members: SpecReader) throws(SpecError) {
    type = try members.required(try members.string("type"), "type")
    hard = try members.required(try members.integer("hard"), "hard")
    soft = try members.required(try members.integer("soft"), "soft")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("type", type)
    writer.put("hard", hard)
    writer.put("soft", soft)
    return writer.json
  }
}

/// Scheduling of the process. Source: sched_setattr(2).
package struct Scheduler: SpecObject {
  /// "SCHED_OTHER", "SCHED_FIFO", ...
  package var policy: String
  package var nice: Int32?
  package var priority: Int32?
  /// "SCHED_FLAG_RESET_ON_FORK", ...
  package var flags: [String]?
  /// Nanoseconds.
  package var runtime: UInt64?
  /// Nanoseconds.
  package var deadline: UInt64?
  /// Nanoseconds.
  package var period: UInt64?

  package init(policy: String) {
    self.policy = policy
  }
  package init(_ members: SpecReader) throws(SpecError) {
    policy = try members.required(try members.string("policy"), "policy")
    nice = try members.integer("nice")
    priority = try members.integer("priority")
    flags = try members.strings("flags")
    runtime = try members.integer("runtime")
    deadline = try members.integer("deadline")
    period = try members.integer("period")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("policy", policy)
    writer.put("nice", nice)
    writer.put("priority", priority)
    writer.put("flags", flags)
    writer.put("runtime", runtime)
    writer.put("deadline", deadline)
    writer.put("period", period)
    return writer.json
  }
}

/// I/O priority of the process. Source: ioprio_set(2).
package struct IOPriority: SpecObject {
  /// "IOPRIO_CLASS_BE", ...
  package var priorityClass: String
  /// 0 (highest, and where it is absent) to 7.
  package var priority: Int

  package init(priorityClass: String, priority: Int) {
    self.priorityClass = priorityClass
    self.priority = priority
  }
  package init(_ members: SpecReader) throws(SpecError) {
    priorityClass = try members.required(try members.string("class"), "class")
    priority = try members.integer("priority") ?? 0
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("class", priorityClass)
    writer.put("priority", priority)
    return writer.json
  }
}

/// CPUs of an exec's process, before and after it entered the container's cgroup.
package struct CPUAffinity: SpecObject {
  /// A list such as "0-3,7".
  package var initialCPUs: String?
  /// A list such as "0-3,7".
  package var finalCPUs: String?

  package init() {}
  package init(_ members: SpecReader) throws(SpecError) {
    initialCPUs = try members.string("initial")
    finalCPUs = try members.string("final")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("initial", initialCPUs)
    writer.put("final", finalCPUs)
    return writer.json
  }
}
