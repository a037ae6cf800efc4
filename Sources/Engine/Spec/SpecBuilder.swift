import Glibc
import Problems
import Rootless
import RuntimeSpec
import Seccomp

/// Turns a configuration into the OCI runtime's config.json. Everything that the machine or other containers decide
/// comes in as a value, so that the same input gives the same specification.
struct SpecBuilder {
  /// What is known only when a container starts.
  struct Facts: Sendable {
    var id: String
    var name: String
    /// Absolute path of the mounted root filesystem.
    var rootfs: String
    var identity: ProcessIdentity
    /// Namespaces of other containers to join.
    var joined: [NamespaceKind: String] = [:]
    /// /dev/shm of the container whose IPC namespace is joined.
    var shmSource: String?
    /// Generated files: host path and place in the container.
    var files: [(source: String, destination: String)] = []
    /// Directory of each named volume.
    var volumes: [String: String] = [:]
    /// Host path of the init program, with `--init`.
    var initProgram: String?
    /// `--device` and privileged devices, looked up on the host.
    var devices: [FoundDevice] = []
    /// Limits of block devices, with the numbers of these.
    var rates: [FoundRate] = []
    var terminalSize: (rows: UInt16, columns: UInt16)?
  }
  /// What is the same for all containers of this machine.
  struct Machine: Sendable {
    /// Of this process: the machine's own, or that of an ordinary user.
    var userNamespace: UserNamespace
    /// Pure cgroup v2: a private cgroup namespace is the default.
    var isCgroup2: Bool
    /// The kernel counts swap.
    var countsSwap: Bool
    /// Hard limits of this process for nofile and nproc; ~0 is none.
    var openFilesMax: UInt64
    var processesMax: UInt64
    /// What ALL and `--privileged` mean; asked only for them.
    var capabilities: @Sendable () -> [String]
    /// The host's own mount of its message queues, asked for only where no new one is possible.
    var hasQueues: @Sendable () -> Bool = { false }
    /// An ordinary user owns no cgroups but these.
    var delegation: CgroupDelegation?
    var hasCgroups: Bool { userNamespace.isInitial || delegation != nil }
  }
  /// A device of the host.
  struct FoundDevice: Hashable, Sendable {
    var path: String
    /// "c" or "b".
    var type: String
    var major: Int64
    var minor: Int64
    var mode: UInt32
    var uid: UInt32
    var gid: UInt32
    var access: String
  }

  /// A block device of the host, and its limit.
  struct FoundRate: Hashable, Sendable {
    var kind: DeviceRate.Kind
    var major: Int64
    var minor: Int64
    var rate: UInt64
  }

  let config: ContainerConfig
  let facts: Facts
  let machine: Machine
  var options: ContainerOptions { config.options }

  func build() throws(Problem) -> Spec {
    let security = try SecurityOptions(options.securityOptions)
    let capabilities = try CapabilitySet.bounding(
      add: options.capAdd, drop: options.capDrop, privileged: options.privileged, available: machine.capabilities)
    var spec = Spec(ociVersion: "1.0.2")
    var root = Root(path: facts.rootfs)
    if options.readOnly { root.readonly = true }
    spec.root = root
    spec.process = try process(capabilities, security)
    if hasOwnHostname { spec.hostname = config.hostname(id: facts.id) }
    spec.mounts = mounts()
    spec.annotations = annotations
    spec.linux = try linux(capabilities, security)
    return spec
  }

  private var hasOwnHostname: Bool { options.uts == .private }
  private var annotations: [String: String] {
    options.annotations.merging([
      "io.berth.name": facts.name, "org.opencontainers.image.stopSignal": "\(config.stopSignal)",
    ]) { a, _ in a }
  }

  // MARK: process

  private func process(_ capabilities: [String], _ security: SecurityOptions) throws(Problem) -> RuntimeSpec.Process {
    var process = RuntimeSpec.Process(cwd: config.workingDirectory)
    process.args = (facts.initProgram == nil ? [] : [Self.initPath, "--"]) + config.arguments
    process.env = environment
    if options.terminal {
      process.terminal = true
      process.consoleSize = facts.terminalSize.map { ConsoleSize(height: UInt($0.rows), width: UInt($0.columns)) }
    }
    process.user = try Self.user(facts.identity, umask: options.umask)
    process.capabilities = Self.capabilities(capabilities, identity: facts.identity, added: options.capAdd)
    process.rlimits = rlimits
    process.noNewPrivileges = security.noNewPrivileges ? true : nil
    process.oomScoreAdj = options.oomScoreAdjust
    return process
  }
  /// Where `--init`'s program appears in the container.
  static let initPath = "/run/berth-init"
  /// Source: runtime-spec's default path, as Docker and podman set it.
  static let defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

  static func user(_ identity: ProcessIdentity, umask: String?) throws(Problem) -> RuntimeSpec.User {
    var user = RuntimeSpec.User()
    user.uid = identity.uid
    user.gid = identity.gid
    user.umask = try umask.map { (text) throws(Problem) in try FlagValue.umask(text, flag: "--umask") } ?? 0o022
    if !identity.groups.isEmpty { user.additionalGids = identity.groups }
    return user
  }

  /// defaults < image < env file < `--env`; nothing of the host (G.8).
  private var environment: [String] {
    var list = EnvironmentList([Self.defaultPath, "container=berth"] + (options.terminal ? ["TERM=xterm"] : []))
    for entry in config.environment { list.set(entry: entry) }
    list.setDefault("HOSTNAME", config.hostname(id: facts.id))
    list.setDefault("HOME", facts.identity.home ?? (facts.identity.uid == 0 ? "/root" : "/"))
    return list.entries
  }

  /// A user other than root holds only what was asked for by name. Source: podman, pkg/specgen/generate/security.
  static func capabilities(_ bounding: [String], identity: ProcessIdentity, added: [String]) -> Capabilities {
    var sets = Capabilities()
    sets.bounding = bounding
    if identity.uid == 0 {
      sets.effective = bounding
      sets.permitted = bounding
    } else if !added.isEmpty {
      let named = bounding.filter { name in
        added.contains { ($0.uppercased().hasPrefix("CAP_") ? $0.uppercased() : "CAP_" + $0.uppercased()) == name }
      }
      sets.effective = named
      sets.permitted = named
      sets.inheritable = named
      sets.ambient = named
    }
    return sets
  }

  private var rlimits: [Rlimit] {
    func limit(_ value: Int64) -> UInt64 { value < 0 ? .max : UInt64(value) }
    var limits = options.ulimits.map {
      Rlimit(type: "RLIMIT_" + $0.name.uppercased(), hard: limit($0.hard), soft: limit($0.soft))
    }
    func setDefault(_ type: String, _ wanted: UInt64, _ most: UInt64) {
      if limits.contains(where: { $0.type == type }) { return }
      limits.append(Rlimit(type: type, hard: min(wanted, most), soft: min(wanted, most)))
    }
    // Source: podman's defaults; no process may raise what it has without CAP_SYS_RESOURCE.
    setDefault("RLIMIT_NOFILE", 1 << 20, machine.openFilesMax)
    setDefault("RLIMIT_NPROC", 1 << 22, machine.processesMax)
    return limits
  }

  // MARK: linux

  private func linux(_ capabilities: [String], _ security: SecurityOptions) throws(Problem) -> Linux {
    var linux = Linux()
    linux.namespaces = namespaces
    if let maps = config.maps, facts.joined[.user] == nil {
      linux.uidMappings = Self.mappings(maps.uids)
      linux.gidMappings = Self.mappings(maps.gids)
    }
    linux.cgroupsPath = cgroupsPath
    linux.resources = try resources()
    linux.sysctl = sysctls
    if !facts.devices.isEmpty { linux.devices = facts.devices.map(\.specified) }
    if !options.privileged {
      linux.maskedPaths = security.masked
      linux.readonlyPaths = security.readOnly
    }
    switch security.seccomp {
    case .standard: if !options.privileged { linux.seccomp = DefaultProfile.profile(capabilities: capabilities) }
    case .unconfined: break
    case .file(let path): linux.seccomp = try SeccompProfileFile.read(path, capabilities: capabilities)
    }
    return linux
  }

  private static func mappings(_ mapping: Rootless.IDMapping) -> [RuntimeSpec.IDMapping] {
    mapping.ranges.map { .init(containerID: $0.inside, hostID: $0.outside, size: $0.count) }
  }

  private var namespaces: [Namespace] {
    var list = [Namespace(kind: .mount)]
    func add(_ kind: NamespaceKind, path: String? = nil) {
      var namespace = Namespace(kind: kind)
      namespace.path = path ?? facts.joined[kind]
      list.append(namespace)
    }
    if config.maps != nil { add(.user) }
    for (kind, mode) in [
      (NamespaceKind.pid, options.pid), (.ipc, options.ipc), (.uts, options.uts),
      (.cgroup, options.cgroupMode(isCgroup2: machine.isCgroup2)),
      (.time, options.time),
    ] {
      switch mode {
      case .host: break
      case .private, .shareable, .none, .container: add(kind)
      case .path(let path): add(kind, path: path)
      }
    }
    switch options.network {
    case .host: break
    case .bridge, .none, .pasta, .slirp, .container: add(.network)
    case .path(let path): add(.network, path: path)
    }
    return list
  }

  private var sysctls: [String: String]? {
    var result = Dictionary(options.sysctls.map { ($0.name, $0.value) }) { $1 }
    // Everybody may ping. Source: podman's default sysctls.
    let hasRootGroup = config.maps?.gids.covers(0) ?? true
    if options.network.isOwn, hasRootGroup, result["net.ipv4.ping_group_range"] == nil {
      result["net.ipv4.ping_group_range"] = "0 0"
    }
    return result.isEmpty ? nil : result
  }
}

extension SpecBuilder.FoundDevice {
  var specified: Device {
    var device = Device(type: type, path: path)
    device.major = major
    device.minor = minor
    device.fileMode = mode
    device.uid = uid
    device.gid = gid
    return device
  }
}
