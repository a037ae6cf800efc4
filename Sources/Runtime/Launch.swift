import CSys
import Cgroups
import Glibc
import Problems
import RuntimeSpec
import Seccomp
import Sys

/// What the command line says about a container to create.
struct LaunchOptions {
  var id: String
  var bundle = "."
  /// An absolute path; nil is the bundle's config.json.
  var configuration: String?
  var pidFile: String?
  /// A unix socket that gets a pidfd of the container's process.
  var pidfdSocket: String?
  var consoleSocket: String?
  var noPivot = false
  var noNewKeyring = false
  var preservedDescriptors: UInt32 = 0
  var driver = CgroupDriver.cgroupfs

  func configurationPath(_ bundle: String) -> String {
    configuration ?? bundle + "/config.json"
  }
}

/// The parent half of `create` and `run`.
struct Launch {
  let store: RecordStore
  let log: Log
  let options: LaunchOptions
  var plan: LaunchPlan
  var cgroup: Cgroup
  /// Where the runtime's caller waits to hear that the container is ready.
  let notify: NotifySocket?
  /// config.json as it was read; the container's copy is of these bytes.
  private let configuration: [UInt8]
  let gates: FeatureGates
  let createMilliseconds: Int
  /// What there is of the cgroup.
  private var made = Cgroup.none
  /// The terminal's other end, for `run` without a console socket.
  var console: CInt = -1

  /// Reads and checks everything; nothing is changed yet.
  init(_ options: LaunchOptions, store: RecordStore, log: Log, settings: Settings) throws(Problem) {
    try RecordStore.check(id: options.id)
    self.store = store
    self.log = log
    self.options = options
    let bundle = try Self.absolute(options.bundle)
    let path = options.configurationPath(bundle)
    configuration = try SpecFile.read(path)
    var spec = try SpecFile.parse(configuration, path)
    if geteuid() != 0 { IDMaps.fallBack(&spec) }
    gates = try FeatureGates(settings)
    for name in gates.closed { log.write(.warning, "\(name) is switched off for \(options.id)") }
    gates.apply(to: &spec)
    createMilliseconds = try settings.createMilliseconds()
    try SpecCheck(spec: spec).all()
    plan = LaunchPlan(id: options.id, bundle: bundle, spec: spec)
    plan.rootPath = try Self.absolute(plan.rootPath)
    plan.noPivot = options.noPivot
    plan.newKeyring = !options.noNewKeyring
    plan.preservedDescriptors = options.preservedDescriptors
    plan.isInit = true
    plan.isDebug = log.isDebug
    plan.isDumpable = geteuid() != 0
    cgroup = try options.driver.cgroup(
      path: spec.linux?.cgroupsPath, id: options.id, annotations: spec.annotations ?? [:])
    cgroup.toleratesRefusals = try settings.isRootless()
    notify = NotifySocket(store: store, id: options.id)
  }

  static func absolute(_ path: String) throws(Problem) -> String {
    guard let real = realpath(path, nil) else {
      let failure = Errno(rawValue: errno)
      throw Problem(code: Problem.Code(failure), message: "open \(path)", cause: failure)
    }
    defer { free(real) }
    return String(cString: real)
  }

  /// Makes the container; its process waits, set up, for `release` or for `start`.
  /// - Parameter waitsForStart: another command will start it.
  mutating func create(waitsForStart: Bool) throws(Problem) -> CreatedContainer {
    let lock = try store.reserve(options.id).release()
    defer { _ = csys_close(lock) }
    var child: pid_t = -1
    let mountBefore = plan.namespace(.mount) == nil ? try? MountTree.number(ofPath: plan.rootPath) : nil
    do throws(Problem) {
      try notify?.prepare(&plan.spec)
      if waitsForStart {
        plan.startListener = try doing("make the start socket") { () throws(Errno) in
          try listenUnix(store.startSocket(options.id), type: CInt(SOCK_SEQPACKET.rawValue)).release()
        }
      }
      try openConsoleSocket()
      try makeCgroupAtFirst()
      try openIDMaps()
      try openSourcesForUserNamespace()
      return try launch(&child)
    } catch {
      if child > 0 {
        _ = csys_kill(child, SIGKILL)
        var status: CInt = 0
        _ = csys_wait4(child, &status, 0)
      }
      if let mountBefore, let now = try? MountTree.number(ofPath: plan.rootPath), now != mountBefore {
        _ = csys_umount2(plan.rootPath, CInt(MNT_DETACH))
      }
      takeBack()
      // What the hooks before have set up ends as that of a container that ran. Source: runtime.md, "Lifecycle".
      if child > 0 { HookRunner(plan: plan, status: .stopped, pid: 0).runPoststop(log) }
      TerminationMessage.write(error, for: plan.spec)
      throw error
    }
  }

  /// Keeps the specification as it is now. The directory is one that only we know: half a copy is as good as none.
  func keepSpecification() throws(Problem) {
    try doing("copy config.json") { () throws(Errno) in
      let copy = try open(store.path(options.id, "config.json"), O_WRONLY | O_CREAT | O_EXCL, mode: 0o600)
      try writeAll(copy, configuration)
    }
  }
  mutating func makeCgroup() throws(Problem) {
    try cgroup.create()
    made = cgroup
    plan.cgroupMounts = try mountsOfCgroup()
    try furnishCgroup()
  }
  /// All of it, or what the child is born into (`LaunchPlan.entersLater`).
  private mutating func makeCgroupAtFirst() throws(Problem) {
    let joinsNothing = (plan.linux.namespaces ?? []).allSatisfy { ($0.path ?? "").isEmpty } && !plan.hasNew(.time)
    let devices = plan.linux.netDevices ?? [:]  // they move into the namespace before the child is heard of
    guard joinsNothing, plan.hasNew(.network), !plan.hasNew(.user), devices.isEmpty, cgroup.hasVersionOne,
      !cgroup.isPending, !cgroup.mayLackRights
    else { return try makeCgroup() }
    plan.entersLater = true
    plan.cgroupMounts = try mountsOfCgroup()
    try cgroup.create(.two)
    made = cgroup.part(.two)
  }
  /// The rest of it; the child gets its doors.
  private mutating func makeCgroupMeanwhile(_ channel: borrowing Channel) throws(Problem) {
    try cgroup.create(.one)
    made = cgroup
    try furnishCgroup()
    let entrance = try cgroup.entrance(.one)
    try channel.say(.enter, descriptors: entrance.tasks)
  }
  /// Undoes the two above; processes have gone before.
  func takeBack() {
    try? made.delete()
    try? store.remove(options.id)
  }

  private func fork(_ ends: borrowing SocketPair) throws(Problem) -> pid_t {
    let joins = try NamespaceJoins(plan: plan)
    let entrance = try cgroup.entrance(plan.entersLater ? .two : nil)
    return try joins.fork(plan: plan, entrance, parentEnd: ends.first.borrowed, childEnd: ends.second.borrowed)
  }

  private mutating func launch(_ child: inout pid_t) throws(Problem) -> CreatedContainer {
    let ends = try doing("make a socket pair") { () throws(Errno) in
      try SocketPair.make(type: CInt(SOCK_SEQPACKET.rawValue))
    }
    let plan = plan
    child = try fork(ends)
    log.debug("nsexec container setup: process \(child), clone flags 0x\(String(plan.cloneFlags, radix: 16))")
    ends.second.close()
    if plan.startListener >= 0 { _ = csys_close(plan.startListener) }
    if plan.consoleSocket >= 0 { _ = csys_close(plan.consoleSocket) }
    let channel = Channel(ends.first, log: log)
    try channel.limitWait(to: createMilliseconds)
    if plan.entersLater { try makeCgroupMeanwhile(channel) }
    if cgroup.isPending { try startUnit(around: child) }
    if plan.hasNew(.user) { try IDMaps(plan.linux).write(to: child) }
    try adjustOutOfMemoryScore(of: child)
    try NetDevices.move(plan.spec.linux?.netDevices, to: child)
    if let rdt = try IntelRdt(plan.spec.linux?.intelRdt, id: plan.id) {
      try rdt.enter(child, root: try IntelRdt.mountPoint())
    }
    if let path = options.pidfdSocket { try PidfdSocket.send(child, to: path) }
    try channel.say(.proceed)
    // What follows needs not hold up the child, which mounts meanwhile.
    try keepSpecification()
    let startTime = try doing("read the start time of the container's process") { () throws(Errno) in
      try Sys.startTime(ofPid: child)
    }
    var record = ContainerRecord(plan: plan, cgroup: cgroup, pid: child, startTime: startTime)
    record.gates = gates
    try store.draft(record)
    let filter = try plan.linux.seccomp.code()
    for text in CapabilitySets(plan.spec.process?.capabilities).warnings { log.write(.warning, text) }
    while true {
      let got = try channel.hearAll()
      let message = got.message
      switch message {
      case .mapIDs:
        try mapIDs(got.payload, got.descriptors)
        try channel.say(.proceed)
      case .ready, .readyWithoutLimits:
        if message == .readyWithoutLimits { try setLimits(of: child) }
        if plan.namespace(.mount) == nil {
          record.rootMount = try? MountTree.number(ofPath: plan.rootPath)
          try store.draft(record)
        }
        try store.publish(record.id)
        if let path = options.pidFile { try PidFile.write(child, to: path) }
        return CreatedContainer(record: record, filter: filter, channel: channel)
      case .hooks:
        let runner = HookRunner(plan: plan, status: .creating, pid: child)
        do throws(StepFailure) {
          // They come after "create" in the specification's list of steps, and crun says so too.
          try HookRunner(plan: plan, status: .created, pid: child).run(plan.spec.hooks?.prestart, kind: "prestart")
          try runner.run(plan.spec.hooks?.createRuntime, kind: "createRuntime")
        } catch { throw error.problem }
        try channel.say(.proceed)
      default: throw Problem(code: .bug, message: "unexpected message from the container's process")
      }
    }
  }

  /// A bind of what lies in the container's own root can be made only there, but a user namespace may not map its
  /// owners.
  private func mapIDs(_ payload: [UInt8], _ descriptors: [CInt]) throws(Problem) {
    guard let descriptor = descriptors.first, payload.count == MemoryLayout<Int32>.size else {
      throw Problem(code: .bug, message: "a mount to map did not come")
    }
    let tree = MountTree(adopting: OwnedFD(adopting: descriptor))
    let number = Int(payload.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) })
    guard let namespace = plan.idMapNamespaces[number], let mount = plan.spec.mounts?[number] else {
      throw Problem(code: .bug, message: "mount \(number) has no mappings")
    }
    try doing("map the owners of \(mount.source ?? "") at \(mount.destination)") { () throws(Errno) in
      try tree.mapIDs(by: namespace, recursive: MountOptions(mount.options ?? []).idMappedBelow)
    }
  }

  mutating func openConsoleSocket() throws(Problem) {
    guard plan.spec.process?.terminal == true else {
      if options.consoleSocket != nil {
        throw Problem(code: .invalid, message: "--console-socket is for a process with a terminal")
      }
      return
    }
    if let path = options.consoleSocket {
      plan.consoleSocket = try doing("connect to the console socket \(path)") { () throws(Errno) in
        try connectUnix(path, type: CInt(SOCK_STREAM.rawValue), milliseconds: createMilliseconds).release()
      }
    } else {
      (plan.consoleSocket, console) = try Foreground.consolePair()
      plan.relaysConsole = true
    }
  }

  /// The root of a user namespace may not reach the bundle or the sources: what the host's root may open is
  /// opened here and handed over as detached mounts.
  private mutating func openSourcesForUserNamespace() throws(Problem) {
    let plan = plan
    guard plan.namespace(.user) != nil, plan.namespace(.mount) != nil, geteuid() == 0 else { return }
    self.plan.preparedRoot = try doing("open root filesystem \(plan.rootPath)") { () throws(Errno) in
      let tree = try MountTree(cloning: plan.rootPath, recursive: true)
      // Where the host's mounts are shared, so is their copy: what the container mounts would appear on the host.
      let isSlave = plan.spec.linux?.rootfsPropagation?.hasSuffix("slave") == true
      try tree.setPropagation(UInt64(isSlave ? MS_SLAVE : MS_PRIVATE), recursive: true)
      return try tree.fd.duplicate().release()
    }
    try self.plan.openBindSources()
  }

  /// User namespaces that carry the maps of idmapped mounts.
  private mutating func openIDMaps() throws(Problem) {
    for (number, mount) in (plan.spec.mounts ?? []).enumerated() {
      let options = mount.options ?? []
      guard options.contains("idmap") || options.contains("ridmap") || !(mount.uidMappings ?? []).isEmpty else {
        continue
      }
      let isImplied = (mount.uidMappings ?? []).isEmpty && (mount.gidMappings ?? []).isEmpty
      if isImplied, let path = plan.namespace(.user)?.path, !path.isEmpty {
        plan.idMapNamespaces[number] = try doing("open user namespace \(path)") { () throws(Errno) in
          try open(path, O_RDONLY).release()
        }
        continue
      }
      var linux = plan.linux
      if let uids = mount.uidMappings, !uids.isEmpty { linux.uidMappings = uids }
      if let gids = mount.gidMappings, !gids.isEmpty { linux.gidMappings = gids }
      guard !(linux.uidMappings ?? []).isEmpty, !(linux.gidMappings ?? []).isEmpty else {
        throw Problem(code: .invalid, message: "the idmapped mount at \(mount.destination) has no mappings")
      }
      plan.idMapNamespaces[number] = try IDMaps(linux).namespace()
    }
  }

  private func adjustOutOfMemoryScore(of pid: pid_t) throws(Problem) {
    guard let score = plan.spec.process?.oomScoreAdj else { return }
    try ProcessLimits.setOutOfMemoryScore(score, of: pid)
  }
  private func setLimits(of pid: pid_t) throws(Problem) {
    try ProcessLimits.set(plan.spec.process?.rlimits ?? [], of: pid)
  }
}

extension LinuxSeccomp? {
  /// The compiled filter, for the process that will install it; empty without one.
  func code() throws(Problem) -> [UInt8] {
    guard let self else { return [] }
    return try SeccompFilter.compile(self).bytes
  }
}

/// A container whose process waits.
struct CreatedContainer: ~Copyable {
  let record: ContainerRecord
  /// The seccomp filter, as the process gets it.
  let filter: [UInt8]
  let channel: Channel

  /// Ends the creation: the process goes on to wait for `start`, or executes at once.
  consuming func release() throws(Problem) -> Channel {
    try channel.say(.start, filter)
    return channel
  }

  /// Waits until the process has executed its command.
  /// - Parameter listener: gets the seccomp notify descriptor, where the filter makes one.
  static func awaitExecution(_ channel: borrowing Channel, listener: SeccompListener) throws(Problem) {
    while true {
      guard let got = try channel.hearAny() else { return }
      if got.message == .failure, let failure = StepFailure(bytes: got.payload) { throw failure.problem }
      if got.message == .notify, let descriptor = got.descriptors.first {
        try listener.hand(over: OwnedFD(adopting: descriptor))
      }
    }
  }
}

/// `--pidfd-socket`.
enum PidfdSocket {
  static func send(_ pid: pid_t, to path: String) throws(Problem) {
    try doing("send a pidfd to \(path)") { () throws(Errno) in
      let pidfd = OwnedFD(adopting: try check(csys_pidfd_open(pid, 0)))
      let socket = try connectUnix(path, type: CInt(SOCK_STREAM.rawValue))
      try Sys.send(socket, Array("pidfd".utf8), descriptors: [pidfd.borrowed])
    }
  }
}

/// `--pid-file`.
enum PidFile {
  static func write(_ pid: pid_t, to path: String) throws(Problem) {
    try doing("write the pid file \(path)") { () throws(Errno) in
      try replaceFile(path, with: Array("\(pid)".utf8), durable: false)
    }
  }
}
