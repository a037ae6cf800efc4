import CSys
import Glibc
import JSON
package import Problems
import Sys

/// Starts monitors: the engine's side of descriptors 3, 4 and 5.
package enum MonitorLauncher {
  package enum Limit {
    /// Bytes of the monitor's answer.
    static let answerBytesMax = 64 << 10
    /// Descriptors for the container: csys_spawn takes 64 in all.
    package static let preservedMax = 57
  }

  /// Starts a monitor and waits until its container is created (or its exec session runs).
  ///
  /// The monitor is no child of the caller: it has left before this returns, and nothing has to be reaped.
  /// - Parameters:
  ///   - program: path of `berth-monitor`.
  ///   - attach: the monitor's end of a SEQPACKET socketpair; goes with `configuration.attachFD`. Close it afterwards.
  ///   - preserved: descriptors that become 3, 4, ... in the container; as many as `configuration.preserveFDs`.
  ///   - held: a descriptor that the monitor keeps open as long as it lives, and nothing more.
  ///   - environment: of the monitor, its runtime and the exit command, `NAME=value`.
  /// - Returns: the pid, on the host, of the container's (or session's) process.
  /// - Throws: the runtime's own words with the code that fits: `.commandNotFound`, `.cannotExecute`, `.invalid`, ...
  package static func start(
    _ configuration: MonitorConfiguration, program: String, attach: Int32? = nil, preserved: [Int32] = [],
    held: Int32? = nil, environment: [String] = currentEnvironment()
  ) throws(Problem) -> Int32 {
    precondition(configuration.attachFD == (attach != nil), "attachFD without its descriptor, or the other way round")
    precondition(configuration.preserveFDs == preserved.count, "\(preserved.count) descriptors to preserve")
    if preserved.count > Limit.preservedMax {
      throw Problem(
        code: .invalid, message: "\(preserved.count) descriptors to preserve: at most \(Limit.preservedMax)")
    }
    let answer = try doing("start a monitor for \(configuration.id)") { () throws(Errno) in
      try run(
        program, configuration.json.bytes(), attach: attach, preserved: preserved + (held.map { [$0] } ?? []),
        environment: environment)
    }
    return try pid(inAnswer: answer, id: configuration.id)
  }

  private static func run(
    _ program: String, _ bytes: [UInt8], attach: CInt?, preserved: [CInt], environment: [String]
  ) throws(Errno) -> [UInt8] {
    // A file in memory, not a pipe: it takes any size at once, and its offset stays at the start.
    let input = OwnedFD(adopting: try check(csys_memfd_create("monitor-configuration", 0)))
    try check(csys_pwrite(input.borrowed, bytes, bytes.count, 0))
    let answer = try Pipe.make()
    var spawn = Spawn(program, [], environment: environment)
    spawn.descriptors = [-1, -1, -1, input.borrowed, answer.writer.borrowed, attach ?? -1] + preserved
    let child = try spawn.start()
    let reader = answer.closingWriter()
    let bytes = try readAll(reader, limit: Limit.answerBytesMax)
    _ = try child.wait()
    return bytes
  }

  /// Understands the line that a monitor writes on descriptor 4.
  package static func pid(inAnswer bytes: [UInt8], id: String) throws(Problem) -> Int32 {
    guard !bytes.isEmpty else {
      throw Problem(code: .unavailable, message: "the monitor of \(id) ended without an answer")
    }
    let json: JSON
    do throws(JSON.ParseError) { json = try JSON.parse(bytes) } catch {
      throw Problem(code: .bug, message: "the monitor of \(id) gave a strange answer", cause: error)
    }
    if let pid: pid_t = json["pid"]?.integer(), pid > 0 { return pid }
    let code = json["code"]?.string.flatMap(Problem.Code.init(rawValue:)) ?? .unavailable
    throw Problem(code: code, message: json["error"]?.string ?? "the monitor of \(id) failed")
  }

  /// The line on descriptor 4 for a container that is there.
  package static func answer(pid: Int32) -> [UInt8] { (["pid": JSON(pid)] as JSON).bytes() + [10] }
  /// The line on descriptor 4 for one that failed.
  package static func answer(_ problem: Problem) -> [UInt8] {
    (["error": JSON(problem.sentence), "code": JSON(problem.code.rawValue)] as JSON).bytes() + [10]
  }
}
