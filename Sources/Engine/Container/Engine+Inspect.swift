public import JSON
public import Problems
import Rootless
import StateStore
import Sys

extension Engine {
  /// podman's and Docker's inspect document of one container (PD-63).
  public func inspect(_ name: String, sizes: Bool = false) throws(Problem) -> JSON {
    let record = try observed(try store().containers.lookup(name))
    let config = try ContainerConfig(record)
    let bundle = paths.bundle(record.id)
    // Built by each start, and gone with the container's end (PD-131).
    func generated(_ name: String) -> JSON { .string(exists("\(bundle)/\(name)") ? "\(bundle)/\(name)" : "") }
    var document = JSON.Object([
      ("Id", .string(record.id)), ("Created", .string(Timestamp.text(record.created))),
      ("Path", .string(config.arguments.first ?? "")), ("Args", JSON(Array(config.arguments.dropFirst()))),
      ("State", try state(record, config)), ("Image", .string(config.image?.id ?? "")),
      (
        "ImageDigest",
        .string(
          try config.image.flatMap { image throws(Problem) in try store().images.get(image.id) }?.manifestDigest ?? "")
      ),
      ("ImageName", .string(config.imageTitle)),
      ("Rootfs", .string({ if case .rootfs(let path) = config.options.source { path } else { "" } }())),
      ("ResolvConfPath", generated("resolv.conf")), ("HostnamePath", generated("hostname")),
      ("HostsPath", generated("hosts")), ("StaticDir", .string(paths.container(record.id))),
      ("OCIConfigPath", .string(bundle + "/config.json")),
      ("OCIRuntime", .string(config.options.runtime ?? "berth-runtime")),
      ("PidFile", .string(config.options.pidFile ?? paths.pidFile(record.id))),
      ("ConmonPidFile", .string(bundle + "/monitor.pid")), ("Name", .string(record.name)),
      ("RestartCount", JSON(record.status.restartCount)), ("Driver", "overlay"), ("MountLabel", ""),
      ("ProcessLabel", ""),
      ("AppArmorProfile", ""),
    ])
    let capabilities = try CapabilitySet.bounding(
      add: config.options.capAdd, drop: config.options.capDrop, privileged: config.isPrivileged,
      available: CapabilitySet.ofThisProcess)
    document["EffectiveCaps"] = JSON(capabilities)
    document["BoundingCaps"] = JSON(capabilities)
    document["ExecIDs"] = JSON(try liveSessions(record))
    if let image = config.image {
      document["GraphDriver"] = [
        "Name": "overlay",
        "Data": [
          "LowerDir": .string(image.layers.reversed().map(paths.layer).joined(separator: ":")),
          "MergedDir": .string(paths.rootfs(record.id)), "UpperDir": .string(paths.container(record.id) + "/upper"),
          "WorkDir": .string(paths.container(record.id) + "/work"),
        ],
      ]
    }
    if sizes {
      let measured = try self.sizes(of: record)
      document["SizeRw"] = JSON(measured.writableBytes)
      document["SizeRootFs"] = JSON(measured.rootfsBytes)
    }
    document["Mounts"] = .array(mounts(config))
    document["Dependencies"] = JSON(config.dependencies)
    document["NetworkSettings"] = try networkSettings(record, config)
    document["Namespace"] = ""
    document["IsInfra"] = false
    document["Config"] = try configDocument(record, config)
    document["HostConfig"] = try hostConfig(record, config)
    return .object(document)
  }

  private func state(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) -> JSON {
    let status = record.status
    let isRunning = status.state == .running || status.state == .stopping
    return [
      "OciVersion": "1.0.2", "Status": .string(Self.dockerWord(status.state)),
      "Running": .bool(isRunning || status.state == .paused),
      "Paused": .bool(status.state == .paused), "Restarting": false, "OOMKilled": .bool(status.outOfMemory),
      "Dead": .bool(status.state == .unknown), "Pid": JSON(status.pid),
      "ConmonPid": JSON(status.state.isAlive ? status.monitorPid : 0),
      "ExitCode": JSON(status.exitCode), "Error": .string(status.error),
      "StartedAt": .string(Timestamp.text(status.started)),
      "FinishedAt": .string(Timestamp.text(status.finished)), "StoppedByUser": .bool(status.stoppedByUser),
      "CgroupPath": .string(try cgroupPath(record, config)),
      "Health": ["Status": "", "FailingStreak": 0, "Log": .null],
      "Checkpointed": false, "Restored": false,
    ]
  }
  private func cgroupPath(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) -> String {
    if try isRootless() {  // who made it chose the place
      return record.status.state.isAlive ? CgroupDelegation.path(ofProcess: "\(record.status.pid)") ?? "" : ""
    }
    return config.options.cgroupPath(id: record.id)
  }
  /// One total table from our words to those of podman's inspect (G.3).
  static func dockerWord(_ state: StateStore.ContainerState) -> String {
    switch state {
    case .configured: "created"
    case .created: "initialized"
    case .running: "running"
    case .paused: "paused"
    case .stopping: "stopping"
    case .stopped, .exited: "exited"
    case .removing: "removing"
    case .unknown: "unknown"
    }
  }

  private func mounts(_ config: ContainerConfig) -> [JSON] {
    config.mounts.map { mount in
      var entry = JSON.Object()
      switch mount.kind {
      case .bind(let source):
        entry["Type"] = "bind"
        entry["Source"] = .string(source)
      case .volume(let name):
        entry["Type"] = "volume"
        entry["Name"] = .string(name ?? "")
        entry["Source"] = .string(paths.volumeData(name ?? ""))
      case .tmpfs:
        entry["Type"] = "tmpfs"
        entry["Source"] = ""
      }
      entry["Destination"] = .string(mount.destination)
      entry["Driver"] = mount.kind == .tmpfs ? "" : entry["Name"] == nil ? "" : "local"
      entry["Mode"] = ""
      entry["Options"] = JSON(mount.options)
      entry["RW"] = .bool(!mount.readOnly)
      entry["Propagation"] = .string(
        mount.options.first { $0.hasSuffix("shared") || $0.hasSuffix("slave") || $0.hasSuffix("private") } ?? "rprivate"
      )
      return .object(entry)
    }
  }

  private func configDocument(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) -> JSON {
    let options = config.options
    var document = JSON.Object([
      ("Hostname", .string(config.hostname(id: record.id))), ("Domainname", ""), ("User", .string(config.user)),
      ("AttachStdin", .bool(false)), ("AttachStdout", .bool(false)), ("AttachStderr", .bool(false)),
      ("Tty", .bool(options.terminal)),
      ("OpenStdin", .bool(options.interactive)), ("StdinOnce", .bool(false)), ("Env", JSON(config.environment)),
      ("Cmd", config.command.map { JSON($0) } ?? .null), ("Image", .string(config.imageTitle)), ("Volumes", .null),
      ("WorkingDir", .string(config.workingDirectory)),
      ("Entrypoint", config.entrypoint.map { JSON($0) } ?? .null), ("OnBuild", .null), ("Labels", JSON(config.labels)),
      ("Annotations", JSON(options.annotations)), ("StopSignal", .string(SignalName.name(of: config.stopSignal))),
      ("StopTimeout", JSON(config.stopTimeoutSeconds)), ("CreateCommand", JSON(options.createCommand)),
      ("Umask", .string(options.umask ?? "0022")), ("Timezone", .string(options.timezone ?? "")),
    ])
    document["ExposedPorts"] = try exposedPorts(config)
    return .object(document)
  }

  private func hostConfig(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) -> JSON {
    let options = config.options
    let settings = try LogSettings(options)
    var document = JSON.Object([
      ("Binds", JSON(binds(config))),
      ("CgroupMode", .string(options.cgroupMode(isCgroup2: SpecBuilder.Machine.isCgroup2()).text)),
      ("ContainerIDFile", .string(options.cidFile ?? "")),
      (
        "LogConfig",
        [
          "Type": .string(options.logDriver.rawValue), "Config": .null,
          "Path": .string(options.logDriver == .none ? "" : logPath(record.id, settings)),
          "Tag": .string(settings.tag ?? ""),
          "Size": .string("\(settings.maxSizeBytes ?? 0)B"),
        ]
      ),
      ("NetworkMode", .string(options.network.text)),
      ("PortBindings", portBindings(config)),
      ("RestartPolicy", ["Name": "no", "MaximumRetryCount": 0]), ("AutoRemove", .bool(options.removeWhenDone)),
      ("VolumeDriver", ""),
      ("VolumesFrom", .null), ("CapAdd", JSON(options.capAdd)), ("CapDrop", JSON(options.capDrop)),
      ("Dns", JSON(options.dnsServers)),
      ("DnsOptions", JSON(options.dnsOptions)),
      ("DnsSearch", JSON(options.dnsSearch)), ("ExtraHosts", JSON(options.addHosts.map { "\($0.name):\($0.address)" })),
      ("GroupAdd", JSON(options.groupAdd)),
      ("IpcMode", .string(options.ipc.text)), ("Cgroup", ""), ("OomScoreAdj", JSON(options.oomScoreAdjust ?? 0)),
      ("PidMode", .string(options.pid.text)), ("Privileged", .bool(options.privileged)),
      ("PublishAllPorts", .bool(options.publishesAll)),
      ("ReadonlyRootfs", .bool(options.readOnly)), ("SecurityOpt", JSON(options.securityOptions)),
      ("Tmpfs", tmpfs(config)),
      ("UTSMode", .string(options.uts.text)), ("UsernsMode", .string(config.usernsMode)),
      ("ShmSize", JSON(options.shmSizeBytes ?? ContainerConfig.Default.shmSizeBytes)),
      ("Runtime", "oci"), ("Isolation", ""), ("Init", .bool(options.initProcess)),
    ])
    if let maps = config.maps {
      document["IDMappings"] = ["UidMap": JSON(maps.uids.texts), "GidMap": JSON(maps.gids.texts)]
    }
    putLimits(options, into: &document)
    return .object(document)
  }

  private func putLimits(_ options: ContainerOptions, into document: inout JSON.Object) {
    document["CpuShares"] = JSON(options.cpuShares ?? 0)
    document["Memory"] = JSON(options.memoryBytes ?? 0)
    document["NanoCpus"] = JSON(options.nanoCPUs ?? 0)
    document["CgroupParent"] = .string(options.cgroupParent ?? "")
    document["BlkioWeight"] = JSON(options.blockIOWeight ?? 0)
    let rates: [(String, DeviceRate.Kind)] = [
      ("BlkioWeightDevice", .weight), ("BlkioDeviceReadBps", .readBytes), ("BlkioDeviceWriteBps", .writeBytes),
      ("BlkioDeviceReadIOps", .readOperations), ("BlkioDeviceWriteIOps", .writeOperations),
    ]
    for (member, kind) in rates {
      let found = options.deviceRates.filter { $0.kind == kind }
      document[member] = .array(
        found.map { ["Path": .string($0.path), kind == .weight ? "Weight" : "Rate": JSON($0.rate)] })
    }
    document["CpuPeriod"] = JSON(options.cpuPeriodMicroseconds ?? (options.nanoCPUs == nil ? 0 : 100_000))
    document["CpuQuota"] = JSON(options.cpuQuotaMicroseconds ?? (options.nanoCPUs ?? 0) / 10_000)
    document["CpusetCpus"] = .string(options.cpusetCPUs ?? "")
    document["CpusetMems"] = .string(options.cpusetMemories ?? "")
    document["Devices"] = .array(
      options.devices.map {
        [
          "PathOnHost": .string($0.hostPath), "PathInContainer": .string($0.containerPath),
          "CgroupPermissions": .string($0.access),
        ]
      })
    document["MemoryReservation"] = JSON(options.memoryReservationBytes ?? 0)
    document["MemorySwap"] = JSON(options.memorySwapBytes ?? (options.memoryBytes ?? 0) * 2)
    document["MemorySwappiness"] = JSON(options.memorySwappiness ?? 0)
    document["OomKillDisable"] = .bool(options.oomKillDisable)
    document["PidsLimit"] = JSON(options.pidsLimit ?? ContainerConfig.Default.pidsLimit)
    document["Ulimits"] = .array(
      options.ulimits.map {
        ["Name": .string("RLIMIT_" + $0.name.uppercased()), "Soft": JSON($0.soft), "Hard": JSON($0.hard)]
      })
    document["Sysctls"] = JSON(Dictionary(options.sysctls.map { ($0.name, $0.value) }) { $1 })
  }
  private func binds(_ config: ContainerConfig) -> [String] {
    config.mounts.compactMap { mount in
      let words = ([mount.readOnly ? "ro" : "rw"] + mount.options).joined(separator: ",")
      switch mount.kind {
      case .bind(let source): return "\(source):\(mount.destination):\(words)"
      case .volume(let name): return "\(name ?? ""):\(mount.destination):\(words)"
      case .tmpfs: return nil
      }
    }
  }
  private func tmpfs(_ config: ContainerConfig) -> JSON {
    JSON(
      Dictionary(config.mounts.filter { $0.kind == .tmpfs }.map { ($0.destination, $0.options.joined(separator: ",")) })
      { $1 })
  }
}
