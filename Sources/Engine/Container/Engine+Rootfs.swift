import CSys
import Glibc
import JSON
import Networking
import Problems
import RuntimeSpec
import StateStore
import Sys

extension Engine {
  /// Directories, mount and files of a container that is about to run; undone by `unprepare`.
  /// - Returns: the specification, written to the bundle.
  func prepare(
    _ record: ContainerRecord, _ config: ContainerConfig, _ connections: Connections,
    terminalSize: (rows: UInt16, columns: UInt16)?
  ) throws(Problem) {
    let bundle = paths.bundle(record.id)
    let rootfs = try mountRoot(record, config)
    let root = try RootDirectory(rootfs)
    let identity = try Accounts.read(in: root.fd).resolve(user: config.user, groupAdd: config.options.groupAdd)
    try root.makeWorkingDirectory(config.workingDirectory, owner: identity)
    var facts = SpecBuilder.Facts(id: record.id, name: record.name, rootfs: rootfs, identity: identity)
    facts.terminalSize = terminalSize
    facts.volumes = try prepareVolumes(config, root, identity)
    facts.files = try writeFiles(record, config, connections.joined)
    try joinNamespaces(config, &facts)
    facts.joined[.network] = connections.namespace?.network.path ?? facts.joined[.network]
    if config.options.initProcess { facts.initProgram = try initProgram(config.options) }
    for device in config.options.devices { facts.devices += try SpecBuilder.FoundDevice.find(device) }
    if config.options.privileged {
      facts.devices += try SpecBuilder.FoundDevice.all(below: "/dev", as: "/dev", access: "rwm")
    }
    let spec = try SpecBuilder(config: config, facts: facts, machine: try .current()).build()
    try doing("write \(bundle)/config.json") { () throws(Errno) in
      let file = try open(bundle + "/config.json", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
      try writeAll(file, spec.json.bytes())
    }
  }

  /// - Returns: the path of the root filesystem.
  private func mountRoot(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) -> String {
    let bundle = paths.bundle(record.id)
    let own = paths.container(record.id)
    try doing("make \(bundle)") { () throws(Errno) in
      try makeDirectories(bundle, mode: 0o700)
      try makeDirectories(own, mode: 0o700)
    }
    if case .rootfs(let path) = config.options.source { return path }
    var layers = (config.image?.layers ?? []).map(paths.layer)
    if layers.count < OverlayMount.Limit.layersMax, Skeleton.fits(config.options) {
      try Skeleton.prepare(paths.skeleton)
      layers.insert(paths.skeleton, at: 0)
    }
    let overlay = OverlayMount(
      layers: layers, upper: own + "/upper", work: own + "/work",
      isVolatile: config.options.removeWhenDone, target: paths.rootfs(record.id))
    try doing("make \(own)/upper") { () throws(Errno) in
      for (path, mode) in [(overlay.upper, 0o755), (overlay.work, 0o700), (overlay.target, 0o755)] as [(String, mode_t)]
      {
        do throws(Errno) { try makeDirectory(path, mode: mode) } catch  where error == .exists {}
      }
    }
    try OverlayMount.unmount(overlay.target)
    try overlay.mount()
    return overlay.target
  }

  /// The reverse of `prepare`: what of a container a reboot would clear. The writable layer stays.
  func unprepare(_ id: String) throws(Problem) {
    try disconnect(id)
    for mount in [paths.rootfs(id), paths.sharedMemory(id)] { try OverlayMount.unmount(mount) }
    try removeBundle(id)
  }

  /// A monitor that was left alone may still write there: it ends by itself once its container is gone.
  func removeBundle(_ id: String) throws(Problem) {
    let path = paths.bundle(id)
    for attempt in 1...Limit.removalTriesMax {
      do throws(Errno) {
        try removeTree(path)
        return
      } catch {
        guard error == .notEmpty, attempt < Limit.removalTriesMax else {
          throw Problem(code: .init(error), message: "remove \(path)", cause: error)
        }
        awaitMonitor(id)
        for mount in [paths.rootfs(id), paths.sharedMemory(id)] { try OverlayMount.unmount(mount) }
      }
    }
  }
  private func awaitMonitor(_ id: String) {
    let text = try? readText(paths.bundle(id) + "/monitor.pid", limit: 64)
    let pid = text.flatMap { Int32($0.split(whereSeparator: \.isWhitespace).first ?? "") } ?? 0
    let start = (try? startTime(ofPid: pid)) ?? 0
    if (try? readText("/proc/\(pid)/comm", limit: 64)) == "berth-monitor\n",
      let monitor = ProcessHandle(pid: pid, startTime: start)
    {
      _ = monitor.hasEnded(milliseconds: Limit.monitorMilliseconds)
    } else {
      _ = csys_poll(nil, 0, 10)  // the runtime, or what it starts: nobody tells when it is done
    }
  }

  private func initProgram(_ options: ContainerOptions) throws(Problem) -> String {
    guard let path = options.initPath else { return try programs.helper("berth-init") }
    guard path.hasPrefix("/"), exists(path) else {
      throw Problem(
        code: .invalid, message: "please specify a path to the container-init binary: \"\(path)\" is not one")
    }
    return path
  }

  // MARK: namespaces of other containers

  private func joinNamespaces(_ config: ContainerConfig, _ facts: inout SpecBuilder.Facts) throws(Problem) {
    let options = config.options
    let modes: [(NamespaceKind, NamespaceMode, String)] = [
      (.pid, options.pid, "pid"), (.ipc, options.ipc, "ipc"), (.uts, options.uts, "uts"),
      (.cgroup, options.cgroupNamespace ?? .private, "cgroup"),
    ]
    for (kind, mode, file) in modes {
      guard case .container(let name) = mode else { continue }
      let pid = try runningPid(of: name)
      facts.joined[kind] = "/proc/\(pid)/ns/\(file)"
      if kind == .ipc { facts.shmSource = try shareMemory(of: pid, with: facts.id) }
    }
    if case .container(let name) = options.network {
      facts.joined[.network] = "/proc/\(try runningPid(of: name))/ns/net"
    }
  }
  private func shareMemory(of pid: Int32, with id: String) throws(Problem) -> String {
    let target = paths.sharedMemory(id)
    try doing("share /dev/shm of process \(pid)") { () throws(Errno) in
      do throws(Errno) { try makeDirectory(target, mode: 0o700) } catch  where error == .exists {}
      try SharedMemory.mount(ofPid: pid, at: target)
    }
    return target
  }
  private func runningPid(of name: String) throws(Problem) -> Int32 {
    let record = try observed(try store().containers.lookup(name))
    guard record.status.state == .running || record.status.state == .paused else {
      throw Problem(
        code: .conflict, message: "some dependencies of the container are not running: \(record.name)",
        hint: "start it first: berth start \(record.name)")
    }
    return record.status.pid
  }
}
