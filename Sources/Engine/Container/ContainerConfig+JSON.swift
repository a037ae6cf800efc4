import JSON
import Rootless

extension ContainerConfig {
  var json: JSON {
    var writer = RecordWriter()
    if let image {
      writer.put("imageID", image.id)
      writer.put("imageName", image.name)
      writer.put("imageRawName", image.rawName)
      writer.put("layers", image.layers)
    }
    writer.put("arguments", arguments)
    writer.put("environment", environment)
    writer.put("user", user)
    writer.put("workingDirectory", workingDirectory)
    writer.put("stopSignal", stopSignal)
    writer.put("stopTimeout", stopTimeoutSeconds)
    writer.put("labels", labels)
    writer.put("mounts", mounts.map(\.json))
    writer.put("anonymousVolumes", anonymousVolumes)
    writer.put("entrypoint", optional: entrypoint)
    writer.put("command", optional: command)
    writer.put("dependencies", dependencies)
    writer.put("exposedPorts", exposedPorts)
    writer.put("uidMap", maps?.uids.lines)
    writer.put("gidMap", maps?.gids.lines)
    options.put(into: &writer)
    return writer.json
  }

  init(json: JSON) {
    let reader = RecordReader(json: json)
    if let id = reader.text("imageID") {
      image = Image(
        id: id, rawName: reader.text("imageRawName") ?? "", name: reader.text("imageName") ?? "",
        layers: reader.texts("layers"))
    }
    arguments = reader.texts("arguments")
    environment = reader.texts("environment")
    user = reader.text("user") ?? ""
    workingDirectory = reader.text("workingDirectory") ?? "/"
    stopSignal = reader.integer("stopSignal") ?? Default.stopSignal
    stopTimeoutSeconds = reader.integer("stopTimeout") ?? Default.stopTimeoutSeconds
    labels = reader.map("labels")
    mounts = reader.list("mounts").map(ContainerMount.init(json:))
    anonymousVolumes = reader.texts("anonymousVolumes")
    entrypoint = json["entrypoint"]?.strings
    command = json["command"]?.strings
    dependencies = reader.texts("dependencies")
    exposedPorts = reader.texts("exposedPorts")
    maps = reader.text("uidMap").map { uids in
      UserNamespace(uids: IDMapping(lines: uids), gids: IDMapping(lines: reader.text("gidMap") ?? ""))
    }
    options = ContainerOptions(reader)
  }
}

extension ContainerMount {
  var json: JSON {
    var writer = RecordWriter()
    switch kind {
    case .bind(let source): writer.put("bind", source)
    case .volume(let name): writer.put("volume", name ?? "")
    case .tmpfs: break
    }
    writer.put("to", destination)
    writer.put("ro", readOnly)
    writer.put("options", options)
    writer.put("noCopy", noCopy)
    writer.put("chown", chown)
    return writer.json
  }
  init(json: JSON) {
    let reader = RecordReader(json: json)
    let destination = reader.text("to") ?? "/"
    if let source = reader.text("bind") {
      self.init(.bind(source: source), destination: destination)
    } else if let name = reader.text("volume") {
      self.init(.volume(name: name.isEmpty ? nil : name), destination: destination)
    } else {
      self.init(.tmpfs, destination: destination)
    }
    readOnly = reader.flag("ro")
    options = reader.texts("options")
    noCopy = reader.flag("noCopy")
    chown = reader.flag("chown")
  }
}

extension ContainerOptions {
  /// What ContainerConfig has resolved (command, environment, user, mounts, ...) is not written again.
  fileprivate func put(into writer: inout RecordWriter) {
    if case .rootfs(let path) = source { writer.put("rootfs", path) }
    putProcess(into: &writer)
    putSecurity(into: &writer)
    putLimits(into: &writer)
    writer.put("pid", pid == .private ? nil : pid.text)
    writer.put("ipc", ipc == .private ? nil : ipc.text)
    writer.put("uts", uts == .private ? nil : uts.text)
    writer.put("cgroupns", cgroupNamespace?.text)
    writer.put("time", time == .host ? nil : time.text)
    writer.put("userns", userNamespaceMode?.text)
    putNetwork(into: &writer)
    writer.put("runtime", runtime)
    writer.put("logDriver", logDriver == .k8sFile ? nil : logDriver.rawValue)
    writer.put("logOptions", pairs: logOptions)
    writer.put("createCommand", createCommand)
    writer.put("pidFile", pidFile)
    writer.put("cidFile", cidFile)
    writer.put("autoRemove", removeWhenDone)
    writer.put("annotations", annotations)
  }
  private func putProcess(into writer: inout RecordWriter) {
    writer.put("groupAdd", groupAdd)
    writer.put("terminal", terminal)
    writer.put("interactive", interactive)
    writer.put("umask", umask)
    writer.put("timezone", timezone)
    writer.put("init", initProcess)
    writer.put("initPath", initPath)
    writer.put("hostname", hostname)
    writer.put("addHosts", pairs: addHosts.map { ($0.name, $0.address) })
    writer.put("oomScoreAdjust", oomScoreAdjust)
    writer.put("detachKeys", detachKeys)
    writer.put("preserveFDs", preserveFDs == 0 ? nil : preserveFDs)
  }
  private func putSecurity(into writer: inout RecordWriter) {
    writer.put("readOnly", readOnly)
    writer.put("readOnlyTmpfs", readOnlyTmpfs, default: true)
    writer.put("shmSize", shmSizeBytes)
    writer.put("devices", devices.map { [.string($0.hostPath), .string($0.containerPath), .string($0.access)] })
    writer.put("deviceRules", deviceCgroupRules)
    writer.put("privileged", privileged)
    writer.put("capAdd", capAdd)
    writer.put("capDrop", capDrop)
    writer.put("securityOptions", securityOptions)
    writer.put("sysctls", pairs: sysctls)
  }
  private func putLimits(into writer: inout RecordWriter) {
    writer.put("ulimits", ulimits.map { [.string($0.name), JSON($0.soft), JSON($0.hard)] })
    writer.put("memory", memoryBytes)
    writer.put("memorySwap", memorySwapBytes)
    writer.put("memoryReservation", memoryReservationBytes)
    writer.put("swappiness", memorySwappiness)
    writer.put("oomKillDisable", oomKillDisable)
    writer.put("nanoCPUs", nanoCPUs)
    writer.put("cpuShares", cpuShares)
    writer.put("cpuQuota", cpuQuotaMicroseconds)
    writer.put("cpuPeriod", cpuPeriodMicroseconds)
    writer.put("cpusetCPUs", cpusetCPUs)
    writer.put("cpusetMems", cpusetMemories)
    writer.put("pidsLimit", pidsLimit)
    writer.put("blkioWeight", blockIOWeight)
    writer.put("deviceRates", deviceRates.map { [.string($0.kind.rawValue), .string($0.path), JSON($0.rate)] })
    writer.put("cgroupParent", cgroupParent)
  }

  fileprivate init(_ reader: RecordReader) {
    if let path = reader.text("rootfs") {
      self.init(.rootfs(path))
    } else {
      self.init(.image(reader.text("imageRawName") ?? ""))
    }
    takeProcess(reader)
    takeSecurity(reader)
    takeLimits(reader)
    // Words that this version does not know, of a later one's rows, become the most closed choice.
    func namespace(_ name: String) -> NamespaceMode? {
      reader.text(name).flatMap { text in try? NamespaceMode(text, flag: "--\(name)") }
    }
    pid = namespace("pid") ?? .private
    ipc = namespace("ipc") ?? .private
    uts = namespace("uts") ?? .private
    cgroupNamespace = namespace("cgroupns")
    time = namespace("time") ?? .host
    // Our own text of a mode that was checked when it was given.
    userNamespaceMode = reader.text("userns").flatMap { text in try? UserNamespaceMode(flag: text) }
    takeNetwork(reader)
    runtime = reader.text("runtime")
    logDriver = reader.text("logDriver").flatMap(LogDriver.init(rawValue:)) ?? .k8sFile
    logOptions = reader.pairs("logOptions")
    createCommand = reader.texts("createCommand")
    pidFile = reader.text("pidFile")
    cidFile = reader.text("cidFile")
    removeWhenDone = reader.flag("autoRemove")
    annotations = reader.map("annotations")
  }
  private mutating func takeProcess(_ reader: RecordReader) {
    groupAdd = reader.texts("groupAdd")
    terminal = reader.flag("terminal")
    interactive = reader.flag("interactive")
    umask = reader.text("umask")
    timezone = reader.text("timezone")
    initProcess = reader.flag("init")
    initPath = reader.text("initPath")
    hostname = reader.text("hostname")
    addHosts = reader.pairs("addHosts").map { HostEntry(name: $0.name, address: $0.value) }
    oomScoreAdjust = reader.integer("oomScoreAdjust")
    detachKeys = reader.text("detachKeys")
    preserveFDs = reader.integer("preserveFDs") ?? 0
  }
  private mutating func takeSecurity(_ reader: RecordReader) {
    readOnly = reader.flag("readOnly")
    readOnlyTmpfs = reader.flag("readOnlyTmpfs", default: true)
    shmSizeBytes = reader.integer("shmSize")
    devices = reader.list("devices").compactMap(\.strings).filter { $0.count == 3 }.map {
      DeviceMapping(hostPath: $0[0], containerPath: $0[1], access: $0[2])
    }
    deviceCgroupRules = reader.texts("deviceRules")
    privileged = reader.flag("privileged")
    capAdd = reader.texts("capAdd")
    capDrop = reader.texts("capDrop")
    securityOptions = reader.texts("securityOptions")
    sysctls = reader.pairs("sysctls")
  }
  private mutating func takeLimits(_ reader: RecordReader) {
    ulimits = reader.list("ulimits").compactMap { entry in
      guard let parts = entry.array, parts.count == 3, let name = parts[0].string, let soft: Int64 = parts[1].integer(),
        let hard: Int64 = parts[2].integer()
      else { return nil }
      return Ulimit(name: name, soft: soft, hard: hard)
    }
    memoryBytes = reader.integer("memory")
    memorySwapBytes = reader.integer("memorySwap")
    memoryReservationBytes = reader.integer("memoryReservation")
    memorySwappiness = reader.integer("swappiness")
    oomKillDisable = reader.flag("oomKillDisable")
    nanoCPUs = reader.integer("nanoCPUs")
    cpuShares = reader.integer("cpuShares")
    cpuQuotaMicroseconds = reader.integer("cpuQuota")
    cpuPeriodMicroseconds = reader.integer("cpuPeriod")
    cpusetCPUs = reader.text("cpusetCPUs")
    cpusetMemories = reader.text("cpusetMems")
    pidsLimit = reader.integer("pidsLimit")
    blockIOWeight = reader.integer("blkioWeight")
    deviceRates = reader.list("deviceRates").compactMap { entry in
      guard let parts = entry.array, parts.count == 3, let kind = parts[0].string.flatMap(DeviceRate.Kind.init),
        let path = parts[1].string, let rate: UInt64 = parts[2].integer()
      else { return nil }
      return DeviceRate(kind, path: path, rate: rate)
    }
    cgroupParent = reader.text("cgroupParent")
  }
}
