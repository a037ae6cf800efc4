import CSys
import Cgroups
import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

/// Brings a container back from the files of a checkpoint, by CRIU.
struct Restore {
  var launch: Launch
  let settings: CheckpointSettings

  private static let logFile = "restore.log"
  private var id: String { launch.options.id }
  private var plan: LaunchPlan { launch.plan }

  /// - Returns: the container, running and our child. After a failure nothing is left.
  mutating func run() throws(Problem) -> ContainerRecord {
    let program = try CriuProcess.find(settings.program)
    _ = try openImages()
    let lock = try launch.store.reserve(id).release()
    defer { _ = csys_close(lock) }
    var record: ContainerRecord?
    do throws(Problem) {
      try launch.keepSpecification()
      try launch.openConsoleSocket()
      try launch.makeCgroup()
      let root = try prepareRoot()
      defer { Self.removeRoot(root) }
      try restore(program, root, &record)
      guard let record else { throw Problem(code: .unavailable, message: "restore \(id): criu named no process") }
      try rememberTimeNamespace(of: record.pid)
      return record
    } catch {
      if let record {
        _ = csys_kill(record.pid, SIGKILL)  // our own child, not reaped
        var status: CInt = 0
        _ = csys_wait4(record.pid, &status, 0)
      }
      launch.takeBack()
      throw error
    }
  }

  private func openImages() throws(Problem) -> OwnedFD {
    try doing(
      "open checkpoint \(settings.imagePath)", hint: "--image-path names what checkpoint --image-path wrote"
    ) { () throws(Errno) in try open(settings.imagePath, O_RDONLY | O_DIRECTORY) }
  }

  private mutating func restore(_ program: String, _ root: String, _ record: inout ContainerRecord?) throws(Problem) {
    let images = try openImages()  // in the mount namespace that CRIU works in: it mounts below it
    var request = CriuRequest(task: .restore, settings: settings)
    request.imageDirectory = images.borrowed
    var work: OwnedFD?
    if let path = settings.workPath {
      work = try doing("open work directory \(path)") { () throws(Errno) in
        try makeDirectories(path, mode: 0o700)
        return try open(path, O_RDONLY | O_DIRECTORY)
      }
    }
    request.workDirectory = work?.borrowed ?? -1
    request.root = root
    request.logFile = Self.logFile
    let externals = CheckpointExternals(spec: plan.spec)
    request.configurationFile = externals.configurationFile
    request.externals = externals.restoredMounts(bundle: plan.bundle)
    var inherited: [CInt] = []
    try joinNamespaces(&request, &inherited)
    defer { for fd in inherited { _ = csys_close(fd) } }
    try inheritStreams(&request)
    let criu = try CriuProcess(program: program, streams: [0, 1, 2], inherited: inherited)
    if launch.cgroup.isPending {
      try launch.startUnit(around: criu.pid)
    } else {
      try launch.cgroup.join(criu.pid)
    }
    request.cgroupRoots = try cgroupRoots(of: criu.pid)
    let answer = try criu.serve(request) { (notice, descriptor) throws(Problem) in
      try hear(notice, descriptor, &record)
    }
    guard answer.isSuccess else {
      throw CriuProcess.failure(
        "restore \(id)", answer, log: "\(settings.workPath ?? settings.imagePath)/\(Self.logFile)")
    }
  }

  private func hear(
    _ notice: CriuResponse, _ descriptor: CInt?, _ record: inout ContainerRecord?
  ) throws(Problem) {
    switch notice.script {
    case "setup-namespaces":
      guard let pid = notice.pid else { return }
      if plan.hasNew(.network) {
        try doing("bring up the loopback interface") { () throws(Errno) in try Loopback.bringUp(of: pid) }
      }
      let runner = HookRunner(plan: plan, status: .creating, pid: pid)
      do throws(StepFailure) {
        try runner.run(plan.spec.hooks?.prestart, kind: "prestart")
        try runner.run(plan.spec.hooks?.createRuntime, kind: "createRuntime")
      } catch { throw error.problem }
    case "post-restore":
      guard let pid = notice.pid else { return }
      let startTime = try doing("read the start time of the container's process") { () throws(Errno) in
        try Sys.startTime(ofPid: pid)
      }
      let restored = ContainerRecord(plan: plan, cgroup: launch.cgroup, pid: pid, startTime: startTime)
      record = restored
      try launch.store.save(restored)
      if let path = launch.options.pidFile { try PidFile.write(pid, to: path) }
    case "orphan-pts-master":
      guard let descriptor, plan.consoleSocket >= 0 else { return }
      let socket = OwnedFD(adopting: plan.consoleSocket)
      try doing("send the terminal") { () throws(Errno) in
        try send(socket, Array("/dev/pts/ptmx".utf8), descriptors: [descriptor])
      }
    default: break
    }
  }

  /// The root as a mount of its own, in a mount namespace that ends with this process: the host sees nothing of it.
  /// Places for the mounts are made, as they were when the container was created.
  private func prepareRoot() throws(Problem) -> String {
    let place = launch.store.path(id, "root")
    try doing("prepare root filesystem \(plan.rootPath)") { () throws(Errno) in
      let root = RootFilesystem(directory: try open(plan.rootPath, O_PATH_ | O_DIRECTORY))
      let mounts = plan.spec.mounts ?? []
      for mount in mounts where !mounts.contains(where: { mount.destination.hasPrefix($0.destination + "/") }) {
        var isDirectory = true
        if MountOptions(mount.options ?? []).bind || mount.type == "bind", let source = mount.source {
          let path = source.hasPrefix("/") ? source : plan.bundle + "/" + source
          isDirectory = try status(path).isDirectory
        }
        _ = try root.make(mount.destination, directory: isDirectory)
      }
      try check(csys_unshare(NamespaceKind.mount.cloneFlag ?? 0))
      try check(csys_mount_setattr(AT_FDCWD, "/", CUnsignedInt(CSYS_AT_RECURSIVE), 0, 0, UInt64(MS_PRIVATE), 0))
      try makeDirectory(place, mode: 0o700)
      try MountTree(cloning: plan.rootPath, recursive: true).move(ontoPath: place)
    }
    return place
  }
  private static func removeRoot(_ place: String) {
    _ = csys_umount2(place, CInt(MNT_DETACH))
    _ = csys_unlinkat(AT_FDCWD, place, AT_REMOVEDIR)
  }

  private func joinNamespaces(_ request: inout CriuRequest, _ inherited: inout [CInt]) throws(Problem) {
    for namespace in plan.linux.namespaces ?? [] {
      guard let path = namespace.path, !path.isEmpty else { continue }
      switch namespace.kind {
      case .network, .pid:
        let fd = try doing("open \(namespace.kind.rawValue) namespace \(path)") { () throws(Errno) in
          try open(path, O_RDONLY).release()
        }
        let number = CriuProcess.firstInherited + CInt(inherited.count)
        request.inherited.append((CheckpointExternals.key(namespace.kind), number))
        inherited.append(fd)
      case .ipc, .uts, .user: request.joined.append((namespace.kind.procName, path))
      default:
        throw Problem(
          code: .unsupported, message: "restore \(id): a joined \(namespace.kind.rawValue) namespace cannot come back")
      }
    }
  }

  /// Pipes that were the container's standard streams become ours.
  private func inheritStreams(_ request: inout CriuRequest) throws(Problem) {
    let path = "\(settings.imagePath)/\(Checkpoint.descriptorsFile)"
    let bytes = try doing("read \(path)", hint: "is it a whole checkpoint, not a pre-dump?") { () throws(Errno) in
      try readFile(path, limit: 1 << 16)
    }
    guard let streams = try? JSON.parse(bytes).strings else {
      throw Problem(code: .invalid, message: "\(path) is no list of strings")
    }
    for (number, stream) in streams.prefix(3).enumerated() where stream.hasPrefix("pipe:") {
      request.inherited.append((stream, CInt(number)))
    }
  }

  /// Where CRIU itself is now: the dumped cgroups are moved to below it.
  private func cgroupRoots(of pid: pid_t) throws(Problem) -> [(controllers: String, path: String)] {
    let text = try doing("read the cgroups of process \(pid)") { () throws(Errno) in
      try readText("/proc/\(pid)/cgroup")
    }
    return text.split(separator: "\n").compactMap { line in
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
      return parts.count == 3 ? (String(parts[1]), String(parts[2])) : nil
    }
  }

  /// CRIU gives the container a time namespace, so that its clocks go on: an exec has to join it.
  private func rememberTimeNamespace(of pid: pid_t) throws(Problem) {
    guard plan.namespace(.time) == nil, let own = try? status("/proc/self/ns/time"),
      let restored = try? status("/proc/\(pid)/ns/time"), own.st_ino != restored.st_ino
    else { return }
    let path = launch.store.path(id, "config.json")
    try doing("note the time namespace of \(id)") { () throws(Errno) in
      guard case .object(var object) = (try? JSON.parse(try readFile(path))) ?? .null else { throw .invalid }
      var linux = object["linux"]?.object ?? JSON.Object()
      linux["namespaces"] = .array((linux["namespaces"]?.array ?? []) + [["type": "time"]])
      object["linux"] = .object(linux)
      try replaceFile(path, with: JSON.object(object).bytes(), mode: 0o600, durable: false)
    }
  }
}
