import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// A bundle with busybox in it, and a state directory, of one test's own.
struct RuntimeBundle {
  let scratch: String
  /// Cgroups of the test's containers are below it.
  let cgroupParent: String
  var path: String { scratch + "/bundle" }
  var state: String { scratch + "/state" }
  var rootfs: String { path + "/rootfs" }

  /// Runs berth-runtime on this state directory.
  @discardableResult
  func runtime(_ arguments: String..., input: [UInt8]? = nil, program: String = Installed.runtime) throws -> Outcome {
    try TestKit.run([program, "--root", state] + arguments, input: input, seconds: 60)
  }
  /// As `runtime`; the exit must be 0.
  @discardableResult
  func ok(_ arguments: String..., input: [UInt8]? = nil, sourceLocation: SourceLocation = #_sourceLocation) throws
    -> String
  {
    let outcome = try TestKit.run([Installed.runtime, "--root", state] + arguments, input: input, seconds: 60)
    #expect(outcome.code == 0, "\(outcome)", sourceLocation: sourceLocation)
    return outcome.trimmed
  }
  /// Runs a shell command as the container `id` and answers its output.
  @discardableResult
  func shell(_ command: String, id: String = "c", _ changes: [(String, JSON)] = []) throws -> Outcome {
    try configure([("process.args", ["sh", "-c", .string(command)])] + changes, id: id)
    return try runtime("run", "-b", path, id)
  }
  /// Leaves a container that sleeps.
  func startSleeper(_ id: String = "c", _ changes: [(String, JSON)] = []) throws {
    try configure([("process.args", ["sleep", "1000"])] + changes, id: id)
    try ok("run", "-d", "-b", path, id)
  }
  func status(_ id: String = "c") throws -> String? {
    try JSON.parse(try runtime("state", id).text)["status"]?.string
  }

  /// Writes config.json: the one of `berth-runtime spec`, without a terminal, with changes.
  /// - Parameter changes: places such as "process.args"; "mounts+" appends.
  func configure(_ changes: [(String, JSON)] = [], id: String = "c") throws {
    try? unlink(path + "/config.json")
    try ok("spec", "-b", path)
    var json = try JSON.parse(try readFile(path + "/config.json"))
    json = Self.set(json, ["process", "terminal"], false)
    json = Self.set(json, ["linux", "cgroupsPath"], .string("\(cgroupParent)/\(id)"))
    for (place, value) in changes { json = Self.set(json, place.split(separator: ".").map(String.init)[...], value) }
    try replaceFile(path + "/config.json", with: json.bytes(), durable: false)
  }
  private static func set(_ json: JSON, _ place: ArraySlice<String>, _ value: JSON) -> JSON {
    guard var name = place.first else { return value }
    if name.hasSuffix("+") {
      name.removeLast()
      var object = json.object ?? JSON.Object()
      object[name] = .array((object[name]?.array ?? []) + [value])
      return .object(object)
    }
    var object = json.object ?? JSON.Object()
    object[name] = set(object[name] ?? .object(JSON.Object()), place.dropFirst(), value)
    return .object(object)
  }

  /// `mounts+` for a bind.
  func bind(_ source: String, _ destination: String, _ options: String...) -> (String, JSON) {
    let mount: JSON = [
      "destination": .string(destination), "type": "bind", "source": .string(source),
      "options": JSON(["rbind"] + options),
    ]
    return ("mounts+", mount)
  }
  /// Directories of a container's cgroup that are there.
  func cgroups(_ id: String) -> [String] {
    let text = (try? readText("/proc/self/mountinfo")) ?? ""
    let mounts = text.split(separator: "\n").filter { $0.contains(" - cgroup") }.map {
      String($0.split(separator: " ")[4])
    }
    return mounts.map { "\($0)\(cgroupParent)/\(id)" }.filter { exists($0) }
  }
}

/// Runs `body` with a bundle; afterwards its containers are removed and no cgroup may be left.
func withBundle<R>(_ name: String = #function, _ body: (RuntimeBundle) throws -> R) throws -> R {
  try withScratch(name) { scratch in
    let bundle = RuntimeBundle(scratch: scratch, cgroupParent: "/berth-test-\(UInt32.random(in: 0...UInt32.max))")
    try makeBusyboxRootfs(bundle.rootfs)
    try bundle.configure()
    let outcome: Result<R, any Error>
    do { outcome = .success(try body(bundle)) } catch { outcome = .failure(error) }
    for id in try bundle.runtime("list", "-q").lines { try bundle.runtime("delete", "-f", id) }
    #expect(try bundle.runtime("list", "-q").text.isEmpty)
    let text = try readText("/proc/self/mountinfo")
    for line in text.split(separator: "\n") where line.contains(" - cgroup") {
      let parent = String(line.split(separator: " ")[4]) + bundle.cgroupParent
      guard exists(parent) else { continue }
      #expect(csys_unlinkat(AT_FDCWD, parent, AT_REMOVEDIR) == 0, "cgroups left below \(parent)")
    }
    return try outcome.get()
  }
}
