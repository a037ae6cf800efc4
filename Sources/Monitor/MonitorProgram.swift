import CSys
import Glibc
import JSON
import MonitorProtocol
import Problems
import Sys

/// `berth-monitor` as a whole. Source: the module's README, "Descriptors".
package enum MonitorProgram {
  static let configurationDescriptor: CInt = 3
  static let answerDescriptor: CInt = 4
  static let attachDescriptor: CInt = 5
  /// The first of the descriptors that the container inherits.
  static let preservedFrom: CInt = 6
  enum Limit {
    static let configurationBytesMax = 4 << 20
  }

  /// Runs one monitor from its descriptors; answers the exit status of the program.
  package static func main() -> Int32 {
    guard csys_fcntl(configurationDescriptor, F_GETFD, 0) >= 0, csys_fcntl(answerDescriptor, F_GETFD, 0) >= 0 else {
      try? writeAll(2, "berth-monitor: is started by berth, with its configuration on descriptor 3\n")
      return 125
    }
    // The engine waits for its own child only: the monitor itself belongs to nobody.
    let child = csys_fork(0, nil)
    if child > 0 { return 0 }
    let answer = OwnedFD(adopting: answerDescriptor)
    if child < 0 {
      let problem = Problem(code: .unavailable, message: "fork the monitor", cause: Errno(rawValue: -child))
      try? writeAll(answer, MonitorLauncher.answer(problem))
      return 125
    }
    return supervise(answer)
  }

  private static func supervise(_ answer: consuming OwnedFD) -> Int32 {
    closeOnExec()
    _ = csys_setsid()
    _ = csys_chdir("/")
    _ = csys_prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    let supervisor: Supervisor
    do throws(Problem) {
      let configuration = try readConfiguration()
      if let path = configuration.monitorPidFile {
        try doing("write \(path)") { () throws(Errno) in
          try replaceFile(path, with: Array("\(getpid())\n".utf8), durable: false)
        }
      }
      supervisor = try Supervisor(configuration, notes: Notes(path: configuration.monitorLog, id: configuration.id))
    } catch {
      try? writeAll(answer, MonitorLauncher.answer(error))
      return 125
    }
    supervisor.answer = consume answer
    do throws(Problem) { try supervisor.run() } catch {
      supervisor.notes.write(error.sentence)
      supervisor.giveAnswer(MonitorLauncher.answer(error))
      if let path = supervisor.configuration.attachSocket { _ = csys_unlinkat(AT_FDCWD, path, 0) }
      return error.exitStatus
    }
    return 0
  }

  private static func readConfiguration() throws(Problem) -> MonitorConfiguration {
    let input = OwnedFD(adopting: configurationDescriptor)
    let bytes = try doing("read the configuration") { () throws(Errno) in
      try readAll(input, limit: Limit.configurationBytesMax)
    }
    let json: JSON
    do throws(JSON.ParseError) { json = try JSON.parse(bytes) } catch {
      throw Problem(code: .invalid, message: "the monitor's configuration", cause: error)
    }
    return try MonitorConfiguration(json: json)
  }

  /// What the engine gave is for the container alone, and `Spawn` passes it on by number.
  private static func closeOnExec() { _ = csys_close_range(3, ~0, 4) }  // CLOSE_RANGE_CLOEXEC
}
