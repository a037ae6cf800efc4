import JSON
import TestKit

/// A valid config.json at random, the same for the same seed.
struct DifferentialBundle {
  private var random: Seeded
  /// Where the sources of binds are: `file`, `directory` (with a tmpfs below), `log`.
  let sources: String
  private(set) var hasUserNamespace = false
  private var namespaces: Set<String> = []
  private(set) var sysctls: [String: String] = [:]
  private(set) var hidden: [String] = []
  /// Where more than one mount is.
  private(set) var stacked: Set<String> = []

  static let capabilities = [
    "CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP", "NET_BIND_SERVICE", "NET_RAW",
    "SYS_CHROOT", "MKNOD", "AUDIT_WRITE", "SETFCAP", "SYS_ADMIN", "NET_ADMIN", "SYS_PTRACE", "DAC_READ_SEARCH",
  ].map { "CAP_" + $0 }

  init(seed: UInt64, sources: String) {
    random = Seeded(seed)
    self.sources = sources
  }

  private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }
  private mutating func pick<T>(_ list: [T]) -> T { list[Int.random(in: 0..<list.count, using: &random)] }
  private mutating func some<T>(of list: [T], _ percent: Int) -> [T] { list.filter { _ in chance(percent) } }

  mutating func configuration(cgroup: String) -> JSON {
    // 1.0.2: what Debian's crun takes.
    var spec: [String: JSON] = ["ociVersion": "1.0.2"]
    chooseNamespaces()
    spec["root"] = ["path": "rootfs", "readonly": JSON(chance(30))]
    if namespaces.contains("uts"), chance(70) { spec["hostname"] = .string(pick(["box", "a-b.example", "X"])) }
    let mounts = usualMounts() + moreMounts()
    let places = mounts.compactMap { $0["destination"]?.string }
    stacked = Set(places.filter { place in places.filter { $0 == place }.count > 1 })
    spec["mounts"] = .array(mounts)
    spec["process"] = Self.object(process())
    if chance(40) { spec["annotations"] = ["org.example.a": "1", "b": .string(pick(["", "two words", "\u{e9}"]))] }
    if chance(30) { spec["hooks"] = hooks() }
    spec["linux"] = Self.object(linux(cgroup: cgroup))
    return Self.object(spec)
  }

  private mutating func chooseNamespaces() {
    hasUserNamespace = chance(25)
    namespaces = Set(
      some(of: ["pid", "ipc", "uts", "network", "cgroup"], hasUserNamespace ? 100 : 85) + ["mount", "uts"])
    if hasUserNamespace { namespaces.insert("user") }
  }

  private static func object(_ members: [String: JSON]) -> JSON {
    .object(JSON.Object(members.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
  }

  // MARK: - Process

  private mutating func process() -> [String: JSON] {
    var process: [String: JSON] = ["args": ["sh", "/probe"], "terminal": false]
    process["cwd"] = .string(pick(["/", "/", "/tmp", "/gen/made/for/it", "/etc"]))
    var user: [String: JSON] = ["uid": JSON(pick([0, 0, 0, 1000, 65534])), "gid": JSON(pick([0, 0, 100, 1000]))]
    if chance(30) { user["additionalGids"] = .array(some(of: [1, 5, 10, 1000, 60000], 50)) }
    if chance(30) { user["umask"] = JSON(pick([0o22, 0o77, 0o2, 0])) }
    process["user"] = Self.object(user)
    let variables = ["TERM=xterm", "A=b=c", "EMPTY=", "LANG=C.UTF-8", "HOME=/root", "X=1", "WORDS=a b  c"]
    process["env"] = JSON(["PATH=/bin"] + some(of: variables, 40))
    process["capabilities"] = capabilities()
    if chance(40) { process["rlimits"] = rlimits() }
    if chance(40) { process["noNewPrivileges"] = JSON(chance(70)) }
    if chance(30) { process["oomScoreAdj"] = JSON(pick([0, 100, 1000])) }
    return process
  }

  private mutating func capabilities() -> JSON {
    let bounding = some(of: Self.capabilities, pick([0, 30, 60, 100]))
    let permitted = some(of: bounding, 85)
    let inheritable = chance(50) ? some(of: permitted, 50) : []
    return [
      "bounding": JSON(bounding), "permitted": JSON(permitted), "effective": JSON(some(of: permitted, 85)),
      "inheritable": JSON(inheritable), "ambient": JSON(some(of: inheritable, 60)),
    ]
  }

  private mutating func rlimits() -> JSON {
    let limits = [("NOFILE", 1024, 4096), ("CORE", 0, 0), ("NPROC", 500, 5000), ("STACK", 1 << 20, 8 << 20)]
    let more = [("FSIZE", 1 << 20, 1 << 30), ("MEMLOCK", 4096, 8192), ("SIGPENDING", 50, 100), ("NICE", 0, 0)]
    return .array(
      some(of: limits + more, 40).map { ["type": .string("RLIMIT_" + $0.0), "soft": JSON($0.1), "hard": JSON($0.2)] })
  }

  // MARK: - Mounts

  private static func mount(_ place: String, _ type: String, _ source: String, _ options: [String]) -> JSON {
    [
      "destination": .string(place), "type": .string(type), "source": .string(source), "options": JSON(options),
    ]
  }

  private mutating func usualMounts() -> [JSON] {
    var mounts = [
      Self.mount("/proc", "proc", "proc", chance(50) ? [] : ["nosuid", "noexec", "nodev"]),
      Self.mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"]),
    ]
    if chance(90) {
      let options = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
      mounts.append(
        Self.mount("/dev/pts", "devpts", "devpts", options + (hasUserNamespace || chance(50) ? [] : ["gid=5"])))
    }
    if chance(80) {
      let options = ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]
      mounts.append(Self.mount("/dev/shm", "tmpfs", "shm", options))
    }
    if namespaces.contains("ipc"), chance(70) {
      mounts.append(Self.mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"]))
    }
    if namespaces.contains("network"), chance(70) {
      mounts.append(Self.mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"]))
      if chance(50) {
        mounts.append(
          Self.mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"]))
      }
    }
    return mounts
  }

  private mutating func moreMounts() -> [JSON] {
    var mounts: [JSON] = []
    let flags = ["nosuid", "nodev", "noexec", "noatime", "nodiratime", "relatime", "sync", "dirsync"]
    for number in 0..<Int.random(in: 0...4, using: &random) {
      let place = pick(["/gen/\(number)", "/gen/\(number)/deep/er", "/link/\(number)", "/gen/0/below", "/tmp"])
      var options = some(of: flags, 20) + (chance(30) ? ["ro"] : [])
      switch Int.random(in: 0..<4, using: &random) {
      case 0:
        options += some(of: ["size=1m", "mode=\(pick(["700", "1777", "755"]))", "nr_inodes=100"], 50)
        mounts.append(Self.mount(place, "tmpfs", pick(["tmpfs", "none", "x"]), options))
      case 1: mounts.append(Self.mount(place + "-file", "bind", sources + "/file", ["bind"] + options))
      default:
        let propagation = some(of: ["private", "rprivate", "slave", "rslave", "rshared", "unbindable"], 10).prefix(1)
        mounts.append(
          Self.mount(
            place, pick(["bind", "none"]), sources + "/directory", [pick(["bind", "rbind"])] + options + propagation))
      }
    }
    return mounts
  }

  // MARK: - Linux

  private mutating func linux(cgroup: String) -> [String: JSON] {
    var linux: [String: JSON] = ["cgroupsPath": .string(cgroup)]
    linux["namespaces"] = .array(namespaces.sorted().map { ["type": .string($0)] })
    if hasUserNamespace {
      let maps: [JSON] = [
        [["containerID": 0, "hostID": 100_000, "size": 65536]],
        [
          ["containerID": 0, "hostID": 200_000, "size": 1000], ["containerID": 1000, "hostID": 100_000, "size": 64536],
        ],
      ]
      let map = pick(maps)
      linux["uidMappings"] = map
      linux["gidMappings"] = map
    }
    if chance(60) {
      linux["maskedPaths"] = JSON(hide(["/proc/kcore", "/proc/keys", "/proc/acpi", "/proc/nothing", "/etc/hide"]))
    }
    if chance(60) {
      linux["readonlyPaths"] = JSON(hide(["/proc/bus", "/proc/sys", "/proc/irq", "/etc/keep", "/nothing"]))
    }
    if chance(40) { linux["sysctl"] = chosenSysctls() }
    if !hasUserNamespace, chance(30) { linux["devices"] = devices() }
    if chance(50) { linux["seccomp"] = seccomp() }
    if chance(15) { linux["rootfsPropagation"] = .string(pick(["private", "slave", "rprivate", "rslave", "shared"])) }
    linux["resources"] = Self.object(resources())
    return linux
  }

  private mutating func hide(_ paths: [String]) -> [String] {
    let chosen = some(of: paths, 60)
    hidden += chosen
    return chosen
  }

  private mutating func chosenSysctls() -> JSON {
    var all: [(String, String)] = []
    if namespaces.contains("ipc") { all += [("kernel.msgmax", "4096"), ("kernel.shm_rmid_forced", "1")] }
    if namespaces.contains("ipc"), !hasUserNamespace { all.append(("fs.mqueue.msg_max", "20")) }
    if namespaces.contains("network") {
      all += [
        ("net.ipv4.ip_forward", "1"), ("net.ipv4.ip_local_port_range", "2000\t3000"), ("net.core.somaxconn", "99"),
      ]
    }
    for (name, value) in some(of: all, 50) { sysctls[name] = value }
    return Self.object(sysctls.mapValues { .string($0) })
  }

  private mutating func devices() -> JSON {
    let all: [JSON] = [
      ["path": "/dev/gen-null", "type": "c", "major": 1, "minor": 3, "fileMode": JSON(0o640), "uid": 1000, "gid": 5],
      ["path": "/dev/below/fuse", "type": "c", "major": 10, "minor": 229, "fileMode": JSON(0o666), "uid": 0, "gid": 0],
      ["path": "/dev/loop-gen", "type": "b", "major": 7, "minor": 0, "fileMode": JSON(0o600), "uid": 0, "gid": 6],
      ["path": "/dev/pipe", "type": "p", "fileMode": JSON(0o600), "uid": 1, "gid": 2],
    ]
    return .array(some(of: all, 50))
  }

  private mutating func resources() -> [String: JSON] {
    var rules: [JSON] = chance(80) ? [["allow": false, "access": "rwm"]] : []
    if chance(50) { rules.append(["allow": true, "type": "c", "major": 1, "minor": 3, "access": "rwm"]) }
    if chance(30) {
      rules.append(["allow": true, "type": "c", "major": 10, "access": .string(pick(["r", "rw", "rwm"]))])
    }
    var resources: [String: JSON] = ["devices": .array(rules)]
    if chance(30) { resources["pids"] = ["limit": JSON(pick([100, 1000]))] }
    if chance(30) { resources["memory"] = ["limit": JSON(pick([64 << 20, 128 << 20]))] }
    if chance(30) { resources["cpu"] = ["shares": JSON(pick([2, 512, 2048])), "quota": 50000, "period": 100_000] }
    return resources
  }

  private mutating func seccomp() -> JSON {
    let calls = [
      ["mkdir", "mkdirat"], ["chmod", "fchmodat", "fchmodat2"], ["symlink", "symlinkat"], ["sethostname"],
    ]
    var rules: [JSON] = some(of: calls, 50).map { names in
      [
        "names": JSON(names + some(of: ["no_such_call"], 30)), "action": "SCMP_ACT_ERRNO",
        "errnoRet": JSON(pick([1, 13, 38, 95])),
      ]
    }
    if chance(60) {
      let comparisons = ["EQ", "NE", "LT", "LE", "GT", "GE"].map { "SCMP_CMP_" + $0 }
      let condition: JSON =
        chance(20)
        ? ["index": 1, "value": 16, "valueTwo": 16, "op": "SCMP_CMP_MASKED_EQ"]
        : ["index": 1, "value": JSON(pick([18, 23, 28])), "op": .string(pick(comparisons))]
      rules.append(["names": ["kill"], "action": "SCMP_ACT_ERRNO", "errnoRet": 16, "args": [condition]])
    }
    var profile: [String: JSON] = ["defaultAction": .string(pick(["SCMP_ACT_ALLOW", "SCMP_ACT_LOG"]))]
    if chance(70) {
      profile["architectures"] = JSON(["SCMP_ARCH_X86_64"] + some(of: ["SCMP_ARCH_X86", "SCMP_ARCH_X32"], 50))
    }
    profile["syscalls"] = .array(rules)
    return Self.object(profile)
  }

  private mutating func hooks() -> JSON {
    let script = "printf '%s ' $0 >>\(sources)/log/hooks; cat >>\(sources)/log/hooks; echo >>\(sources)/log/hooks"
    var hooks: [String: JSON] = [:]
    // The two that are left run inside the container, where the log is not.
    for kind in some(of: ["prestart", "createRuntime", "createContainer", "poststart", "poststop"], 40) {
      hooks[kind] = [
        ["path": "/bin/sh", "args": ["sh", "-c", .string(script), .string(kind)], "env": ["PATH=/bin:/usr/bin"]]
      ]
    }
    return Self.object(hooks)
  }
}
