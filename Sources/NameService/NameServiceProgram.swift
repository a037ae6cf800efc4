import CSys
import DNSRecords
import Glibc
import Problems
import Seccomp
import Sys

/// `berth-dns` as a whole.
package enum NameServiceProgram {
  enum Limit {
    /// Tries, 10 ms apart, to become the service while another one starts or ends.
    static let attemptsMax = 500
    static let answerBytesMax = 64 << 10
  }

  /// - Returns: the exit status: 0 when the service is ready (or has ended, in the foreground).
  package static func main(_ arguments: [String]) -> Int32 {
    do throws(Problem) {
      guard let options = try NameServiceOptions(arguments) else {
        try? writeAll(1, NameServiceOptions.usage)
        return 0
      }
      if options.isForeground {
        try serve(options) { _ in }
      } else {
        try serveInBackground(options)
      }
      return 0
    } catch {
      try? writeAll(2, "berth-dns: \(error.sentence)\n")
      return error.exitStatus
    }
  }

  /// The parent ends when the child is ready, or says why it is not.
  private static func serveInBackground(_ options: NameServiceOptions) throws(Problem) {
    let pipe = try doing("make a pipe") { () throws(Errno) in try Pipe.make() }
    let child = try doing("fork") { () throws(Errno) in try check(csys_fork(0, nil)) }
    if child > 0 {
      let reader = pipe.closingWriter()
      let text = try doing("wait for the service") { () throws(Errno) in
        try readAll(reader, limit: Limit.answerBytesMax)
      }
      if text == Array("ok".utf8) { return }
      throw Problem(
        code: .unavailable, message: text.isEmpty ? "it ended at once" : String(decoding: text, as: UTF8.self))
    }
    let writer = pipe.closingReader().release()
    _ = csys_setsid()
    do throws(Problem) {
      try serve(options) { text in
        try? writeAll(writer, text)
        _ = csys_close(writer)
      }
    } catch { exit(error.exitStatus) }  // told through the pipe where it was not ready
    exit(0)
  }

  /// A service that is ready, and what it holds as long as it lives.
  private final class Service {
    let lock: FileLock
    let server: Server
    /// Open until the process ends.
    let pidFile: CInt?
    init(_ lock: consuming FileLock, _ server: Server, pidFile: CInt?) {
      self.lock = lock
      self.server = server
      self.pidFile = pidFile
    }
  }

  /// - Parameter tell: called once, with "ok" or a sentence.
  private static func serve(_ options: NameServiceOptions, tell: (String) -> Void) throws(Problem) {
    let service: Service?
    do throws(Problem) { service = try prepare(options) } catch {
      tell(error.sentence)
      throw error
    }
    tell("ok")
    guard let service else { return }
    try service.server.run()
    if let file = service.pidFile { _ = csys_ftruncate(file, 0) }
  }

  /// - Returns: nil where another service has answered that all files so far are read.
  private static func prepare(_ options: NameServiceOptions) throws(Problem) -> Service? {
    try doing("block signals") { () throws(Errno) in try blockSignals([SIGTERM, SIGINT, SIGHUP, SIGPIPE]) }
    let directory = RecordDirectory(options.directory)
    try directory.create()
    guard let lock = try becomeTheService(directory) else { return nil }
    raiseDescriptorLimit()
    let server = try Server(directory, port: options.port)
    let pidFile = try pidFile(options.pidFile)
    try leaveStreams(options.isForeground)
    try Enclosure.install(directory: server.openDirectory, port: options.port)
    return Service(lock, server, pidFile: pidFile)
  }

  /// - Returns: nil where another service has answered that all files so far are read.
  private static func becomeTheService(_ directory: RecordDirectory) throws(Problem) -> FileLock? {
    for _ in 0..<Limit.attemptsMax {
      do throws(Errno) { return try FileLock(directory.serviceLock, waiting: false) } catch {
        if error != .wouldBlock {
          throw Problem(code: Problem.Code(error), message: "lock \(directory.serviceLock)", cause: error)
        }
      }
      if try NameServiceLauncher.ask(directory) != nil { return nil }
      usleep(10_000)
    }
    throw Problem(
      code: .timeout, message: "another name service holds \(directory.serviceLock) and does not answer",
      hint: "end it, then start the container again")
  }

  /// Two sockets an address and two addresses a network: a few hundred networks exceed the usual 1024.
  private static func raiseDescriptorLimit() {
    var limit = csys_rlimit()
    if csys_prlimit(0, 7, nil, &limit) < 0 { return }  // RLIMIT_NOFILE
    limit.soft = limit.hard
    _ = csys_prlimit(0, 7, &limit, nil)
  }

  /// The file stays open: without privilege it can be emptied, not removed.
  private static func pidFile(_ path: String?) throws(Problem) -> CInt? {
    guard let path else { return nil }
    return try doing("write \(path)") { () throws(Errno) in
      let file = try open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: 0o644)
      try writeAll(file, "\(getpid())\n")
      return file.release()
    }
  }

  private static func leaveStreams(_ isForeground: Bool) throws(Problem) {
    _ = csys_chdir("/")
    if isForeground { return }
    try doing("leave the caller's streams") { () throws(Errno) in
      let null = try open("/dev/null", O_RDWR)
      for stream: CInt in 0...2 { try check(csys_dup3(null.borrowed, stream, 0)) }
    }
  }
}
