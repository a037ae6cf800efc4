import CSys
import Cgroups
import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

/// What the runtime remembers of one container: `<root>/<id>/state.json`, written once it is created.
struct ContainerRecord {
  var id: String
  var bundle: String
  var rootPath: String
  var pid: pid_t
  /// Clock ticks since boot; with the pid it names one process.
  var startTime: UInt64
  /// RFC 3339, UTC.
  var created: String
  var ociVersion: String
  var annotations: [String: String]
  var ownsPidNamespace: Bool
  var gates = FeatureGates.allOpen
  /// The mount that the container left on its root in the host's mount namespace, which `delete` undoes.
  var rootMount: Int?
  var cgroup: Cgroup

  var json: JSON {
    var object = JSON.Object()
    object["ociVersion"] = .string(ociVersion)
    object["id"] = .string(id)
    object["pid"] = JSON(pid)
    object["startTime"] = JSON(startTime)
    object["bundle"] = .string(bundle)
    object["rootfs"] = .string(rootPath)
    object["created"] = .string(created)
    object["ownsPidNamespace"] = .bool(ownsPidNamespace)
    if gates != .allOpen { object["switchedOff"] = JSON(gates.closed) }
    if let rootMount { object["rootMount"] = JSON(rootMount) }
    object["annotations"] = .object(
      JSON.Object(annotations.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    object["cgroups"] = .array(
      cgroup.saved.map { .array([.string($0.controllers), .string($0.mountPoint), .string($0.path)]) })
    if let unit = cgroup.unit {
      object["systemdUnit"] = .string(unit.name)
      object["systemdUser"] = .bool(unit.isUser)
    }
    return .object(object)
  }

  init(plan: LaunchPlan, cgroup: Cgroup, pid: pid_t, startTime: UInt64) {
    id = plan.id
    bundle = plan.bundle
    rootPath = plan.rootPath
    self.pid = pid
    self.startTime = startTime
    created = Timestamp.now()
    ociVersion = plan.spec.ociVersion
    annotations = plan.spec.annotations ?? [:]
    ownsPidNamespace = plan.hasNew(.pid)
    self.cgroup = cgroup
  }
  init?(json: JSON) {
    guard let id = json["id"]?.string, let bundle = json["bundle"]?.string, let rootPath = json["rootfs"]?.string,
      let pid = json["pid"]?.integer(pid_t.self), let startTime = json["startTime"]?.integer(UInt64.self),
      let created = json["created"]?.string, let version = json["ociVersion"]?.string
    else { return nil }
    self.id = id
    self.bundle = bundle
    self.rootPath = rootPath
    self.pid = pid
    self.startTime = startTime
    self.created = created
    ociVersion = version
    ownsPidNamespace = json["ownsPidNamespace"]?.bool ?? false
    gates = FeatureGates(closed: json["switchedOff"]?.strings ?? [])
    rootMount = json["rootMount"]?.integer(Int.self)
    let saved = (json["cgroups"]?.array ?? []).compactMap(\.strings).filter { $0.count == 3 }
    let unit = json["systemdUnit"]?.string.map {
      SystemdUnit(name: $0, isUser: json["systemdUser"]?.bool ?? false)
    }
    cgroup = Cgroup(saved: saved.map { Cgroup.Saved(controllers: $0[0], mountPoint: $0[1], path: $0[2]) }, unit: unit)
    annotations = [:]
    for member in json["annotations"]?.object?.members ?? [] { annotations[member.name] = member.value.string }
  }
}

/// The runtime's directory (`--root`) and the containers in it.
struct RecordStore {
  let root: String

  static var defaultRoot: String {
    if geteuid() == 0 { return "/run/berth-runtime" }
    return (environmentVariable("XDG_RUNTIME_DIR") ?? "/run/user/\(geteuid())") + "/berth-runtime"
  }

  func directory(of id: String) -> String { "\(root)/\(id)" }
  func path(_ id: String, _ name: String) -> String { "\(root)/\(id)/\(name)" }
  /// The socket that `start` connects to; its presence is what tells "created" from "running".
  func startSocket(_ id: String) -> String { path(id, "start.sock") }

  /// Source: runc's rule for IDs.
  static func check(id: String) throws(Problem) {
    let isFine = id.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "+"), UInt8(ascii: "-"): true
      case UInt8(ascii: "."): true
      default: false
      }
    }
    if !isFine || id.isEmpty || id == "." || id == ".." || id.utf8.count > 1024 {
      throw Problem(code: .invalid, message: "invalid container ID format: \"\(id)\"")
    }
  }

  /// Reserves an ID: the directory is made, or somebody has it.
  /// - Returns: its lock, to be held until the state is saved: so others know that somebody is at work.
  func reserve(_ id: String) throws(Problem) -> OwnedFD {
    try doing("make directory \(root)") { () throws(Errno) in try makeDirectories(root, mode: 0o700) }
    do throws(Errno) { try makeDirectory(directory(of: id), mode: 0o700) } catch {
      if error == .exists {
        throw Problem(code: .conflict, message: "container already exists: container with id exists: \(id)")
      }
      throw Problem(code: Problem.Code(error), message: "make directory \(directory(of: id))", cause: error)
    }
    do throws(Errno) {
      let directory = try open(directory(of: id), O_RDONLY | O_DIRECTORY)
      // The process's lock, not the descriptor's: a child that outlives the runtime does not hold it.
      var lock = flock()
      lock.l_type = Int16(F_RDLCK)
      if fcntl(directory.borrowed, F_SETLK, &lock) != 0 { throw Errno(rawValue: errno) }
      return directory
    } catch {
      try? remove(id)
      throw Problem(code: Problem.Code(error), message: "lock \(directory(of: id))", cause: error)
    }
  }
  /// Whether a runtime is making this container, whose state is not saved yet, just now.
  func isBeingMade(_ id: String) -> Bool {
    guard let directory = try? open(directory(of: id), O_RDONLY | O_DIRECTORY) else { return false }
    var lock = flock()
    lock.l_type = Int16(F_WRLCK)
    return fcntl(directory.borrowed, F_GETLK, &lock) == 0 && lock.l_type != Int16(F_UNLCK)
  }

  /// Writes the record where nobody looks for it, until `publish`.
  func draft(_ record: ContainerRecord) throws(Problem) {
    try doing("write the state of \(record.id)") { () throws(Errno) in
      let file = try open(draftPath(record.id), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o600)
      try writeAll(file, record.json.bytes())
    }
  }
  func publish(_ id: String) throws(Problem) {
    try doing("save the state of \(id)") { () throws(Errno) in try rename(draftPath(id), to: path(id, "state.json")) }
  }
  private func draftPath(_ id: String) -> String { path(id, "state.json.draft") }

  func save(_ record: ContainerRecord) throws(Problem) {
    try doing("save the state of \(record.id)") { () throws(Errno) in
      try replaceFile(path(record.id, "state.json"), with: record.json.bytes(), mode: 0o600, durable: false)
    }
  }

  func load(_ id: String) throws(Problem) -> ContainerRecord {
    try Self.check(id: id)
    let bytes: [UInt8]
    do throws(Errno) { bytes = try readFile(path(id, "state.json")) } catch {
      if error == .notFound && isBeingMade(id) {
        throw Problem(code: .conflict, message: "container \(id) is being created")
      }
      if error == .notFound { throw Problem(code: .notFound, message: "container does not exist: \(id)") }
      throw Problem(code: Problem.Code(error), message: "read the state of \(id)", cause: error)
    }
    guard let json = try? JSON.parse(bytes), let record = ContainerRecord(json: json) else {
      throw Problem(code: .invalid, message: "the state of \(id) is damaged", hint: "delete --force \(id)")
    }
    return record
  }

  /// The specification that the container was created with, however the bundle has changed since.
  func spec(of id: String) throws(Problem) -> Spec { try SpecFile.load(path(id, "config.json")) }

  func remove(_ id: String) throws(Problem) {
    // The usual content; anything else is found by looking.
    for name in ["state.json", "config.json"] { _ = csys_unlinkat(AT_FDCWD, path(id, name), 0) }
    if csys_unlinkat(AT_FDCWD, directory(of: id), AT_REMOVEDIR) == 0 { return }
    try doing("remove \(directory(of: id))") { () throws(Errno) in try removeTree(directory(of: id)) }
  }

  func identifiers() throws(Problem) -> [String] {
    do throws(Errno) {
      return try entries(ofPath: root).filter { $0.type == UInt8(DT_DIR) }.map(\.name).sorted()
    } catch {
      if error == .notFound && root == Self.defaultRoot { return [] }  // nobody has made a container yet
      throw Problem(code: Problem.Code(error), message: "read \(root)", cause: error)
    }
  }
}

/// Reads config.json files.
enum SpecFile {
  static func load(_ path: String) throws(Problem) -> Spec {
    try parse(try read(path), path)
  }
  static func read(_ path: String) throws(Problem) -> [UInt8] {
    do throws(Errno) { return try readFile(path, limit: 64 << 20) } catch {
      throw Problem(
        code: Problem.Code(error), message: "failed to load container spec from bundle: \(path)", cause: error)
    }
  }
  static func parse(_ bytes: [UInt8], _ path: String) throws(Problem) -> Spec {
    let json: JSON
    do throws(JSON.ParseError) { json = try JSON.parse(bytes) } catch {
      throw Problem(code: .invalid, message: "failed to load container spec from bundle: \(path)", cause: error)
    }
    do throws(SpecError) { return try Spec(json: json) } catch {
      throw Problem(code: .invalid, message: "failed to load container spec from bundle: \(path)", cause: error)
    }
  }
}

/// Times as text.
enum Timestamp {
  static func now() -> String {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return text(seconds: Int64(time.tv_sec), nanoseconds: Int64(time.tv_nsec))
  }
  /// RFC 3339 with nanoseconds, UTC.
  static func text(seconds: Int64, nanoseconds: Int64) -> String {
    func padded(_ number: Int64, _ width: Int) -> String {
      let digits = String(number)
      return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
    // Years begin in March here, so that the leap day is a year's last (gmtime(3) would read the time zone's files).
    let day = seconds / 86_400 + 719_468
    let (era, inEra) = (day / 146_097, day % 146_097)
    let yearOfEra = (inEra - inEra / 1460 + inEra / 36_524 - inEra / 146_096) / 365
    let inYear = inEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let march = (5 * inYear + 2) / 153
    let month = march < 10 ? march + 3 : march - 9
    let year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0)
    let date = padded(year, 4) + "-" + padded(month, 2) + "-" + padded(inYear - (153 * march + 2) / 5 + 1, 2)
    let second = seconds % 86_400
    let clock = padded(second / 3600, 2) + ":" + padded(second / 60 % 60, 2) + ":" + padded(second % 60, 2)
    return date + "T" + clock + "." + padded(nanoseconds, 9) + "Z"
  }
}
