import Engine
import Problems

/// The root of the command tree.
struct Berth: CommandGroup {
  var engineOptions = EngineOptions.fromEnvironment()
  /// Those that are given take the place of the environment's.
  private var pluginDirectories: [String] = []
  private var storageOptions: [String] = []
  var showsVersion = false
  var given: [String] = []
  init() {}

  static var about: About { About("berth", "Containers on Linux, without a daemon") }
  static var flagsEndAtOperand: Bool { true }
  static var operands: [Operand] { [Operand("command", "", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .value(
        "cni-plugin-dir", "directory", "Where CNI plugins are looked for; several are possible", completion: .directory
      ) {
        $0.pluginDirectories.append($1)
        $0.engineOptions.pluginDirectories = $0.pluginDirectories
      },
      .value(
        "events-backend", "name", "Where events are written: file or none", completion: .words(["file", "none"])
      ) { $0.engineOptions.eventsBackend = $1 },
      .value("network-cmd-path", "path", "slirp4netns; without, the one in PATH", completion: .file) {
        $0.engineOptions.networkProgram = $1
      },
      .value("network-config-dir", "directory", "Where CNI networks are described", completion: .directory) {
        $0.engineOptions.pluginConfigurationDirectory = $1
      },
      .value("root", "directory", "Where images, volumes and state are kept", completion: .directory) {
        $0.engineOptions.root = $1
      },
      .value("runroot", "directory", "Where sockets, pids and mounts are kept", completion: .directory) {
        $0.engineOptions.runroot = $1
      },
      .value("runtime", "path", "OCI runtime: a path or a name", completion: .file) { $0.engineOptions.runtime = $1 },
      .value("runtime-flag", "flag", "Flag of the OCI runtime, without its --") {
        $0.engineOptions.runtimeArguments.append("--" + $1)
      },
      .value("storage-opt", "name=value", "overlay.mount_program=PATH: what mounts containers' roots, not the kernel") {
        $0.storageOptions.append($1)
        $0.engineOptions.storageOptions = $0.storageOptions
      },
      .toggle("version", "v", "Show the version") { $0.showsVersion = $1 },
    ]
  }
  static var children: [any Command.Type] {
    [
      ContainerAttach.self, ContainerGroup.self, ContainerCreate.self, SystemEvents.self, ContainerExec.self,
      ImageGroup.self, ImageHistory.self, ImageListShort.self, ImageImport.self, SystemInfo.self,
      ContainerInitialize.self, Inspect.self,
      ContainerKill.self, ImageLoad.self,
      Login.self,
      Logout.self, ContainerLogs.self, NetworkGroup.self, ContainerPause.self, ContainerPort.self,
      ContainerListShort.self, ImagePull.self,
      ContainerRename.self, ContainerRestart.self, ContainerRemove.self, ImageRemoveShort.self, ContainerRun.self,
      ContainerStart.self, ContainerStop.self, ImageTag.self, ContainerUnpause.self, ImageUntag.self,
      SystemGroup.self, SystemVersion.self, VolumeGroup.self, ContainerWait.self, DocumentationCommand.self,
    ]
  }
}

/// `berth container …`
struct ContainerGroup: CommandGroup {
  init() {}
  static var about: About { About("container", "Manage containers") }
  static var children: [any Command.Type] {
    [
      ContainerAttach.self, ContainerCleanup.self, ContainerCreate.self, ContainerExec.self, ContainerExists.self,
      ContainerInitialize.self, ContainerInspect.self, ContainerKill.self, ContainerList.self, ContainerLogs.self,
      ContainerPause.self,
      ContainerPort.self, ContainerPrune.self, ContainerRename.self, ContainerRestart.self, ContainerRemove.self,
      ContainerRun.self,
      ContainerStart.self, ContainerStop.self, ContainerUnpause.self, ContainerWait.self,
    ]
  }
}

/// `berth image …`
struct ImageGroup: CommandGroup {
  init() {}
  static var about: About { About("image", "Manage images") }
  static var children: [any Command.Type] {
    [
      ImageExists.self, ImageHistory.self, ImageImport.self, ImageInspect.self, ImageLoad.self, ImageList.self,
      ImagePrune.self,
      ImagePull.self, ImageRemove.self, ImageTag.self, ImageUntag.self,
    ]
  }
}

/// `berth network …`
struct NetworkGroup: CommandGroup {
  init() {}
  static var about: About { About("network", "Manage networks") }
  static var children: [any Command.Type] {
    [
      NetworkConnect.self, NetworkCreate.self, NetworkDisconnect.self, NetworkExists.self, NetworkInspect.self,
      NetworkList.self, NetworkPrune.self, NetworkReload.self, NetworkRemove.self, NetworkUpdate.self,
    ]
  }
}

/// `berth volume …`
struct VolumeGroup: CommandGroup {
  init() {}
  static var about: About { About("volume", "Manage volumes") }
  static var children: [any Command.Type] {
    [VolumeCreate.self, VolumeExists.self, VolumeInspect.self, VolumeList.self, VolumePrune.self, VolumeRemove.self]
  }
}

/// `berth system …`
struct SystemGroup: CommandGroup {
  init() {}
  static var about: About { About("system", "Look after the store and its namespaces") }
  static var children: [any Command.Type] { [SystemInfo.self, SystemMigrate.self] }
}
