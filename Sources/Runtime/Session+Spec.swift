import CSys
import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

extension Session {
  /// Writes a config.json to start from, the one that runc writes.
  func spec(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    let flags = try anyFlags(rest, ["bundle|b=", "file|f=", "rootless"])
    let name = flags["file"] ?? "config.json"
    let path = name.hasPrefix("/") ? name : (flags["bundle"].map { $0 + "/" } ?? "") + name
    if exists(path) {
      throw Problem(code: .conflict, message: "file \(path) exists: remove it first")
    }
    let spec = DefaultSpec.spec(rootless: flags.has("rootless"))
    try doing("write \(path)") { () throws(Errno) in
      try replaceFile(path, with: spec.json.bytes(indent: 2) + [10], mode: 0o644, durable: false)
    }
    return 0
  }
}

/// The specification that `spec` writes.
enum DefaultSpec {
  static func spec(rootless: Bool) -> Spec {
    var spec = Spec(ociVersion: RuntimeProgram.specVersion)
    spec.root = Root(path: "rootfs")
    spec.root?.readonly = true
    spec.hostname = "berth"
    var process = Process(cwd: "/")
    process.terminal = true
    process.user = User()
    process.user?.uid = 0
    process.user?.gid = 0
    process.args = ["sh"]
    process.env = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "TERM=xterm"]
    var capabilities = Capabilities()
    let names = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    (capabilities.bounding, capabilities.effective, capabilities.permitted) = (names, names, names)
    process.capabilities = capabilities
    var limit = Rlimit(type: "RLIMIT_NOFILE", hard: 1024, soft: 1024)
    limit.soft = 1024
    process.rlimits = [limit]
    process.noNewPrivileges = true
    spec.process = process
    spec.mounts = mounts(rootless: rootless)
    spec.linux = linux(rootless: rootless)
    return spec
  }

  private static func mount(_ destination: String, _ type: String, _ source: String, _ options: [String]?) -> Mount {
    var mount = Mount(destination: destination)
    mount.type = type
    mount.source = source
    mount.options = options
    return mount
  }
  private static func mounts(rootless: Bool) -> [Mount] {
    let pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    let sys = ["nosuid", "noexec", "nodev", "ro"]
    return [
      mount("/proc", "proc", "proc", nil),
      mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
      mount("/dev/pts", "devpts", "devpts", rootless ? pts : pts + ["gid=5"]),
      mount("/dev/shm", "tmpfs", "shm", ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
      mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]),
      rootless ? mount("/sys", "none", "/sys", ["rbind"] + sys) : mount("/sys", "sysfs", "sysfs", sys),
    ] + (rootless ? [] : [mount("/sys/fs/cgroup", "cgroup", "cgroup", sys + ["relatime"])])
  }
  /// A cgroup namespace shows a container less of the host, but tools expect whole paths where version 1 is mounted.
  private static var isUnified: Bool {
    (try? FilesystemMagic.of(try open("/sys/fs/cgroup", O_PATH_))) == FilesystemMagic.cgroup2
  }
  private static func linux(rootless: Bool) -> Linux {
    var linux = Linux()
    let kinds: [NamespaceKind] =
      [.pid] + (rootless ? [.user] : [.network]) + [.ipc, .uts, .mount] + (isUnified ? [.cgroup] : [])
    linux.namespaces = kinds.map { Namespace(kind: $0) }
    if rootless {
      linux.uidMappings = [IDMapping(containerID: 0, hostID: geteuid(), size: 1)]
      linux.gidMappings = [IDMapping(containerID: 0, hostID: getegid(), size: 1)]
    } else {
      var resources = Resources()
      var rule = DeviceRule(allow: false)
      rule.access = "rwm"
      resources.devices = [rule]
      linux.resources = resources
    }
    linux.maskedPaths = [
      "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
      "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
    ]
    linux.readonlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
    return linux
  }
}
