import Engine
import Problems

/// The flags that `create` and `run` share: everything that describes a container.
struct CreateFlags {
  var options = ContainerOptions(.image(""))
  /// The first operand is a directory, not an image.
  var rootfs = false
  var architecture: String?
  var system: String?
  var variant: String?

  init() {}

  static var flags: [Flag<CreateFlags>] {
    process + records + fileSystems + security + namespaces + userNamespaces + networks + limits + imageAndLog + pending
  }

  /// The options with what the operands and the flags say together.
  func options(_ operands: [String], _ context: Context) throws(Problem) -> ContainerOptions {
    var result = options
    let source = operands.first ?? ""
    result.source = rootfs ? .rootfs(absolutePath(source)) : .image(source)
    result.command = Array(operands.dropFirst())
    result.createCommand = context.arguments
    if architecture != nil || system != nil || variant != nil {
      if result.platform != nil {
        throw Problem(code: .invalid, message: "--platform cannot be combined with --arch, --os or --variant")
      }
      guard let architecture else {
        throw Problem(code: .invalid, message: "--arch is missing: --os and --variant go with it")
      }
      result.platform = (system ?? "linux") + "/" + architecture + (variant.map { "/" + $0 } ?? "")
    }
    if let name = result.name, name.isEmpty { result.name = nil }
    if result.userNamespaceMode == nil { result.userNamespaceMode = try usualUserNamespace() }
    return result
  }

  private static var process: [Flag<CreateFlags>] {
    [
      .toggle("interactive", "i", "Keep stdin open") { $0.options.interactive = $1 },
      .toggle("tty", "t", "Give the container a terminal") { $0.options.terminal = $1 },
      .value("entrypoint", "command", "Replace the image's entrypoint: a word or a JSON list") {
        $0.options.entrypoint = try FlagValue.entrypoint($1)
      },
      .value("env", "e", "NAME=value", "Set an environment variable; NAME alone takes the caller's value") {
        $0.options.environment.append($1)
      },
      .value("env-file", "file", "Read environment variables from a file", completion: .file) {
        $0.options.environmentFiles.append($1)
      },
      .value("user", "u", "user[:group]", "User and group by name or number, as the container knows them") {
        $0.options.user = $1
      },
      .value("group-add", "group", "Add a group to the process") { $0.options.groupAdd += commaList($1) },
      .value("workdir", "w", "directory", "Working directory in the container") { $0.options.workingDirectory = $1 },
      .value("umask", "mask", "File mode creation mask, octal") { $0.options.umask = $1 },
      .value("tz", "zone", "Time zone; 'local' is the host's") { $0.options.timezone = $1 },
      .value("ulimit", "name=soft[:hard]", "Resource limit") { $0.options.ulimits.append(try Ulimit(flag: $1)) },
      .toggle("init", "Run an init that forwards signals and reaps processes") { $0.options.initProcess = $1 },
      .value("init-path", "path", "The init to run", completion: .file) { $0.options.initPath = $1 },
      .value("stop-signal", "signal", "Signal that stops the container") {
        $0.options.stopSignal = try FlagValue.signal($1, flag: "--stop-signal")
      },
      .value("stop-timeout", "seconds", "Seconds from the stop signal to SIGKILL") {
        $0.options.stopTimeoutSeconds = try number($1, "--stop-timeout", 0...Int(Int32.max))
      },
      .value("preserve-fds", "count", "Pass this many of the caller's descriptors, from 3 on") {
        $0.options.preserveFDs = try number($1, "--preserve-fds", 0...1024)
      },
      .value("oom-score-adj", "points", "OOM preference, -1000 to 1000") {
        $0.options.oomScoreAdjust = try number($1, "--oom-score-adj", -1000...1000)
      },
      .value("detach-keys", "keys", "Key sequence that detaches; \"\" is none") { $0.options.detachKeys = $1 },
    ]
  }

  private static var records: [Flag<CreateFlags>] {
    [
      .value("name", "name", "Name of the container") { $0.options.name = $1 },
      .value("hostname", "h", "name", "Host name in the container; empty is its ID") {
        $0.options.hostname = $1.isEmpty ? nil : $1
      },
      .value("label", "l", "key=value", "Set a label") {
        let label = try FlagValue.label($1, flag: "--label")
        $0.options.labels[label.name] = label.value
      },
      .value("label-file", "file", "Read labels from a file", completion: .file) { $0.options.labelFiles.append($1) },
      .value("annotation", "key=value", "Set an annotation of the OCI bundle") {
        let pair = try FlagValue.pair($1, flag: "--annotation")
        $0.options.annotations[pair.name] = pair.value
      },
      .value("add-host", "name:address", "Add a line to /etc/hosts") {
        $0.options.addHosts.append(try HostEntry(flag: $1))
      },
      .value("cidfile", "file", "Write the container's ID to a file", completion: .file) { $0.options.cidFile = $1 },
      .value("pidfile", "file", "Write the process ID to a file", completion: .file) { $0.options.pidFile = $1 },
      .toggle("rm", "Remove the container when it ends") { $0.options.removeWhenDone = $1 },
      .toggle("replace", "Replace a container of the same name") { $0.options.replace = $1 },
    ]
  }

  private static var fileSystems: [Flag<CreateFlags>] {
    [
      .value("volume", "v", "source:destination[:options]", "Mount a directory or a volume") {
        $0.options.mounts.append(try ContainerMount(volumeFlag: $1))
      },
      .value("mount", "type=…,source=…,destination=…", "Mount a directory, a volume or a tmpfs") {
        $0.options.mounts.append(try ContainerMount(mountFlag: $1))
      },
      .value("tmpfs", "destination[:options]", "Mount a tmpfs") {
        $0.options.mounts.append(try ContainerMount(tmpfsFlag: $1))
      },
      .toggle("read-only", "Make the root filesystem read-only") { $0.options.readOnly = $1 },
      .toggle("read-only-tmpfs", "With --read-only: writable /run, /tmp and /var/tmp (default true)") {
        $0.options.readOnlyTmpfs = $1
      },
      .value("shm-size", "bytes", "Size of /dev/shm: 64m") {
        $0.options.shmSizeBytes = try FlagValue.bytes($1, flag: "--shm-size")
      },
      .value("device", "host[:container[:rwm]]", "Add a device of the host") {
        $0.options.devices.append(try DeviceMapping(flag: $1))
      },
      .value("device-cgroup-rule", "rule", "Allow devices by number: \"c 10:200 rwm\"") {
        $0.options.deviceCgroupRules.append($1)
      },
      .toggle("rootfs", "The first operand is a directory to run in place, not an image") { $0.rootfs = $1 },
    ]
  }

  private static var security: [Flag<CreateFlags>] {
    [
      .toggle("privileged", "Give all capabilities and devices") { $0.options.privileged = $1 },
      .value("cap-add", "capability", "Add a capability; ALL adds all") { $0.options.capAdd += commaList($1) },
      .value("cap-drop", "capability", "Drop a capability; ALL drops all") { $0.options.capDrop += commaList($1) },
      .value("security-opt", "option", "seccomp=FILE|unconfined, no-new-privileges, mask=PATHS, unmask=PATHS|ALL") {
        $0.options.securityOptions.append($1)
      },
      .value("sysctl", "name=value", "Set a kernel parameter of the container's namespaces") {
        $0.options.sysctls.append(try FlagValue.pair($1, flag: "--sysctl"))
      },
    ]
  }

  private static var namespaces: [Flag<CreateFlags>] {
    [
      .value("pid", "mode", "Process IDs: private, host, container:NAME, ns:PATH") {
        $0.options.pid = try NamespaceMode($1, flag: "--pid")
      },
      .value("ipc", "mode", "IPC: private, shareable, none, host, container:NAME, ns:PATH") {
        $0.options.ipc = try NamespaceMode($1, flag: "--ipc")
      },
      .value("uts", "mode", "Host name: private, host, container:NAME, ns:PATH") {
        $0.options.uts = try NamespaceMode($1, flag: "--uts")
      },
      .value("cgroupns", "mode", "Cgroup tree: private, host, container:NAME, ns:PATH") {
        $0.options.cgroupNamespace = try NamespaceMode($1, flag: "--cgroupns")
      },
      .value("time", "mode", "Clocks since boot: host, private, container:NAME, ns:PATH") {
        $0.options.time = try NamespaceMode($1, flag: "--time")
      },
    ]
  }

  private static var limits: [Flag<CreateFlags>] {
    [
      .value("memory", "m", "bytes", "Memory limit: 512m") {
        $0.options.memoryBytes = try FlagValue.bytes($1, flag: "--memory")
      },
      .value("memory-swap", "bytes", "Memory and swap together; -1 is no limit") {
        $0.options.memorySwapBytes = try FlagValue.bytesOrUnlimited($1, flag: "--memory-swap")
      },
      .value("memory-reservation", "bytes", "Soft memory limit") {
        $0.options.memoryReservationBytes = try FlagValue.bytes($1, flag: "--memory-reservation")
      },
      .value("memory-swappiness", "percent", "0 to 100; -1 is the system's") {
        let value = try number($1, "--memory-swappiness", -1...100)
        $0.options.memorySwappiness = UInt64(exactly: value)
      },
      .toggle("oom-kill-disable", "Do not kill when memory is out") { $0.options.oomKillDisable = $1 },
      .value("cpus", "number", "CPUs: 1.5") { $0.options.nanoCPUs = try FlagValue.nanoCPUs($1, flag: "--cpus") },
      .value("cpu-shares", "c", "weight", "Relative weight, 2 to 262144") {
        let value = try number($1, "--cpu-shares", 0...262_144)
        $0.options.cpuShares = value == 0 ? nil : UInt64(value)
      },
      .value("cpu-period", "microseconds", "CPU period") {
        $0.options.cpuPeriodMicroseconds = UInt64(try number($1, "--cpu-period", 0...1_000_000))
      },
      .value("cpu-quota", "microseconds", "CPU time in a period; -1 is no limit") {
        $0.options.cpuQuotaMicroseconds = Int64(try number($1, "--cpu-quota", -1...Int.max))
      },
      .value("cpuset-cpus", "list", "CPUs to run on: 0-3,5") { $0.options.cpusetCPUs = $1 },
      .value("cpuset-mems", "list", "Memory nodes to use: 0,1") { $0.options.cpusetMemories = $1 },
      .value("pids-limit", "count", "Most processes; -1 is no limit (default 2048)") {
        $0.options.pidsLimit = Int64(try number($1, "--pids-limit", -1...Int.max))
      },
      .value("blkio-weight", "weight", "Block I/O weight, 10 to 1000") {
        $0.options.blockIOWeight = UInt16(try number($1, "--blkio-weight", 10...1000))
      },
      .value("cgroup-parent", "path", "Parent cgroup") { $0.options.cgroupParent = $1 },
    ] + DeviceRate.Kind.allCases.map(rate)
  }
  private static func rate(_ kind: DeviceRate.Kind) -> Flag<CreateFlags> {
    let help =
      switch kind {
      case .readBytes: "Bytes a second that may be read from a block device"
      case .writeBytes: "Bytes a second that may be written to a block device"
      case .readOperations: "Reads a second from a block device"
      case .writeOperations: "Writes a second to a block device"
      case .weight: "Block I/O weight for one device, 10 to 1000"
      }
    return .value(kind.rawValue, kind == .weight ? "device:weight" : "device:rate", help) {
      $0.options.deviceRates.append(try DeviceRate(kind, flag: $1))
    }
  }

  private static var imageAndLog: [Flag<CreateFlags>] {
    [
      .value("pull", "policy", "When to pull: always, missing, never, newer", completion: .words(PullPolicy.names)) {
        guard let policy = PullPolicy(rawValue: $1) else { throw choice("--pull", $1, PullPolicy.names) }
        $0.options.pull = policy
      },
      .value("platform", "os/arch[/variant]", "Platform of the image") { $0.options.platform = $1 },
      .value("arch", "architecture", "Architecture of the image") { $0.architecture = $1 },
      .value("os", "system", "Operating system of the image") { $0.system = $1 },
      .value("variant", "variant", "Architecture variant of the image") { $0.variant = $1 },
      .toggle("quiet", "q", "Pull without progress") { $0.options.pullOptions.quiet = $1 },
      .toggle("tls-verify", "Require HTTPS and check certificates when pulling") {
        $0.options.pullOptions.tlsVerify = $1
      },
      .value("cert-dir", "directory", "Certificates for the registry", completion: .directory) {
        $0.options.pullOptions.certDirectory = $1
      },
      .value("authfile", "file", "Credentials for registries", completion: .file) {
        $0.options.pullOptions.authFile = $1
      },
      .value("signature-policy", "file", "Whose images may be pulled, instead of policy.json", completion: .file) {
        $0.options.pullOptions.signaturePolicy = $1
      },
      .value("runtime", "path", "OCI runtime: a path or a name", completion: .file) { $0.options.runtime = $1 },
      .value("log-driver", "driver", "k8s-file, json-file or none", completion: .words(LogDriver.names)) {
        if $1 == "file" { return $0.options.logDriver = .k8sFile }
        guard let driver = LogDriver(rawValue: $1) else { throw choice("--log-driver", $1, LogDriver.names) }
        $0.options.logDriver = driver
      },
      .value("log-opt", "name=value", "path=FILE, max-size=BYTES, tag=TEXT") {
        $0.options.logOptions.append(try FlagValue.pair($1, flag: "--log-opt"))
      },
    ]
  }

  /// Known from podman and docker; refused by name until the issues that bring them.
  private static var pending: [Flag<CreateFlags>] {
    let values = [
      "cgroup-conf", "cgroups", "chrootdirs", "conmon-pidfile", "cpu-rt-period",
      "cpu-rt-runtime",
      "env-merge",
      "health-cmd", "health-interval", "health-on-failure", "health-retries",
      "health-start-period", "health-timeout", "hostuser", "image-volume",
      "passwd-entry", "personality", "pod", "pod-id-file", "requires", "restart", "sdnotify", "seccomp-policy",
      "secret",
      "systemd", "timeout", "unsetenv", "volumes-from", "gpus", "link",
      "volume-driver", "kernel-memory", "isolation",
    ]
    let toggles = [
      "disable-content-trust", "env-host", "http-proxy", "no-healthcheck", "passwd", "rmi", "unsetenv-all",
    ]
    return values.map { .pending($0) } + toggles.map { .pending($0, value: false) }
  }
}

extension PullPolicy {
  fileprivate static var names: [String] { allCases.map(\.rawValue) }
}
extension LogDriver {
  fileprivate static var names: [String] { allCases.map(\.rawValue) }
}
