import CSys
import Glibc
import Problems
import Sys

/// The administrator's program that runs after each `create`, whether it went well or not (BERTH_RUNTIME_CREATE_HOOK).
/// It is told what was made in its environment; what it does, and whether it ends in time, changes nothing.
struct CreateHook {
  let program: String
  let milliseconds: Int
  let log: Log

  private enum Limit { static let milliseconds = 5000 }

  /// nil where none is set.
  init?(_ settings: Settings, log: Log) throws(Problem) {
    guard let program = settings["CREATE_HOOK"], !program.isEmpty else { return nil }
    self.program = program
    milliseconds = try settings.milliseconds("CREATE_HOOK_TIMEOUT", or: Limit.milliseconds)
    self.log = log
  }

  func run(_ options: LaunchOptions, bundle: String, store: RecordStore, failure: Problem?) {
    let variables = [
      ("CONTAINER_ID", options.id), ("RUNTIME_CMD", "create"), ("RUNTIME_PATH", store.directory(of: options.id)),
      ("BUNDLE_PATH", bundle), ("SPEC_PATH", options.configurationPath(bundle)), ("LOG_FILE", log.path ?? ""),
      ("RUNTIME_ERROR", failure?.sentence ?? ""),
    ]
    do throws(Problem) {
      let status: ExitStatus? = try doing("run the create hook \(program)") { () throws(Errno) in
        var spawn = Spawn(program, [], environment: currentEnvironment() + variables.map { "\($0.0)=\($0.1)" })
        spawn.descriptors = [-1, -1, -1]
        let child = try spawn.start()
        var polls = [pollfd(fd: child.pidfd.borrowed, events: Int16(POLLIN), revents: 0)]
        let ended = try uninterrupted { () throws(Errno) in
          try check(csys_poll(&polls, 1, CInt(clamping: milliseconds)))
        }
        if ended == 0 { try child.signal(SIGKILL) }
        let status = try child.wait()
        return ended == 0 ? nil : status
      }
      if status == nil {
        log.write(.warning, "the create hook \(program) took longer than \(milliseconds) ms and was killed")
      } else if let status, status != .exited(code: 0) {
        log.write(.warning, "the create hook \(program) ended with status \(status.shellCode)")
      }
    } catch { log.write(.warning, error.sentence) }
  }
}
