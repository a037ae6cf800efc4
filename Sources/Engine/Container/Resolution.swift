import CSys
import Glibc
import JSON
import Networking
import Problems
import StateStore
import Sys

/// Works an image's defaults into a user's options, and refuses what does not fit together. No side effects.
/// Source: capability lines PD-37, PD-60, PD-122, PD-123, PD-132, G.8, G.13, G.15.
struct Resolution {
  /// `config` of an image configuration. Source: image-spec, config.md.
  struct ImageDefaults {
    var environment: [String] = []
    var entrypoint: [String] = []
    var command: [String] = []
    var user = ""
    var workingDirectory = ""
    var stopSignal = ""
    var volumes: [String] = []
    var labels: [String: String] = [:]
    var exposedPorts: [String] = []

    init() {}
    init(json: JSON) {
      environment = json["Env"]?.strings ?? []
      entrypoint = json["Entrypoint"]?.strings ?? []
      command = json["Cmd"]?.strings ?? []
      // `user` alone is a C type as well: having met it, the compiler finds no property of `stat` any more (Swift 6.3).
      self.user = json["User"]?.string ?? ""
      workingDirectory = json["WorkingDir"]?.string ?? ""
      stopSignal = json["StopSignal"]?.string ?? ""
      volumes = json["Volumes"]?.object?.members.map(\.name).sorted() ?? []
      labels = json["Labels"]?.texts ?? [:]
      exposedPorts = json["ExposedPorts"]?.object?.members.map(\.name).sorted() ?? []
    }
  }

  let options: ContainerOptions
  let image: ContainerConfig.Image?
  let defaults: ImageDefaults
  /// The caller's environment, for `--env NAME`.
  let hostEnvironment: [String]
  /// The host's own name, for who shares its network or its UTS namespace.
  var hostName: String?

  func config() throws(Problem) -> ContainerConfig {
    try checkNames()
    try checkDNS()
    try checkNamespaces()
    try checkLimits()
    try checkSecurity()
    let mounts = try mounts()
    var environment = EnvironmentList(defaults.environment.filter { $0.contains("=") })
    try environment.apply(files: options.environmentFiles, words: options.environment, host: hostEnvironment)
    var config = ContainerConfig(
      image: image, options: options, arguments: try arguments(), environment: environment.entries,
      user: options.user ?? defaults.user, workingDirectory: try workingDirectory(), stopSignal: try stopSignal(),
      stopTimeoutSeconds: options.stopTimeoutSeconds ?? ContainerConfig.Default.stopTimeoutSeconds,
      labels: try labels(),
      mounts: mounts.all, anonymousVolumes: mounts.anonymous)
    config.entrypoint = options.entrypoint ?? (defaults.entrypoint.isEmpty ? nil : defaults.entrypoint)
    config.command = options.command.isEmpty ? (options.entrypoint == nil ? defaults.command : nil) : options.command
    config.exposedPorts = defaults.exposedPorts
    config.options.published = try distinctPorts()
    if options.network == .host || options.uts == .host { config.options.hostname = options.hostname ?? hostName }
    return config
  }

  // MARK: process

  private func arguments() throws(Problem) -> [String] {
    // A given entrypoint drops the image's command, too. Source: docker-run(1), "--entrypoint".
    let entrypoint = options.entrypoint ?? defaults.entrypoint
    let command = options.command.isEmpty && options.entrypoint == nil ? defaults.command : options.command
    let arguments = entrypoint + command
    guard let first = arguments.first, !first.isEmpty else {
      throw Problem(
        code: .invalid, message: "no command: the image has neither Cmd nor Entrypoint, and none was given",
        hint: "name one after the image")
    }
    return arguments
  }
  private func workingDirectory() throws(Problem) -> String {
    let path = options.workingDirectory ?? (defaults.workingDirectory.isEmpty ? "/" : defaults.workingDirectory)
    guard path.hasPrefix("/") else {
      throw Problem(code: .invalid, message: "working directory \"\(path)\" is not an absolute path")
    }
    return PathText.normal(path)
  }
  private func stopSignal() throws(Problem) -> Int32 {
    if let signal = options.stopSignal {
      guard (1...64).contains(signal) else {
        throw Problem(code: .invalid, message: "--stop-signal \(signal): want a signal from 1 to 64")
      }
      return signal
    }
    return SignalName.number(of: defaults.stopSignal) ?? ContainerConfig.Default.stopSignal
  }
  private func labels() throws(Problem) -> [String: String] {
    var labels = defaults.labels
    for path in options.labelFiles {
      let text = try doing("read --label-file \(path)") { () throws(Errno) in try readText(path, limit: 1 << 20) }
      for line in text.split(separator: "\n") where !line.hasPrefix("#") {
        let pair = try FlagValue.label(String(line), flag: "--label-file")
        labels[pair.name] = pair.value
      }
    }
    return labels.merging(options.labels) { $1 }
  }

  // MARK: mounts

  private func mounts() throws(Problem) -> (all: [ContainerMount], anonymous: [String]) {
    var all = options.mounts
    var seen: Set<String> = []
    for mount in all {
      guard seen.insert(mount.destination).inserted else {
        throw Problem(code: .invalid, message: "two mounts at \(mount.destination) in the container")
      }
      if case .bind(let source) = mount.kind, !exists(source) {
        throw Problem(
          code: .invalid, message: "path \(source) does not exist on the host",
          hint: "make it first, or use a named volume")
      }
      if mount.destination == "/" || PathText.isInside(mount.destination, "/proc") && mount.kind == .tmpfs {
        throw Problem(code: .invalid, message: "a mount at \(mount.destination) in the container is not possible")
      }
    }
    for path in defaults.volumes where path.hasPrefix("/") {
      let destination = PathText.normal(path)
      if destination != "/", seen.insert(destination).inserted {
        all.append(ContainerMount(.volume(name: nil), destination: destination))
      }
    }
    var anonymous: [String] = []
    for place in all.indices where all[place].kind == .volume(name: nil) {
      let name = Identity.random()
      all[place].kind = .volume(name: name)
      anonymous.append(name)
    }
    return (all, anonymous)
  }

  // MARK: checks

  private func checkNames() throws(Problem) {
    if let name = options.name { try ObjectName.check(name, what: "container name") }
    if let hostname = options.hostname {
      let isFine = hostname.utf8.allSatisfy { byte in
        (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || byte == 0x2d
          || byte == 0x2e || byte == 0x5f
      }
      guard isFine, (1...64).contains(hostname.utf8.count) else {
        throw Problem(
          code: .invalid, message: "hostname \"\(hostname)\" is not valid",
          hint: "up to 64 letters, digits, \"-\" and \".\"")
      }
      guard options.uts == .private else {
        throw Problem(
          code: .invalid,
          message: "--hostname needs a UTS namespace of the container's own, not --uts \(options.uts.text)")
      }
    }
    if case .rootfs(let path) = options.source {
      guard path.hasPrefix("/"), isDirectory(path) else {
        throw Problem(code: .invalid, message: "--rootfs \(path) is not a directory")
      }
    }
    for path in [options.cidFile, options.pidFile].compactMap({ $0 }) where path == options.cidFile && exists(path) {
      throw Problem(
        code: .conflict, message: "container ID file \(path) exists already",
        hint: "remove it, or name another with --cidfile")
    }
    if let umask = options.umask { _ = try FlagValue.umask(umask, flag: "--umask") }
    if let zone = options.timezone { _ = try Timezone.file(of: zone) }
    if let adjust = options.oomScoreAdjust, !(-1000...1000).contains(adjust) {
      throw Problem(code: .invalid, message: "--oom-score-adj \(adjust): want a number from -1000 to 1000")
    }
    if let seconds = options.stopTimeoutSeconds, seconds < 0 {
      throw Problem(code: .invalid, message: "--stop-timeout \(seconds): want 0 or more seconds")
    }
    for number in 0..<options.preserveFDs where csys_fcntl(CInt(3 + number), F_GETFD, 0) < 0 {
      throw Problem(
        code: .invalid, message: "--preserve-fds \(options.preserveFDs): descriptor \(3 + number) is not open")
    }
  }

  private func checkNamespaces() throws(Problem) {
    if options.initProcess, options.pid != .private {
      throw Problem(
        code: .invalid,
        message:
          "cannot add init binary as PID 1: --init needs a PID namespace of its own, not --pid \(options.pid.text)")
    }
    if options.shmSizeBytes != nil {
      switch options.ipc {
      case .private, .shareable: break
      case .host, .none, .container, .path:
        throw Problem(
          code: .invalid,
          message: "--shm-size needs an IPC namespace of the container's own, not --ipc \(options.ipc.text)")
      }
    }
    try checkNetwork()
    for (name, _) in options.sysctls { try checkSysctl(name) }
  }

  /// Only what a namespace of the container's own holds. Source: Docker's and podman's rule for `--sysctl`.
  private func checkSysctl(_ name: String) throws(Problem) {
    let inIPC = [
      "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
      "kernel.shmmni", "kernel.shm_rmid_forced",
    ]
    func refuse(_ flag: String) -> Problem {
      Problem(code: .invalid, message: "--sysctl \(name) would change the host: it needs \(flag) private")
    }
    if inIPC.contains(name) || name.hasPrefix("fs.mqueue.") {
      if options.ipc == .host { throw refuse("--ipc") }
    } else if name.hasPrefix("net.") {
      if options.network == .host { throw refuse("--network") }
    } else {
      throw Problem(
        code: .invalid, message: "--sysctl \(name) is not of a namespace: it would change the host",
        hint: "net.*, fs.mqueue.* and the kernel's IPC settings are possible")
    }
  }

  private func checkLimits() throws(Problem) {
    if let swap = options.memorySwapBytes, swap != -1 {
      guard let memory = options.memoryBytes, memory > 0 else {
        throw Problem(code: .invalid, message: "--memory-swap needs --memory")
      }
      guard swap >= memory else {
        throw Problem(
          code: .invalid, message: "--memory-swap \(swap) is below --memory \(memory): it is the sum of memory and swap"
        )
      }
    }
    if let reservation = options.memoryReservationBytes, let memory = options.memoryBytes, memory > 0,
      reservation > memory
    {
      throw Problem(code: .invalid, message: "--memory-reservation \(reservation) is above --memory \(memory)")
    }
    if let swappiness = options.memorySwappiness, swappiness > 100 {
      throw Problem(code: .invalid, message: "--memory-swappiness \(swappiness): want a number from 0 to 100")
    }
    if options.nanoCPUs != nil, options.cpuQuotaMicroseconds != nil || options.cpuPeriodMicroseconds != nil {
      throw Problem(code: .invalid, message: "--cpus does not fit --cpu-quota or --cpu-period")
    }
    if let weight = options.blockIOWeight, !(10...1000).contains(weight) {
      throw Problem(code: .invalid, message: "--blkio-weight \(weight): want a number from 10 to 1000")
    }
    if let list = options.cpusetCPUs { try checkList(list, flag: "--cpuset-cpus", online: "cpu") }
    if let list = options.cpusetMemories { try checkList(list, flag: "--cpuset-mems", online: "node") }
    for rule in options.deviceCgroupRules where SpecBuilder.rule(rule) == nil {
      throw Problem(code: .invalid, message: "--device-cgroup-rule \"\(rule)\": want for example \"c 10:200 rwm\"")
    }
  }

  /// - Parameter kind: `cpu` or `node`, as sysfs calls them.
  private func checkList(_ list: String, flag: String, online kind: String) throws(Problem) {
    let wanted = try FlagValue.cpuList(list, flag: flag)
    // A machine that does not say what it has leaves the check to the runtime.
    guard let file = try? readText("/sys/devices/system/\(kind)/online", limit: 4096),
      let text = file.split(whereSeparator: \.isNewline).first.map(String.init),
      let available = try? FlagValue.cpuList(text, flag: flag)
    else { return }
    if wanted.allSatisfy({ part in available.contains { $0.contains(part.lowerBound) && $0.contains(part.upperBound) } }
    ) {
      return
    }
    throw Problem(
      code: .invalid, message: "\(flag) \"\(list)\": not all of these are there",
      hint: "this machine has \(text)")
  }

  private func checkSecurity() throws(Problem) {
    let security = try SecurityOptions(options.securityOptions)
    let capabilities = try CapabilitySet.bounding(
      add: options.capAdd, drop: options.capDrop, privileged: options.privileged, available: { CapabilitySet.names })
    if case .file(let path) = security.seccomp { _ = try SeccompProfileFile.read(path, capabilities: capabilities) }
    for device in options.devices { _ = try SpecBuilder.FoundDevice.find(device) }
    for rate in options.deviceRates { _ = try SpecBuilder.FoundRate(rate) }
    _ = try LogSettings(options)
  }
}

/// `--tz`. Source: capability line PD-122.
enum Timezone {
  /// The host file that becomes /etc/localtime.
  static func file(of zone: String) throws(Problem) -> String {
    if zone == "local" { return "/etc/localtime" }
    guard !zone.isEmpty, !zone.hasPrefix("/"), PathText.normal("/" + zone) == "/" + zone else {
      throw Problem(
        code: .invalid, message: "--tz \"\(zone)\" is not a time zone",
        hint: "names are such as Europe/Berlin, or local")
    }
    let path = "/usr/share/zoneinfo/" + zone
    do throws(Errno) { _ = try status(path) } catch {
      throw Problem(
        code: .invalid, message: "--tz \"\(zone)\": unknown time zone",
        hint: "names are those below /usr/share/zoneinfo (package tzdata)", cause: error)
    }
    if isDirectory(path) { throw Problem(code: .invalid, message: "Invalid timezone: \(zone) is a directory") }
    return path
  }
}

/// `--log-driver` and `--log-opt`. Source: capability line PD-79.
struct LogSettings: Hashable, Sendable {
  var path: String?
  /// nil is no limit.
  var maxSizeBytes: Int64?
  var tag: String?

  init(_ options: ContainerOptions) throws(Problem) {
    for (name, value) in options.logOptions {
      switch name {
      case "path":
        guard value.hasPrefix("/") else {
          throw FlagValue.invalid("path=\(value)", "--log-opt", "want an absolute path")
        }
        path = PathText.normal(value)
      case "max-size":
        let bytes = try FlagValue.bytesOrUnlimited(value, flag: "--log-opt max-size")
        maxSizeBytes = bytes > 0 ? bytes : nil
      case "tag": tag = value
      default:
        throw Problem(
          code: .unsupported, message: "--log-opt \(name) is not supported", hint: "path, max-size and tag are")
      }
    }
    if options.logDriver == .none, path != nil || maxSizeBytes != nil {
      throw Problem(code: .invalid, message: "--log-opt does not fit --log-driver none")
    }
  }
}
