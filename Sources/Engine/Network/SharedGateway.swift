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
  private var pidFile: String { directory + "/slirp.pid" }

  func start() throws(Problem) {
    try doing("remove \(socket.path)") { () throws(Errno) in
      do throws(Errno) { try unlink(socket.path) } catch  where error == .notFound {}
    }
    let pid = try Engine.run(
      Self.slirp, "--network pasta, none or host", namespace, in: directory, hasSocket: true, nil)
    let time = (try? startTime(ofPid: pid)) ?? 0
    try doing("write \(pidFile)") { () throws(Errno) in
      try replaceFile(pidFile, with: Array("\(pid) \(time)\n".utf8), mode: 0o600, durable: false)
    }
  }

  /// Ends it, and returns when it has. None there is fine.
  func stop() throws(Problem) {
    let words = ((try? readText(pidFile, limit: 64)) ?? "").split(whereSeparator: \.isWhitespace)
    guard words.count == 2, let pid = pid_t(words[0]), let time = UInt64(words[1]),
      let process = ProcessHandle(pid: pid, startTime: time)
    else { return }
    try doing("end slirp4netns, process \(pid)") { () throws(Errno) in try process.signal(SIGTERM) }
    if !process.hasEnded(milliseconds: Limit.endMilliseconds) {
      try doing("kill slirp4netns, process \(pid)") { () throws(Errno) in try process.signal(SIGKILL) }
    }
  }
}
