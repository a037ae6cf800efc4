import Glibc
import Networking
import Problems
import Sys

/// The way out of an ordinary user's bridges, and of the host's ports to them: a slirp4netns that runs as long as some
/// container is on a network.
struct SharedGateway {
  /// Of the namespace, its name, socket and pid file.
  let directory: String

  static let slirp = Slirp.ofBridges
  private enum Limit {
    /// An ending slirp4netns; a machine under load is slow.
    static let endMilliseconds = 5000
  }

  var namespace: String { directory + "/netns" }
  var socket: SlirpSocket { SlirpSocket(directory: directory) }
  /// "PID STARTTIME"; before that is known, and as long as a killed command left it so, "starting".
  private var pidFile: String { directory + "/slirp.pid" }
  private static let starting = "starting"

  /// Whether the command that started it came to the end of that.
  var isComplete: Bool { process != nil }
  private var process: (pid: pid_t, startTime: UInt64)? {
    let words = ((try? readText(pidFile, limit: 64)) ?? "").split(whereSeparator: \.isWhitespace)
    guard words.count == 2, let pid = pid_t(words[0]), let time = UInt64(words[1]) else { return nil }
    return (pid, time)
  }

  /// - Parameters:
  ///   - program: slirp4netns.
  ///   - furnish: gives it its ports.
  func start(_ program: String, _ furnish: () throws(Problem) -> Void) throws(Problem) {
    try remove(socket.path)
    try note(Self.starting)
    let pid = try Engine.run(Self.slirp, program, namespace, in: directory, hasSocket: true, nil)
    try furnish()
    try note("\(pid) \((try? startTime(ofPid: pid)) ?? 0)")
  }
  private func note(_ text: String) throws(Problem) {
    try doing("write \(pidFile)") { () throws(Errno) in
      try replaceFile(pidFile, with: Array("\(text)\n".utf8), mode: 0o600, durable: false)
    }
  }
  private func remove(_ path: String) throws(Problem) {
    try doing("remove \(path)") { () throws(Errno) in
      do throws(Errno) { try unlink(path) } catch  where error == .notFound {}
    }
  }

  /// Ends it, and returns when it has. None there is fine.
  func stop() throws(Problem) {
    guard exists(pidFile) else { return }
    if let (pid, time) = process {
      if let process = ProcessHandle(pid: pid, startTime: time) { try end(process, pid) }
    } else {
      try endStrangers()
    }
    try remove(pidFile)
  }

  /// What a command started that was killed before it could write down the pid: who was told this namespace.
  private func endStrangers() throws(Problem) {
    let pids = try doing("list processes") { () throws(Errno) in try entries(ofPath: "/proc") }
      .compactMap { pid_t($0.name) }
    for pid in pids {
      guard let time = try? startTime(ofPid: pid), let process = ProcessHandle(pid: pid, startTime: time),
        let line = try? readText("/proc/\(pid)/cmdline"), line.split(separator: "\0").contains(Substring(namespace))
      else { continue }
      try end(process, pid)
    }
  }

  private func end(_ process: borrowing ProcessHandle, _ pid: pid_t) throws(Problem) {
    try doing("end slirp4netns, process \(pid)") { () throws(Errno) in try process.signal(SIGTERM) }
    if !process.hasEnded(milliseconds: Limit.endMilliseconds) {
      try doing("kill slirp4netns, process \(pid)") { () throws(Errno) in try process.signal(SIGKILL) }
    }
  }
}
