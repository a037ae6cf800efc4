import CSys
import Glibc
import JSON
import Networking
import Problems
import Rootless
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
    var accounts = try AccountFiles(in: root.fd)
    if config.namesCaller { accounts.addCaller(try userNamespace(), home: config.workingDirectory) }
    var identity = try accounts.parsed.resolve(user: config.user, groupAdd: config.options.groupAdd)
    if identity.uid != 0 || identity.gid != 0 { accounts.add(identity, home: config.workingDirectory) }
    try checkMapped(&identity, config)
    let owner = config.outside(identity)
    try root.makeWorkingDirectory(config.workingDirectory, owner: owner, parents: config.rootOwner)
    var facts = SpecBuilder.Facts(id: record.id, name: record.name, rootfs: rootfs, identity: identity)
    facts.terminalSize = terminalSize
    facts.volumes = try prepareVolumes(config, root, owner)
    facts.files = try writeFiles(record, config, connections.joined, accounts)
    try joinNamespaces(config, &facts)
    if let ready = connections.namespace { facts.joined.merge(ready.paths) { _, own in own } }
    if config.options.initProcess { facts.initProgram = try initProgram(config.options) }
    for device in config.options.devices { facts.devices += try SpecBuilder.FoundDevice.find(device) }
    for rate in config.options.deviceRates { facts.rates.append(try SpecBuilder.FoundRate(rate)) }
    if config.options.privileged {
      facts.devices += try SpecBuilder.FoundDevice.all(below: "/dev", as: "/dev", access: "rwm")
    }
    let spec = try SpecBuilder(config: config, facts: facts, machine: .current(try userNamespace(), try delegation()))
      .build()
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
    let layers = config.image?.layers ?? []
    let hasSkeleton = layers.count < OverlayMount.Limit.layersMax && Skeleton.fits(config.options)
    if hasSkeleton { try Skeleton.prepare(paths.skeleton) }
    var overlay = OverlayMount(
      layers: (hasSkeleton ? [paths.skeleton] : []) + layers.map(paths.layer), upper: own + "/upper",
      work: own + "/work", isVolatile: config.options.removeWhenDone, target: paths.rootfs(record.id))
    try doing("make \(own)/upper") { () throws(Errno) in
      for (path, mode) in [(overlay.upper, 0o755), (overlay.work, 0o700), (overlay.target, 0o755)] as [(String, mode_t)]
      {
        do throws(Errno) { try makeDirectory(path, mode: mode) } catch  where error == .exists {}
      }
      if config.maps != nil {
        try check(csys_fchownat(AT_FDCWD, overlay.upper, config.rootOwner.uid, config.rootOwner.gid, 0))
      }
    }
    try OverlayMount.unmount(overlay.target)
    if let maps = config.maps, !maps.isIdentity {
      try mountMapped(&overlay, layers, maps, record.id)
    } else {
      try mount(overlay, of: record.id)
    }
    return overlay.target
  }

  /// The overlay for a user namespace with ids of its own.
  private func mountMapped(_ overlay: inout OverlayMount, _ layers: [String], _ maps: UserNamespace, _ id: String)
    throws(Problem)
  {
    let mapped = paths.mapped(id)
    try MappedLayers.unmount(mapped)
    let hasSkeleton = overlay.layers.count > layers.count
    let sources = [("layers", paths.layers)] + (hasSkeleton ? [("skeleton", paths.skeleton)] : [])
    if let seen = try MappedLayers.mount(sources, at: mapped, maps) {
      overlay.layers = (hasSkeleton ? [seen.path("skeleton")] : []) + layers.map { "\(seen.path("layers"))/\($0)/diff" }
      let outcome = Result { () throws(Problem) in try mount(overlay, of: id) }
      try seen.unmount()
      return try outcome.get()
    }
    // What lies in the skeleton is covered by mounts: it may belong to nobody.
    overlay.layers = hasSkeleton ? [paths.skeleton] : []
    for layer in layers {
      overlay.layers.append(try ShiftedLayer(layer: "\(paths.layers)/\(layer)", maps: maps).make())
    }
    try mount(overlay, of: id)
  }

  /// The reverse of `prepare`: what of a container a reboot would clear. The writable layer stays.
  func unprepare(_ id: String) throws(Problem) {
    try disconnect(id)
    try unmountAll(id)
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
        try unmountAll(id)
      }
    }
  }
  func unmountAll(_ id: String) throws(Problem) {
    for mount in [paths.rootfs(id), paths.sharedMemory(id)] { try OverlayMount.unmount(mount) }
    try MappedLayers.unmount(paths.mapped(id))
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
      (.cgroup, options.cgroupNamespace ?? .private, "cgroup"), (.time, options.time, "time"),
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
    facts.joined[.user] = try joinedUserNamespace(config)
  }
  /// The user namespace that a container is to share; nil for one of its own, or none.
  func joinedUserNamespace(_ config: ContainerConfig) throws(Problem) -> String? {
    switch config.options.userNamespace {
    case .container(let name): config.maps == nil ? nil : "/proc/\(try runningPid(of: name))/ns/user"
    case .path(let path): path
    case .host, .private, .auto, .keepID, .nomap: nil
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
