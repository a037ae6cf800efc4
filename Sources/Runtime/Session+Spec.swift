import CSys
import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

extension Session {
  /// Writes a config.json to start from, the one that runc writes.
  func spec(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    let flags = try anyFlags(rest, ["bundle|b=", "rootless"])
    let path = (flags["bundle"].map { $0 + "/" } ?? "") + "config.json"
    if exists(path) {
      throw Problem(code: .conflict, message: "file \(path) exists: remove it first")
    }
    let spec = DefaultSpec.spec(rootless: flags.has("rootless"))
    try doing("write \(path)") { () throws(Errno) in
      try replaceFile(path, with: spec.json.bytes(indent: 2) + [10], mode: 0o644, durable: false)
    }
    return 0
  }

  /// What this runtime can do. Source: runtime-spec 1.2, features.md.
  func features() -> CInt {
    let namespaces = ["cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"]
    let options = [
      "async", "atime", "bind", "defaults", "dev", "diratime", "dirsync", "exec", "idmap", "iversion", "lazytime",
      "loud", "noatime", "nodev", "nodiratime", "noexec", "noiversion", "nolazytime", "norelatime", "nostrictatime",
      "nosuid", "nosymfollow", "private", "rbind", "relatime", "remount", "ridmap", "ro", "rprivate", "rro",
      "rshared", "rslave", "runbindable", "rw", "shared", "silent", "slave", "strictatime", "suid", "symfollow",
      "sync", "tmpcopyup", "unbindable",
    ]
    let actions = ["ALLOW", "ERRNO", "KILL", "KILL_PROCESS", "KILL_THREAD", "LOG", "NOTIFY", "TRACE", "TRAP"]
    let operators = ["EQ", "GE", "GT", "LE", "LT", "MASKED_EQ", "NE"]
    let json: JSON = [
      "ociVersionMin": "1.0.0", "ociVersionMax": .string(RuntimeProgram.specVersion),
      "hooks": JSON(["prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop"]),
      "mountOptions": JSON(options),
      "linux": [
        "namespaces": JSON(namespaces), "capabilities": JSON(CapabilityName.all.map { "CAP_" + $0 }),
        "cgroup": ["v1": true, "v2": true, "systemd": false, "systemdUser": false, "rdma": true],
        "seccomp": [
          "enabled": true, "actions": JSON(actions.map { "SCMP_ACT_" + $0 }),
          "operators": JSON(operators.map { "SCMP_CMP_" + $0 }),
        ],
        "apparmor": ["enabled": true], "selinux": ["enabled": true],
        "mountExtensions": ["idmap": ["enabled": true]],
      ],
      "annotations": ["berth.runtime.version": .string(RuntimeProgram.version)],
      "potentiallyUnsafeConfigAnnotations": [],
    ]
    return RuntimeProgram.show(json.text(indent: 2) + "\n")
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
  private static func linux(rootless: Bool) -> Linux {
    var linux = Linux()
    let kinds: [NamespaceKind] = [.pid] + (rootless ? [.user] : [.network]) + [.ipc, .uts, .mount, .cgroup]
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
