import CSys
import Glibc
import Problems
import RuntimeSpec
import Sys

extension Session {
  func checkpoint(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    let (flags, id) = try flags(rest, CheckpointSettings.checkpointGrammar)
    let record = try store.load(id)
    let status = record.status(in: store)
    guard status == .running || status == .paused else {
      throw Problem(code: .conflict, message: "cannot checkpoint a container that is \(status.rawValue): \(id)")
    }
    let settings = try CheckpointSettings(flags, program: criu)
    let spec = try store.spec(of: id)
    try Checkpoint(record: record, spec: spec, settings: settings).run()
    if !settings.leavesRunning && !settings.isPreDump { try operations.remove(record, spec: spec) }
    return 0
  }

  func restore(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    let (flags, id) = try flags(rest, CheckpointSettings.restoreGrammar)
    let settings = try CheckpointSettings(flags, program: criu)
    var options = LaunchOptions(id: id)
    options.bundle = flags["bundle"] ?? "."
    options.pidFile = flags["pid-file"]
    options.consoleSocket = flags["console-socket"]
    options.driver = driver
    try SelfProtection.enter(arguments: words)
    let launch = try Launch(options, store: store, log: log, settings: self.settings)
    let isDetached = flags.has("detach")
    if isDetached, launch.plan.spec.process?.terminal == true, options.consoleSocket == nil {
      throw Problem(code: .invalid, message: "cannot allocate a terminal without --console-socket when detached")
    }
    if !isDetached { try Foreground.prepare(isSubreaper: !flags.has("no-subreaper")) }
    var restore = Restore(launch: launch, settings: settings)
    let record = try restore.run()
    if isDetached { return 0 }
    return try attend(record, console: restore.launch.console, spec: launch.plan.spec, keeps: false)
  }
}
