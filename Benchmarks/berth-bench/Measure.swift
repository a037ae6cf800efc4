import CSys
import Glibc
import Sys

/// One program to time: a set-up that is not timed, the command, and a clean-up that is not timed.
struct Contender {
  var name: String
  var command: [String]
  var before: () -> Void = {}
  var after: () -> Void = {}
  var environment: [String] = []
}

/// What a command cost, over all rounds.
struct Cost {
  /// Milliseconds, one per round, sorted.
  var wall: [Double]
  /// Milliseconds of CPU of the command and all it started, waited for or not; nil without a cpuacct cgroup.
  var cpu: Double?
  var median: Double { wall.isEmpty ? 0 : wall[wall.count / 2] }
  var minimum: Double { wall.first ?? 0 }
}

/// Times the contenders in turn, so that whatever else the machine does hits all of them alike.
/// A command that fails is reported and left out.
func measure(_ contenders: [Contender], rounds: Int) -> [String: Cost] {
  var walls: [String: [Double]] = [:]
  var cpus: [String: Double] = [:]
  var failed: Set<String> = []
  for round in 0...rounds {  // round 0 warms the caches and counts for nothing
    for contender in contenders where !failed.contains(contender.name) {
      contender.before()
      let group = Accounting()
      let started = monotonicMilliseconds()
      let code = runInside(group, contender)
      let wall = monotonicMilliseconds() - started
      let cpu = group?.milliseconds()
      contender.after()
      group?.remove()
      if code != 0 {
        note("\(contender.name): \(contender.command.joined(separator: " ")) ended with \(code); left out")
        failed.insert(contender.name)
      } else if round > 0 {
        walls[contender.name, default: []].append(wall)
        if let cpu { cpus[contender.name, default: 0] += cpu }
      }
    }
  }
  var result: [String: Cost] = [:]
  for (name, wall) in walls where !failed.contains(name) {
    result[name] = Cost(wall: wall.sorted(), cpu: cpus[name].map { $0 / Double(wall.count) })
  }
  return result
}

func monotonicMilliseconds() -> Double {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return Double(now.tv_sec) * 1000 + Double(now.tv_nsec) / 1e6
}

func note(_ text: String) { try? writeAll(2, "bench: \(text)\n") }

/// A cpuacct cgroup (v1) of one run: it also counts what the command leaves to others to reap, such as a monitor.
final class Accounting {
  private static let top = "/sys/fs/cgroup/cpuacct"
  private let path: String

  init?() {
    path = "\(Self.top)/berth-bench-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    guard (try? makeDirectory(path)) != nil else { return nil }
  }
  func join() { try? replaceText("\(path)/cgroup.procs", "0") }
  func milliseconds() -> Double? {
    (try? readText("\(path)/cpuacct.usage")).flatMap { Double($0.split(separator: "\n").first ?? "") }.map { $0 / 1e6 }
  }
  /// Back to the top: what is left inside moves along.
  func remove() {
    for pid in ((try? readText("\(path)/cgroup.procs")) ?? "").split(separator: "\n") {
      try? replaceText("\(Self.top)/cgroup.procs", String(pid))
    }
    for entry in (try? entries(ofPath: path)) ?? [] where entry.type == UInt8(DT_DIR) {
      _ = csys_unlinkat(AT_FDCWD, "\(path)/\(entry.name)", AT_REMOVEDIR)
    }
    _ = csys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR)
  }
  static func leave() { try? replaceText("\(top)/cgroup.procs", "0") }
}

func replaceText(_ path: String, _ text: String) throws(Errno) {
  let file = try open(path, O_WRONLY)
  try writeAll(file, text)
}

private func runInside(_ group: Accounting?, _ contender: Contender) -> CInt {
  group?.join()
  defer { if group != nil { Accounting.leave() } }
  return execute(contender.command, environment: contender.environment)
}

/// Runs a command with its output thrown away: its exit code, or 127.
@discardableResult
func execute(_ command: [String], environment: [String] = []) -> CInt {
  guard let path = program(command[0]) else { return 127 }
  var spawn = Spawn(path, Array(command.dropFirst()), environment: environment + currentEnvironment())
  spawn.descriptors = [-1, -1, -1]
  guard let child = try? spawn.start(), let status = try? child.wait() else { return 127 }
  return status.shellCode
}

/// Runs a command: its output without the last newline, or nil when it failed.
func outputOf(_ command: [String], environment: [String] = []) -> String? {
  guard let path = program(command[0]), let number = try? check(csys_memfd_create("output", 0)) else { return nil }
  let file = OwnedFD(adopting: number)
  var spawn = Spawn(path, Array(command.dropFirst()), environment: environment + currentEnvironment())
  spawn.descriptors = [-1, file.borrowed, 2]
  guard let child = try? spawn.start(), (try? child.wait()) == .exited(code: 0) else { return nil }
  lseek(file.borrowed, 0, SEEK_SET)
  guard let bytes = try? readAll(file) else { return nil }
  var text = String(decoding: bytes, as: UTF8.self)
  while text.last == "\n" { text.removeLast() }
  return text
}

func program(_ name: String) -> String? {
  if name.contains("/") { return name }
  let directories =
    (environmentVariable("PATH") ?? "/usr/bin:/bin").split(separator: ":").map(String.init) + ["/usr/sbin"]
  return directories.map { "\($0)/\(name)" }.first { csys_faccessat2(AT_FDCWD, $0, X_OK, 0) == 0 }
}
