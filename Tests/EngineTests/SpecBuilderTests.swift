import JSON
import Problems
import Rootless
import RuntimeSpec
import Testing

@testable import Engine

@Suite struct SpecBuilderTests {
  static let everybody = UserNamespace(
    uids: IDMapping([.init(inside: 0, outside: 0, count: .max)]),
    gids: IDMapping([.init(inside: 0, outside: 0, count: .max)]))
  static let machine = SpecBuilder.Machine(
    userNamespace: everybody, isCgroup2: false, countsSwap: true, openFilesMax: 20000, processesMax: .max,
    capabilities: { ["CAP_CHOWN", "CAP_SYS_ADMIN"] })

  static func resolved(_ change: (inout ContainerOptions) -> Void = { _ in }, image: JSON = [:]) throws(Problem)
    -> ContainerConfig
  {
    var options = ContainerOptions(.image("busybox"))
    options.command = ["true"]
    change(&options)
    return try Resolution(
      options: options,
      image: .init(id: "i", rawName: "busybox", name: "docker.io/library/busybox:latest", layers: ["a"]),
      defaults: .init(json: image), hostEnvironment: ["SECRET=1"]
    ).config()
  }
  static func spec(_ config: ContainerConfig, _ change: (inout SpecBuilder.Facts) -> Void = { _ in }) throws(Problem)
    -> Spec
  {
    var facts = SpecBuilder.Facts(
      id: String(repeating: "ab", count: 32), name: "web", rootfs: "/r", identity: ProcessIdentity(home: "/root"))
    change(&facts)
    return try SpecBuilder(config: config, facts: facts, machine: machine).build()
  }

  // covers LP-42: message queues of an IPC namespace that the container's user namespace does not own
  @Test func queuesOfTheHost() throws {
    let own = IDMapping([.init(inside: 0, outside: 1000, count: 1)])
    var machine = Self.machine
    machine.userNamespace = UserNamespace(uids: own, gids: own)
    let facts = SpecBuilder.Facts(id: "id", name: "web", rootfs: "/r", identity: ProcessIdentity(home: "/root"))
    func type(_ ipc: NamespaceMode) throws -> String? {
      let config = try Self.resolved { $0.ipc = ipc }
      let spec = try SpecBuilder(config: config, facts: facts, machine: machine).build()
      return spec.mounts?.first { $0.destination == "/dev/mqueue" }?.type
    }
    machine.hasQueues = { true }
    #expect(try type(.private) == "mqueue" && type(.host) == "bind")
    machine.hasQueues = { false }
    #expect(try type(.host) == nil)
    machine.userNamespace = Self.everybody
    #expect(try type(.host) == "mqueue")
  }

  // covers PD-161, G.14, G.24: an ordinary user has the limits that were delegated
  @Test func delegatedLimits() throws {
    let own = IDMapping([.init(inside: 0, outside: 1000, count: 1)])
    var machine = Self.machine
    machine.userNamespace = UserNamespace(uids: own, gids: own)
    let facts = SpecBuilder.Facts(id: "id", name: "web", rootfs: "/r", identity: ProcessIdentity(home: "/root"))
    func spec(_ change: (inout ContainerOptions) -> Void = { _ in }) throws(Problem) -> Spec {
      try SpecBuilder(config: try Self.resolved(change), facts: facts, machine: machine).build()
    }
    #expect(try spec().linux?.resources?.pids == nil)
    let none = problem { () throws(Problem) in _ = try spec { $0.memoryBytes = 1 << 26 } }
    #expect(none?.code == .unsupported && none?.message.hasPrefix("--memory needs a cgroup") == true)
    #expect(none?.hint?.contains("cgroup v2") == true)
    (machine.isCgroup2, machine.delegation) = (true, .init(driver: .systemd, controllers: ["memory", "pids"]))
    let given = try spec { ($0.memoryBytes, $0.cgroupParent) = (1 << 26, "my.slice") }.linux
    #expect(given?.cgroupsPath == "my.slice:berth:id" && given?.resources?.memory?.limit == 1 << 26)
    #expect(given?.resources?.pids?.limit == 2048 && given?.resources?.devices == nil)
    let missing = problem { () throws(Problem) in _ = try spec { $0.cpusetCPUs = "0" } }
    #expect(missing?.message.contains("--cpuset-cpus needs the cgroup controller cpuset") == true)
    #expect(missing?.hint?.contains("Delegate=") == true)
    let devices = problem { () throws(Problem) in _ = try spec { $0.deviceCgroupRules = ["c 1:3 rwm"] } }
    #expect(devices?.message.contains("--device-cgroup-rule") == true)
    machine.delegation?.driver = .cgroupfs
    #expect(try spec().linux?.cgroupsPath == "/berth/id")
  }

  // covers LP-48, LP-44, LP-45
  @Test func defaults() throws {
    let spec = try Self.spec(try Self.resolved())
    #expect(spec.process?.capabilities?.bounding == CapabilitySet.names.filter(CapabilitySet.standard.contains))
    #expect(spec.process?.env == [SpecBuilder.defaultPath, "container=berth", "HOSTNAME=abababababab", "HOME=/root"])
    #expect(spec.hostname == "abababababab")
    #expect(spec.linux?.seccomp?.defaultAction == .errno)
    #expect(
      spec.linux?.maskedPaths?.contains("/proc/kcore") == true
        && spec.linux?.readonlyPaths?.contains("/proc/sys") == true)
    #expect(spec.linux?.resources?.pids?.limit == 2048)
    #expect(spec.linux?.namespaces?.map(\.kind) == [.mount, .pid, .ipc, .uts, .network])
    #expect(spec.process?.rlimits?.first { $0.type == "RLIMIT_NOFILE" }?.hard == 20000)
    #expect(spec.mounts?.map(\.destination).prefix(3) == ["/proc", "/dev", "/sys"])
    #expect(spec.linux?.cgroupsPath == "/berth/" + String(repeating: "ab", count: 32))
  }

  @Test func privileged() throws {
    let spec = try Self.spec(try Self.resolved { $0.privileged = true })
    #expect(spec.process?.capabilities?.bounding == ["CAP_CHOWN", "CAP_SYS_ADMIN"])
    #expect(
      spec.linux?.seccomp == nil && spec.linux?.maskedPaths == nil
        && spec.linux?.resources?.devices?.first?.allow == true)
  }

  @Test func othersThanRootHoldNothingByDefault() throws {
    func capabilities(_ added: [String]) throws -> Capabilities? {
      try Self.spec(try Self.resolved { $0.capAdd = added }) { $0.identity = ProcessIdentity(uid: 5, gid: 5) }.process?
        .capabilities
    }
    #expect(try capabilities([])?.effective == nil)
    #expect(try capabilities(["net_raw"])?.ambient == ["CAP_NET_RAW"])
  }

  // covers PD-131: a user's mount at the place of a generated file wins
  @Test func mountOrder() throws {
    let config = try Self.resolved { options in
      var hosts = ContainerMount(.bind(source: "/"), destination: "/etc/hosts")
      hosts.readOnly = true
      options.mounts = [
        ContainerMount(.tmpfs, destination: "/a/b"), ContainerMount(.tmpfs, destination: "/a"), hosts,
        ContainerMount(.tmpfs, destination: "/dev/shm"),
      ]
    }
    let mounts =
      try Self.spec(config) { $0.files = [("/f/hosts", "/etc/hosts"), ("/f/env", "/run/.containerenv")] }.mounts ?? []
    let places = mounts.map(\.destination)
    #expect(places.firstIndex(of: "/a")! < places.firstIndex(of: "/a/b")!)
    #expect(mounts.filter { $0.destination == "/etc/hosts" }.map(\.source) == ["/"])
    #expect(mounts.filter { $0.destination == "/dev/shm" }.count == 1)
    #expect(mounts.first { $0.destination == "/etc/hosts" }?.options == ["rbind", "ro", "rprivate"])
  }

  // covers PD-161
  @Test func limits() throws {
    let config = try Self.resolved { options in
      options.memoryBytes = 64 << 20
      options.nanoCPUs = 1_500_000_000
      options.pidsLimit = -1
      options.cpusetCPUs = "0-1"
      options.ulimits = [Ulimit(name: "core", soft: 0, hard: -1)]
      options.sysctls = [("net.core.somaxconn", "10")]
    }
    let spec = try Self.spec(config)
    #expect(spec.linux?.resources?.memory?.swap == 128 << 20)
    #expect(spec.linux?.resources?.cpu?.quota == 150_000 && spec.linux?.resources?.cpu?.period == 100_000)
    #expect(spec.linux?.resources?.pids == nil)
    #expect(spec.process?.rlimits?.contains(Rlimit(type: "RLIMIT_CORE", hard: .max, soft: 0)) == true)
    #expect(spec.linux?.sysctl == ["net.core.somaxconn": "10", "net.ipv4.ping_group_range": "0 0"])
  }

  // covers G.8, G.13
  @Test func imageDefaults() throws {
    let image: JSON = [
      "Env": ["PATH=/img", "A=1"], "Entrypoint": ["/entry"], "Cmd": ["x"], "User": "web", "WorkingDir": "/w",
      "StopSignal": "SIGQUIT",
      "Volumes": ["/data": [:]], "Labels": ["l": "image"],
    ]
    var config = try Self.resolved(
      {
        $0.command = []; $0.environment = ["A=2"]; $0.labels = ["m": "user"]
      }, image: image)
    #expect(
      config.arguments == ["/entry", "x"] && config.user == "web" && config.workingDirectory == "/w"
        && config.stopSignal == 3)
    #expect(config.environment == ["PATH=/img", "A=2"] && config.labels == ["l": "image", "m": "user"])
    #expect(config.anonymousVolumes.count == 1 && config.mounts.map(\.destination) == ["/data"])
    config = try Self.resolved(
      {
        $0.entrypoint = ["sh"]; $0.command = []
      }, image: image)
    #expect(config.arguments == ["sh"])
    config = try Self.resolved(
      {
        $0.entrypoint = []; $0.command = ["c"]; $0.mounts = [ContainerMount(.tmpfs, destination: "/data")]
      }, image: image)
    #expect(config.arguments == ["c"] && config.anonymousVolumes.isEmpty)
  }

  @Test func configurationSurvivesStorage() throws {
    let config = try Self.resolved({ options in
      options.mounts = [
        ContainerMount(.volume(name: "db"), destination: "/db"), ContainerMount(.tmpfs, destination: "/t"),
      ]
      options.pid = .host
      options.network = .host
      options.memoryBytes = 1 << 30
      options.ulimits = [Ulimit(name: "nofile", soft: 1, hard: 2)]
      options.capAdd = ["net_raw"]
      options.sysctls = []
      options.umask = "027"
      options.readOnly = true
      options.labels = ["k": "v"]
      options.logOptions = [("tag", "t")]
    })
    let read = ContainerConfig(json: try JSON.parse(config.json.bytes()))
    #expect(read.json == config.json)
    #expect(read.mounts == config.mounts && read.options.pid == .host && read.options.ulimits == config.options.ulimits)
    let (first, second) = (
      try Self.spec(config) { $0.volumes = ["db": "/v"] }, try Self.spec(read) { $0.volumes = ["db": "/v"] }
    )
    #expect(first == second)
  }
}

// covers PD-37, PD-60, PD-79, PD-122, PD-123, PD-132, PD-161
@Suite struct ResolutionTests {
  static let refusals: [(String, @Sendable (inout ContainerOptions) -> Void)] = [
    ("no command", { $0.command = [] }), ("container name", { $0.name = "a b" }), ("hostname", { $0.hostname = "a b" }),
    (
      "--hostname needs",
      {
        $0.hostname = "h"; $0.uts = .host
      }
    ), ("working directory", { $0.workingDirectory = "x" }),
    (
      "two mounts at /x",
      { $0.mounts = [ContainerMount(.tmpfs, destination: "/x"), ContainerMount(.tmpfs, destination: "/x")] }
    ),
    (
      "path /nonexistent does not exist",
      { $0.mounts = [ContainerMount(.bind(source: "/nonexistent"), destination: "/x")] }
    ),
    (
      "cannot add init binary as PID 1",
      {
        $0.initProcess = true; $0.pid = .host
      }
    ), ("invalid umask string", { $0.umask = "9" }),
    ("unknown time zone", { $0.timezone = "Nowhere/City" }), ("not a time zone", { $0.timezone = "../../etc/passwd" }),
    ("--stop-signal 65", { $0.stopSignal = 65 }), ("--stop-signal 0", { $0.stopSignal = 0 }),
    ("--stop-timeout", { $0.stopTimeoutSeconds = -1 }),
    ("--memory-swap needs --memory", { $0.memorySwapBytes = 5 }),
    (
      "below --memory",
      {
        $0.memoryBytes = 9 << 20; $0.memorySwapBytes = 1
      }
    ),
    (
      "--cpus does not fit",
      {
        $0.nanoCPUs = 1; $0.cpuQuotaMicroseconds = 1
      }
    ), ("--cpuset-cpus", { $0.cpusetCPUs = "3-1" }),
    ("would change the host", { $0.sysctls = [("kernel.panic", "1")] }),
    (
      "would change the host",
      {
        $0.sysctls = [("net.x", "1")]; $0.network = .host
      }
    ),
    ("not a capability", { $0.capAdd = ["nosuch"] }),
    (
      "both added and dropped",
      {
        $0.capAdd = ["kill"]; $0.capDrop = ["KILL"]
      }
    ),
    ("--security-opt", { $0.securityOptions = ["nosuch=1"] }),
    ("is not supported", { $0.securityOptions = ["label=type:x"] }),
    ("--log-opt", { $0.logOptions = [("nosuch", "1")] }),
    (
      "--log-opt does not fit",
      {
        $0.logDriver = .none; $0.logOptions = [("path", "/x")]
      }
    ),
    ("seccomp profile", { $0.securityOptions = ["seccomp=/nonexistent"] }),
    (
      "--shm-size needs",
      {
        $0.shmSizeBytes = 1; $0.ipc = .host
      }
    ),
    ("--device /nonexistent", { $0.devices = [DeviceMapping(hostPath: "/nonexistent", containerPath: "/x")] }),
    ("is not a device", { $0.devices = [DeviceMapping(hostPath: "/etc/passwd", containerPath: "/x")] }),
    ("--oom-score-adj", { $0.oomScoreAdjust = 5000 }), ("--device-cgroup-rule", { $0.deviceCgroupRules = ["x"] }),
  ]
  @Test(arguments: refusals.indices) func refused(_ index: Int) {
    let (text, change) = Self.refusals[index]
    let refusal = problem { () throws(Problem) in _ = try SpecBuilderTests.resolved(change) }
    #expect(refusal != nil && "\(refusal!)".contains(text), "\(text): \(refusal.map { "\($0)" } ?? "accepted")")
  }

  @Test func securityOptions() throws {
    let options = try SecurityOptions([
      "no-new-privileges", "seccomp=unconfined", "mask=/a:/b", "unmask=/proc/kcore:/sys/*",
    ])
    #expect(options.noNewPrivileges && options.seccomp == .unconfined)
    #expect(
      options.masked.contains("/a") && !options.masked.contains("/proc/kcore")
        && !options.masked.contains("/sys/firmware"))
    #expect(try SecurityOptions(["unmask=ALL"]).readOnly.isEmpty)
    #expect(try SecurityOptions(["seccomp:/p"]).seccomp == .file("/p"))
  }

  // covers LX-27
  @Test func dockerSeccompProfiles() throws {
    let text = """
      {"defaultAction":"SCMP_ACT_ERRNO","archMap":[{"architecture":"SCMP_ARCH_X86_64","subArchitectures":["SCMP_ARCH_X86"]}],
       "syscalls":[{"names":["read"],"action":"SCMP_ACT_ALLOW"},
        {"names":["mount"],"action":"SCMP_ACT_ALLOW","includes":{"caps":["CAP_SYS_ADMIN"]}},
        {"names":["clone"],"action":"SCMP_ACT_ALLOW","excludes":{"caps":["CAP_SYS_ADMIN"]}}]}
      """
    func names(_ capabilities: [String]) throws -> [String] {
      (try SeccompProfileFile.parse(Array(text.utf8), path: "p", capabilities: capabilities).syscalls ?? []).flatMap(
        \.names)
    }
    #expect(try names([]) == ["read", "clone"])
    #expect(try names(["CAP_SYS_ADMIN"]) == ["read", "mount"])
    #expect(
      problem { () throws(Problem) in _ = try SeccompProfileFile.parse(Array("{}".utf8), path: "p", capabilities: []) }?
        .code == .invalid)
  }

  // covers PD-131, PD-144
  @Test func generatedFiles() throws {
    var options = ContainerOptions(.image("busybox"))
    options.addHosts = [HostEntry(name: "db", address: "10.0.0.2")]
    let files = NameFiles(options: options, hostname: "h", name: "web", joined: [])
    #expect(files.resolvConf(host: "nameserver 127.0.0.53\nnameserver 9.9.9.9\n") == "nameserver 9.9.9.9\n")
    let hosts = try files.hosts(base: nil)
    #expect(hosts.hasPrefix("10.0.0.2\tdb\n") && hosts.contains("127.0.1.1\th web\n"))
  }
}
