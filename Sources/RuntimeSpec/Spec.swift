package import JSON

/// A container, as an OCI bundle's config.json describes it. Source: runtime-spec 1.2, config.md.
/// Every optional member: nil is absent, and that is not the same as empty or zero.
package struct Spec: SpecObject {
  /// SemVer 2.0.0 of the specification that the document follows.
  package var ociVersion: String
  package var root: Root?
  /// In the order in which they are mounted.
  package var mounts: [Mount]?
  /// Absent: the container can be created, not started.
  package var process: Process? {
    _read { yield large.process }
    _modify {
      ownLarge()
      yield &large.process
    }
  }
  package var hostname: String?
  package var domainname: String?
  package var hooks: Hooks? {
    _read { yield large.hooks }
    _modify {
      ownLarge()
      yield &large.hooks
    }
  }
  package var annotations: [String: String]?
  package var linux: Linux? {
    _read { yield large.linux }
    _modify {
      ownLarge()
      yield &large.linux
    }
  }

  /// The large members, behind one reference: whoever hands a specification on copies a pointer, not all of them.
  private final class Large: Equatable, @unchecked Sendable {
    var process: Process?
    var hooks: Hooks?
    var linux: Linux?

    init(_ process: Process? = nil, _ hooks: Hooks? = nil, _ linux: Linux? = nil) {
      (self.process, self.hooks, self.linux) = (process, hooks, linux)
    }
    static func == (one: Large, other: Large) -> Bool {
      one === other || (one.process == other.process && one.hooks == other.hooks && one.linux == other.linux)
    }
  }
  private var large = Large()
  /// Before a change: never into another specification's members.
  private mutating func ownLarge() {
    if !isKnownUniquelyReferenced(&large) { large = Large(large.process, large.hooks, large.linux) }
  }

  package init(ociVersion: String) {
    self.ociVersion = ociVersion
  }
  package init(_ members: SpecReader) throws(SpecError) {
    ociVersion = try members.required(try members.string("ociVersion"), "ociVersion")
    root = try members.object("root")
    mounts = try members.list("mounts")
    process = try members.object("process")
    hostname = try members.string("hostname")
    domainname = try members.string("domainname")
    hooks = try members.object("hooks")
    annotations = try members.texts("annotations")
    linux = try members.object("linux")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("ociVersion", ociVersion)
    writer.put("root", root)
    writer.put("mounts", mounts)
    writer.put("process", process)
    writer.put("hostname", hostname)
    writer.put("domainname", domainname)
    writer.put("hooks", hooks)
    writer.put("annotations", annotations)
    writer.put("linux", linux)
    return writer.json
  }
}

/// The root filesystem. Source: config.md, "Root".
package struct Root: SpecObject {
  /// Absolute, or relative to the bundle.
  package var path: String
  package var readonly: Bool?

  package init(path: String) {
    self.path = path
  }
  package init(_ members: SpecReader) throws(SpecError) {
    path = try members.required(try members.string("path"), "path")
    readonly = try members.bool("readonly")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("path", path)
    writer.put("readonly", readonly)
    return writer.json
  }
}

/// One mount. Source: config.md, "Mounts".
package struct Mount: SpecObject {
  /// Absolute inside the container; a relative one counts from `/`.
  package var destination: String
  /// Filesystem type; "bind", "none" or absent with a bind option.
  package var type: String?
  /// A device name, or a path; relative to the bundle.
  package var source: String?
  /// As fstab(5) and mount(8) know them, and the `r`-forms (rro, rbind, ...).
  package var options: [String]?
  /// For an idmapped mount.
  package var uidMappings: [IDMapping]?
  /// For an idmapped mount.
  package var gidMappings: [IDMapping]?

  package init(destination: String) {
    self.destination = destination
  }
  package init(_ members: SpecReader) throws(SpecError) {
    destination = try members.required(try members.string("destination"), "destination")
    type = try members.string("type")
    source = try members.string("source")
    options = try members.strings("options")
    uidMappings = try members.list("uidMappings")
    gidMappings = try members.list("gidMappings")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("destination", destination)
    writer.put("type", type)
    writer.put("source", source)
    writer.put("options", options)
    writer.put("uidMappings", uidMappings)
    writer.put("gidMappings", gidMappings)
    return writer.json
  }
}

/// Programs to run at points of the lifecycle. Source: config.md, "POSIX-platform Hooks".
package struct Hooks: SpecObject {
  /// Deprecated by the specification; still in use.
  package var prestart: [Hook]?
  package var createRuntime: [Hook]?
  package var createContainer: [Hook]?
  package var startContainer: [Hook]?
  package var poststart: [Hook]?
  package var poststop: [Hook]?

  package init() {}
  package init(_ members: SpecReader) throws(SpecError) {
    prestart = try members.list("prestart")
    createRuntime = try members.list("createRuntime")
    createContainer = try members.list("createContainer")
    startContainer = try members.list("startContainer")
    poststart = try members.list("poststart")
    poststop = try members.list("poststop")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("prestart", prestart)
    writer.put("createRuntime", createRuntime)
    writer.put("createContainer", createContainer)
    writer.put("startContainer", startContainer)
    writer.put("poststart", poststart)
    writer.put("poststop", poststop)
    return writer.json
  }
}

/// One hook; the container's state is its standard input. Source: config.md, "POSIX-platform Hooks".
package struct Hook: SpecObject {
  /// Absolute.
  package var path: String
  /// argv, argv[0] included.
  package var args: [String]?
  /// `NAME=value`.
  package var env: [String]?
  /// Seconds, greater than 0.
  package var timeout: Int?

  package init(path: String) {
    self.path = path
  }
  package init(_ members: SpecReader) throws(SpecError) {
    path = try members.required(try members.string("path"), "path")
    args = try members.strings("args")
    env = try members.strings("env")
    timeout = try members.integer("timeout")
  }
  package var json: JSON {
    var writer = SpecWriter()
    writer.put("path", path)
    writer.put("args", args)
    writer.put("env", env)
    writer.put("timeout", timeout)
    return writer.json
  }
}
