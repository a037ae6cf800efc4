import Rootless
import RuntimeSpec

extension SpecBuilder {
  /// All mounts in the order in which they are made: parents before what lies below them.
  func mounts() -> [Mount] {
    let wanted = config.mounts.compactMap(userMount)
    let taken = Set(wanted.map(\.destination))
    var list = (systemMounts + readOnlyTmpfs).filter { !taken.contains($0.destination) }
    list += wanted
    // A user's mount at the place of a generated file, or above it, wins (PD-131).
    for (source, destination) in facts.files where !taken.contains(destination) {
      list.append(Self.bind(source, destination, ["bind", "rprivate"]))
    }
    if let program = facts.initProgram { list.append(Self.bind(program, Self.initPath, ["bind", "ro", "rprivate"])) }
    func depth(_ mount: Mount) -> Int { mount.destination.utf8.count { $0 == UInt8(ascii: "/") } }
    return list.enumerated().sorted { (depth($0.element), $0.offset) < (depth($1.element), $1.offset) }.map(\.element)
  }

  private static func mount(_ type: String, _ source: String, _ destination: String, _ options: [String]) -> Mount {
    var mount = Mount(destination: destination)
    mount.type = type
    mount.source = source
    mount.options = options
    return mount
  }
  private static func bind(_ source: String, _ destination: String, _ options: [String]) -> Mount {
    mount("bind", source, destination, options)
  }

  /// Source: podman's default specification; capability line LP-44.
  private var systemMounts: [Mount] {
    let safe = ["nosuid", "noexec", "nodev"]
    let access = options.privileged ? "rw" : "ro"
    // A group that has no meaning in the namespace would fail the mount.
    let terminalGroup = (config.maps ?? machine.userNamespace).gids.covers(5) ? ["gid=5"] : []
    var list = [
      hostOwns(.pid)
        ? Self.bind("/proc", "/proc", ["rbind"] + safe) : Self.mount("proc", "proc", "/proc", safe),
      Self.mount("tmpfs", "tmpfs", "/dev", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
      Self.mount(
        "devpts", "devpts", "/dev/pts",
        ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"] + terminalGroup),
      hostOwns(.network)
        ? Self.bind("/sys", "/sys", ["rbind", access] + safe) : Self.mount("sysfs", "sysfs", "/sys", safe + [access]),
      // An ordinary user can mount what begins at the container's own cgroup only.
      machine.hasCgroups && (machine.userNamespace.isInitial || options.cgroupNamespace != .host)
        ? Self.mount("cgroup", "cgroup", "/sys/fs/cgroup", safe + ["relatime", access])
        : Self.bind("/sys/fs/cgroup", "/sys/fs/cgroup", ["rbind", "ro"] + safe),
    ]
    switch options.ipc {
    case .host: list.append(Self.bind("/dev/shm", "/dev/shm", ["bind"] + safe))
    case .container, .path:
      list.append(facts.shmSource.map { Self.bind($0, "/dev/shm", ["bind"] + safe) } ?? ownShm)
    case .none: break
    case .private, .shareable: list.append(ownShm)
    }
    // It shows the queues of the namespace in which it is mounted: the host's, too, which need not have it anywhere.
    if !isForeignIPC {
      list.append(Self.mount("mqueue", "mqueue", "/dev/mqueue", safe))
    } else if options.ipc == .host, machine.hasQueues() {
      list.append(Self.bind("/dev/mqueue", "/dev/mqueue", ["bind"] + safe))
    }
    return list
  }
  /// Whether the container's user namespace does not own its IPC namespace: then no queues can be mounted (LP-42).
  private var isForeignIPC: Bool {
    guard config.maps != nil else { return options.ipc == .host && !machine.userNamespace.isInitial }
    switch options.ipc {
    case .private, .shareable, .none: return false
    case .host: return true
    case .container, .path:
      switch options.userNamespace {
      case .container, .path: return false
      default: return true
      }
    }
  }
  /// Whether the container shares a namespace that its user namespace does not own: the kernel
  /// then refuses a new procfs or sysfs, and the host's is bound. Source: user_namespaces(7).
  private func hostOwns(_ kind: NamespaceKind) -> Bool {
    if config.maps != nil { return kind == .pid ? options.pid != .private : !options.network.isOwn }
    if machine.userNamespace.isInitial { return false }
    return kind == .pid ? options.pid == .host : options.network == .host
  }
  private var ownShm: Mount {
    let size = options.shmSizeBytes ?? ContainerConfig.Default.shmSizeBytes
    return Self.mount("tmpfs", "shm", "/dev/shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=\(size)"])
  }

  /// What a program may expect to write to even on a read-only root. Source: podman-run(1), "--read-only-tmpfs".
  private var readOnlyTmpfs: [Mount] {
    guard options.readOnly, options.readOnlyTmpfs else { return [] }
    return ["/run", "/tmp", "/var/tmp"].map { place in
      Self.mount("tmpfs", "tmpfs", place, ["nosuid", "nodev", place == "/run" ? "mode=755" : "mode=1777"])
    }
  }

  private func userMount(_ wanted: ContainerMount) -> Mount? {
    let propagations = ["private", "rprivate", "shared", "rshared", "slave", "rslave", "unbindable", "runbindable"]
    let access = wanted.readOnly ? ["ro"] : ["rw"]
    switch wanted.kind {
    case .tmpfs:
      return Self.mount("tmpfs", "tmpfs", wanted.destination, access + wanted.options)
    case .bind(let source):
      let binding = wanted.options.contains { $0 == "bind" || $0 == "rbind" } ? [] : ["rbind"]
      let propagation = wanted.options.contains(where: propagations.contains) ? [] : ["rprivate"]
      return Self.bind(source, wanted.destination, binding + access + propagation + wanted.options)
    case .volume(let name):
      guard let name, let path = facts.volumes[name] else { return nil }
      let propagation = wanted.options.contains(where: propagations.contains) ? [] : ["rprivate"]
      return Self.bind(path, wanted.destination, ["rbind"] + access + propagation + wanted.options)
    }
  }
}
