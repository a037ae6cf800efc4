import Glibc
public import ImageStore
public import Problems
import Rootless
import StateStore
import Sys

/// Where an engine keeps its things and which programs it uses.
public struct EngineOptions: Sendable {
  /// Images, layers, volumes, state: survives a reboot.
  public var root: String
  /// Sockets, pids, mounts: a reboot clears it.
  public var runroot: String
  /// OCI runtime: a path, or a name that is looked up next to `berth` and then in PATH.
  public var runtime: String?
  /// Flags of the runtime, before its subcommand.
  public var runtimeArguments: [String] = []
  /// The root of containers is changed without pivot_root(2), which fails where the machine's own root is an initramfs.
  public var noPivot = false
  /// Directory of berth-monitor, berth-unpack, berth-registry, berth-init; nil finds it.
  public var libexec: String?
  /// Where CNI networks are described; nil is /etc/cni/net.d, which need not be there.
  public var pluginConfigurationDirectory: String?
  /// Where CNI plugins are looked for; empty is where distributions have them.
  public var pluginDirectories: [String] = []
  /// slirp4netns; nil is the one in PATH.
  public var networkProgram: String?
  /// As `--storage-opt` has them: "overlay.mount_program=/usr/bin/fuse-overlayfs".
  public var storageOptions: [String] = []
  /// As `--events-backend` has it: "file" or "none".
  public var eventsBackend = "file"

  public init(root: String, runroot: String) {
    self.root = root
    self.runroot = runroot
  }

  /// $BERTH_ROOT, $BERTH_RUNROOT, $BERTH_LIBEXEC, $BERTH_RUNTIME, $BERTH_CNI_CONFIG_DIR, $BERTH_CNI_PLUGIN_DIRS,
  /// $BERTH_NETWORK_CMD_PATH, $BERTH_STORAGE_OPTS, $BERTH_EVENTS_BACKEND over the defaults of DESIGN.md part 3, and, as
  /// Docker has it, $DOCKER_RAMDISK for `noPivot`.
  public static func fromEnvironment() -> EngineOptions {
    func variable(_ name: String) -> String? { environmentVariable(name).flatMap { $0.isEmpty ? nil : $0 } }
    let caller = Caller.current()
    var result = EngineOptions(
      root: variable("BERTH_ROOT") ?? (caller == nil ? "/var/lib/berth" : caller?.dataDirectory ?? ""),
      runroot: variable("BERTH_RUNROOT") ?? caller?.runtimeDirectory ?? "/run/berth")
    result.libexec = variable("BERTH_LIBEXEC")
    result.runtime = variable("BERTH_RUNTIME")
    result.noPivot = variable("DOCKER_RAMDISK") != nil
    result.networkProgram = variable("BERTH_NETWORK_CMD_PATH")
    result.storageOptions = (variable("BERTH_STORAGE_OPTS") ?? "").split(separator: ",").map(String.init)
    if let backend = variable("BERTH_EVENTS_BACKEND") { result.eventsBackend = backend }
    result.pluginConfigurationDirectory = variable("BERTH_CNI_CONFIG_DIR")
    result.pluginDirectories = (variable("BERTH_CNI_PLUGIN_DIRS") ?? "").split(separator: ":").map(String.init)
    return result
  }
}

/// Containers, images and volumes under one root directory.
///
/// Synchronous; use one engine from one thread. Opening one costs nothing: directories, database and
/// programs are looked up when the first call needs them.
public final class Engine {
  public let options: EngineOptions
  /// Called while `create` or `run` fetches an image.
  public var pullProgress: ((ImageProgress) -> Void)?
  /// Called with what stops nothing but should be known: a leftover of a killed command that cannot be repaired.
  public var warning: ((Problem) -> Void)?
  let paths: Paths
  let programs: Programs
  let storage: StorageOptions
  let eventsBackend: EventsBackend
  /// See `tell`.
  var warnedOfEvents = false
  private var opened: Store?
  /// See `userNamespace()`.
  var knownNamespace: UserNamespace?
  /// See `delegation()`; the inner nil is: nothing is delegated.
  var knownDelegation: CgroupDelegation??
  /// See `library()`.
  var openedLibrary: ImageLibrary?

  /// - Throws: `.invalid` for a relative directory, and an empty one: the user's home is not known.
  public init(_ options: EngineOptions) throws(Problem) {
    for (name, path) in [("root", options.root), ("runroot", options.runroot)] {
      guard path.hasPrefix("/") else {
        throw Problem(
          code: .invalid, message: "--\(name) \"\(path)\" is not an absolute path",
          hint: path.isEmpty && (environmentVariable("HOME") ?? "").isEmpty
            ? "HOME is not set: set it, or name a directory with --\(name)" : nil)
      }
    }
    try Self.checkPluginPaths(options)
    storage = try StorageOptions(options.storageOptions)
    eventsBackend = try EventsBackend(options.eventsBackend)
    self.options = options
    paths = Paths(root: PathText.normal(options.root), runroot: PathText.normal(options.runroot))
    programs = Programs(options)
  }

  /// The state, opened by the first call; leftovers of killed commands are repaired then.
  /// - Throws: `.denied` for an ordinary user that did not call `enterUserNamespace`.
  func store() throws(Problem) -> Store {
    if let opened { return opened }
    guard geteuid() == 0 else {
      throw Problem(code: .denied, message: "an ordinary user's engine works in a user namespace; it was not entered")
    }
    let store = try Store(
      root: paths.root, locks: paths.locks, settings: [("root", paths.root), ("runroot", paths.runroot)])
    opened = store
    repairContainers(store)
    return store
  }
}

/// Where an engine keeps what. Source: DESIGN.md part 3.
struct Paths: Sendable {
  let root: String
  let runroot: String

  /// Writable layer and log of a container.
  func container(_ id: String) -> String { "\(root)/containers/\(id)" }
  func log(_ id: String) -> String { "\(container(id))/ctr.log" }
  /// Names what has written the writable layer, where that was not the kernel.
  func mountProgram(_ id: String) -> String { "\(container(id))/mount-program" }
  /// The OCI bundle and all that a reboot may clear: 0700.
  func bundle(_ id: String) -> String { "\(runroot)/containers/\(id)" }
  func rootfs(_ id: String) -> String { "\(bundle(id))/rootfs" }
  /// Where /dev/shm of another container is mounted for one that joins its IPC namespace.
  func sharedMemory(_ id: String) -> String { "\(bundle(id))/shm" }
  func exitFile(_ id: String) -> String { "\(bundle(id))/exit" }
  func pidFile(_ id: String) -> String { "\(bundle(id))/pid" }
  func attachSocket(_ id: String) -> String { "\(bundle(id))/attach.sock" }
  func volume(_ name: String) -> String { "\(root)/volumes/\(name)" }
  func volumeData(_ name: String) -> String { "\(root)/volumes/\(name)/_data" }
  var layers: String { "\(root)/layers" }
  func layer(_ diffID: String) -> String { "\(layers)/\(diffID)/diff" }
  /// See `MappedLayers`: there while a container's root is being mounted.
  func mapped(_ id: String) -> String { "\(bundle(id))/mapped" }
  var locks: String { "\(runroot)/locks" }
  /// See `Skeleton`.
  var skeleton: String { "\(root)/skeleton" }
  /// See `overlayRefusal()`.
  var overlayTrial: String { "\(root)/overlay-trial" }
  /// Where a container's network namespace is mounted for CNI plugins, until they have undone what they did in it.
  func pluginNamespace(_ id: String) -> String { "\(runroot)/netns/\(id)" }
  func pluginLock(_ id: String) -> String { "\(pluginNamespace(id)).lock" }
  /// `--root` of the OCI runtime.
  var runtimeState: String { "\(runroot)/runtime" }
}

/// Programs beside `berth`. Source: DESIGN.md part 1; nothing is looked up before it is needed.
struct Programs: Sendable {
  let options: EngineOptions
  init(_ options: EngineOptions) { self.options = options }

  /// Directory of this program.
  private static func ownDirectory() -> String { (try? readLink("/proc/self/exe")).map(parentPath(of:)) ?? "/usr/bin" }

  /// `$BERTH_LIBEXEC`, `../libexec/berth` of this program, or its own directory (a build tree).
  func libexec() -> String {
    if let given = options.libexec { return given }
    let own = Self.ownDirectory()
    let installed = parentPath(of: own) + "/libexec/berth"
    return exists(installed) ? installed : own
  }
  /// - Throws: `.notFound` saying where it was looked for.
  func helper(_ name: String) throws(Problem) -> String {
    let path = libexec() + "/" + name
    guard exists(path) else {
      throw Problem(
        code: .notFound, message: "\(name) is not in \(libexec())",
        hint: "reinstall Berth, or point BERTH_LIBEXEC at its programs")
    }
    return path
  }

  /// An OCI runtime: a path, or a name beside `berth`, then in PATH (capability line PD-04).
  /// - Parameter wanted: of one container; nil is the engine's, then berth-runtime.
  func runtime(_ wanted: String?) throws(Problem) -> String {
    let name = wanted ?? options.runtime ?? "berth-runtime"
    if name.contains("/") {
      let path =
        name.hasPrefix("/") ? name : PathText.normal((getcwd(nil, 0).map { String(cString: $0) } ?? "") + "/" + name)
      guard exists(path) else { throw Problem(code: .invalid, message: "OCI runtime \(name) is not there") }
      return path
    }
    if name.isEmpty { throw Problem(code: .invalid, message: "--runtime \"\": want a path or a name") }
    for directory in [Self.ownDirectory(), libexec()] where exists(directory + "/" + name) {
      return directory + "/" + name
    }
    if let program = ProgramSearch(more: ["/usr/sbin", "/sbin"]).find(name) { return program }
    throw Problem(
      code: .invalid, message: "OCI runtime \"\(name)\" not found", hint: "install it, or name another with --runtime")
  }
}
