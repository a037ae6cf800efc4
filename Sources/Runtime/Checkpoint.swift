import CSys
import Cgroups
import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

/// Writes a running container to files, by CRIU.
struct Checkpoint {
  let record: ContainerRecord
  let spec: Spec
  let settings: CheckpointSettings

  /// What the container's standard streams were: a restore puts its own in the place of pipes.
  static let descriptorsFile = "descriptors.json"
  private static let logFile = "dump.log"

  /// - Throws: what CRIU says; the container goes on then, and a directory that was made for it is removed.
  func run() throws(Problem) {
    let program = try CriuProcess.find(settings.program)
    var made: [String] = []
    do throws(Problem) {
      try dump(program, &made)
    } catch {
      for path in made { try? removeTree(path) }
      throw error
    }
  }

  private func dump(_ program: String, _ made: inout [String]) throws(Problem) {
    let images = try Self.directory(settings.imagePath, &made)
    if let parent = settings.parentPath {
      try doing("open --parent-path \(parent), seen from --image-path") { () throws(Errno) in
        _ = try open(at: images, parent, O_RDONLY | O_DIRECTORY)
      }
    }
    var request = CriuRequest(task: settings.isPreDump ? .preDump : .dump, settings: settings)
    request.imageDirectory = images.borrowed
    var logPath = settings.imagePath
    var work: OwnedFD?
    if let path = settings.workPath {
      var kept: [String] = []  // a work directory is wanted for its log, above all after a failure
      work = try Self.directory(path, &kept)
      logPath = path
    }
    request.workDirectory = work?.borrowed ?? -1
    request.pid = record.pid
    request.root = record.rootPath
    request.logFile = Self.logFile
    request.freezerPath = record.cgroup.directory(of: "freezer")?.path ?? record.cgroup.unified?.path
    let externals = CheckpointExternals(spec: spec)
    request.configurationFile = externals.configurationFile
    request.externals = try externals.namespaces(of: record.pid)
    if !settings.isPreDump {
      request.externals += externals.mounts(ofContainer: record.pid)
      try writeDescriptors()
    }
    let answer = try CriuProcess(program: program, streams: [-1, -1, -1], inherited: []).serve(request) {
      (notice, _) throws(Problem) in
      if notice.script == "status-ready" { try tellReady() }
    }
    guard answer.isSuccess else {
      throw CriuProcess.failure("checkpoint \(record.id)", answer, log: "\(logPath)/\(Self.logFile)")
    }
  }

  /// The pages of a lazy dump are served. Who waits hears a zero byte, and then the end of the file.
  private func tellReady() throws(Problem) {
    guard settings.statusDescriptor >= 0 else { return }
    let descriptor = OwnedFD(adopting: settings.statusDescriptor)
    try doing("tell --status-fd that pages are served") { () throws(Errno) in try writeAll(descriptor, [0]) }
  }

  /// Opens a directory, made where it is missing.
  private static func directory(_ path: String, _ made: inout [String]) throws(Problem) -> OwnedFD {
    do throws(Errno) {
      if !exists(path) {
        try makeDirectories(path, mode: 0o700)
        made.append(path)
      }
      return try open(path, O_RDONLY | O_DIRECTORY)
    } catch { throw Problem(code: Problem.Code(error), message: "open directory \(path)", cause: error) }
  }

  private func writeDescriptors() throws(Problem) {
    try doing("write \(Self.descriptorsFile)") { () throws(Errno) in
      let streams = try (0...2).map { (number) throws(Errno) -> JSON in
        .string((try? readLink("/proc/\(record.pid)/fd/\(number)")) ?? "")
      }
      try replaceFile(
        "\(settings.imagePath)/\(Self.descriptorsFile)", with: JSON.array(streams).bytes(), mode: 0o600, durable: false)
    }
  }
}

/// What of a container lies outside of it: CRIU must be told, at the dump and at the restore.
struct CheckpointExternals {
  let spec: Spec

  /// Engines name a file with more of CRIU's options. Source: runc(8), checkpoint.
  var configurationFile: String? {
    spec.annotations?["org.criu.config"] ?? (exists("/etc/criu/runc.conf") ? "/etc/criu/runc.conf" : nil)
  }

  private var linux: Linux { spec.linux ?? Linux() }
  private var hasUserNamespace: Bool { linux.namespaces?.contains { $0.kind == .user } ?? false }

  /// Network and PID namespaces that the container joined are not dumped: a restore brings others.
  func namespaces(of pid: pid_t) throws(Problem) -> [String] {
    var result: [String] = []
    for namespace in linux.namespaces ?? [] where [.network, .pid].contains(namespace.kind) {
      guard let path = namespace.path, !path.isEmpty else { continue }
      let name = namespace.kind.procName
      let found = try doing("read \(namespace.kind.rawValue) namespace \(path)") { () throws(Errno) in
        try status("/proc/\(pid)/ns/\(name)")
      }
      result.append("\(name)[\(found.st_ino)]:\(Self.key(namespace.kind))")
    }
    return result
  }
  static func key(_ kind: NamespaceKind) -> String { kind == .pid ? "extRootPidNS" : "extRootNetNS" }

  /// Mounts whose other side is on the host: binds, devices that a user namespace had to bind, and what hides files.
  func mounts(ofContainer pid: pid_t) -> [String] {
    var result = binds.map { "mnt[\($0.destination)]:\($0.destination)" }
    result += boundDevices.map { "mnt[\($0)]:\($0)" }
    if hasUserNamespace {
      result += maskedFiles(ofContainer: pid).map { "mnt[\($0)]:/dev/null" }
    }
    return result
  }
  /// The same, and where each comes from now.
  func restoredMounts(bundle: String) -> [String] {
    var result = binds.map { mount in
      let source = mount.source ?? ""
      return "mnt[\(mount.destination)]:\(source.hasPrefix("/") ? source : bundle + "/" + source)"
    }
    result += boundDevices.map { "mnt[\($0)]:\($0)" }
    return result
  }

  private var binds: [Mount] {
    (spec.mounts ?? []).filter { $0.type == "bind" || MountOptions($0.options ?? []).bind }
  }
  private var boundDevices: [String] {
    guard hasUserNamespace else { return [] }
    return DeviceNode.defaults.map(\.path) + (linux.devices ?? []).map(\.path)
  }
  private func maskedFiles(ofContainer pid: pid_t) -> [String] {
    (linux.maskedPaths ?? []).filter { path in
      guard let found = try? status("/proc/\(pid)/root\(path)") else { return false }
      return found.st_mode & S_IFMT == S_IFCHR
    }
  }
}
