import CSys
import Cgroups
import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

/// One command line: its place, its log, its words.
struct Session {
  let store: RecordStore
  let log: Log
  let words: [String]
  let driver: CgroupDriver
  let settings: Settings
  /// `--criu`.
  var criu: String?

  var operations: Operations { Operations(store: store, log: log, driver: driver, settings: settings) }

  func run(_ command: String, _ rest: ArraySlice<String>) throws(Problem) -> CInt {
    switch command {
    case "create": try create(rest)
    case "run": try runContainer(rest)
    case "start": try start(rest)
    case "kill": try kill(rest)
    case "delete": try delete(rest)
    case "state": try state(rest)
    case "exec": try exec(rest)
    case "list": try list(rest)
    case "ps": try ps(rest)
    case "pause": try pause(rest)
    case "resume": try resume(rest)
    case "spec": try spec(rest)
    case "features": features()
    case "update": try update(rest)
    case "events": try events(rest)
    case "checkpoint": try checkpoint(rest)
    case "restore": try restore(rest)
    case "mounts": try mounts(rest)
    default: throw .usage("unknown command \"\(command)\"")
    }
  }

  /// Flags and exactly one container ID.
  func flags(_ rest: ArraySlice<String>, _ grammar: [String]) throws(Problem) -> (flags: Flags, id: String) {
    let flags = try anyFlags(rest, grammar)
    guard let id = flags.positional.first else { throw .usage("missing container ID") }
    guard flags.positional.count == 1 else {
      throw .usage("exactly one container ID is wanted, not \(flags.positional.count) words")
    }
    log.about.container = id
    return (flags, id)
  }
  func anyFlags(_ rest: ArraySlice<String>, _ grammar: [String]) throws(Problem) -> Flags {
    var none: ArraySlice<String> = []
    return try Flags(rest, Flags.Grammar(grammar), stopsAtFirst: false, rest: &none)
  }

  private static let launchGrammar = [
    "bundle|b=", "config|f=", "pid-file=", "pidfd-socket=", "console-socket=", "no-pivot", "no-new-keyring",
    "preserve-fds=",
  ]
  private func launchOptions(_ flags: Flags, _ id: String) throws(Problem) -> LaunchOptions {
    var options = LaunchOptions(id: id)
    options.bundle = flags["bundle"] ?? "."
    options.configuration = try flags["config"].map { (path) throws(Problem) in try Launch.absolute(path) }
    options.pidFile = flags["pid-file"]
    options.pidfdSocket = flags["pidfd-socket"]
    options.consoleSocket = flags["console-socket"]
    options.noPivot = flags.has("no-pivot")
    options.noNewKeyring = flags.has("no-new-keyring")
    options.driver = driver
    options.preservedDescriptors = try flags.integer("preserve-fds") ?? 0
    return options
  }

  private func create(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    let (flags, id) = try flags(rest, Self.launchGrammar)
    let options = try launchOptions(flags, id)
    try SelfProtection.enter(arguments: words)
    guard let hook = try CreateHook(settings, log: log) else { return try create(options) }
    let bundle = (try? Launch.absolute(options.bundle)) ?? options.bundle
    do throws(Problem) {
      let status = try create(options)
      hook.run(options, bundle: bundle, store: store, failure: nil)
      return status
    } catch {
      hook.run(options, bundle: bundle, store: store, failure: error)
      throw error
    }
  }
  private func create(_ options: LaunchOptions) throws(Problem) -> CInt {
    var launch = try Launch(options, store: store, log: log, settings: settings)
    if launch.plan.spec.process?.terminal == true && options.consoleSocket == nil {
      throw Problem(code: .invalid, message: "cannot allocate a terminal without --console-socket")
    }
    let created = try launch.create(waitsForStart: true)
    let record = created.record
    do throws(Problem) { _ = try created.release() } catch {
      _ = csys_kill(record.pid, SIGKILL)  // our own child, not reaped
      var status: CInt = 0
      _ = csys_wait4(record.pid, &status, 0)
      try? operations.remove(record, spec: launch.plan.spec)  // why it could not start is what the user must hear
      throw error
    }
    return 0
  }

  private func runContainer(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    let (flags, id) = try flags(rest, Self.launchGrammar + ["detach|d", "keep", "no-subreaper"])
    let options = try launchOptions(flags, id)
    try SelfProtection.enter(arguments: words)
    var launch = try Launch(options, store: store, log: log, settings: settings)
    if flags.has("detach"), launch.plan.spec.process?.terminal == true, options.consoleSocket == nil {
      throw Problem(code: .invalid, message: "cannot allocate a terminal without --console-socket when detached")
    }
    if !flags.has("detach") { try Foreground.prepare(isSubreaper: !flags.has("no-subreaper")) }
    let created = try launch.create(waitsForStart: false)
    let record = created.record
    let spec = launch.plan.spec
    let isDetached = flags.has("detach")
    do throws(Problem) {
      let notify = try launch.notify?.listen()
      let listener = SeccompListener(plan: launch.plan, pid: record.pid)
      try CreatedContainer.awaitExecution(try created.release(), listener: listener)
      try operations.runPoststart(record, spec: spec)
      if let notify, let pidfd = try record.pidfd() {
        if isDetached {
          try launch.notify?.forward(from: notify, mainPid: record.pid, pidfd: pidfd)
        } else {
          try launch.notify?.forwardInBackground(from: notify, pidfd: pidfd)
        }
      }
    } catch {
      _ = csys_kill(record.pid, SIGKILL)  // our own child, not reaped
      var status: CInt = 0
      _ = csys_wait4(record.pid, &status, 0)
      try? operations.remove(record, spec: spec)
      TerminationMessage.write(error, for: spec)
      throw error
    }
    if isDetached { return 0 }
    let keeps = flags.has("keep")
    return try attend(record, console: launch.console, spec: spec, keeps: keeps)
  }

  /// Stands in front of a container until it ends, and removes it.
  func attend(_ record: ContainerRecord, console: CInt, spec: Spec, keeps: Bool) throws(Problem) -> CInt {
    let status: ExitStatus
    do throws(Problem) { status = try Foreground(pid: record.pid, console: console).wait() } catch {
      try? operations.remove(record, spec: spec)
      throw error
    }
    if !keeps { try operations.remove(record, spec: spec) }
    return status.shellCode
  }

  private func start(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    try operations.start(try flags(rest, []).id)
    return 0
  }

  private func kill(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    let flags = try anyFlags(rest, ["all|a", "regex|r"])
    guard let id = flags.positional.first else { throw .usage("missing container ID") }
    guard flags.positional.count <= 2 else { throw .usage("a container ID and at most one signal are wanted") }
    let text = flags.positional.count == 2 ? flags.positional[1] : "TERM"
    guard let signal = text == "0" ? 0 : SignalName.number(of: text) else {
      throw Problem(code: .invalid, message: "invalid signal param: unknown signal \"\(text)\"")
    }
    for id in try matching(id, isPattern: flags.has("regex")) {
      try operations.kill(id, signal: signal, all: flags.has("all"))
    }
    return 0
  }

  private func delete(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    let (flags, id) = try flags(rest, ["force|f", "regex|r"])
    for id in try matching(id, isPattern: flags.has("regex")) {
      try operations.delete(id, force: flags.has("force"))
    }
    return 0
  }

  /// `--regex`: the containers whose IDs match, an extended regular expression. Source: regex(7), as crun has it.
  private func matching(_ word: String, isPattern: Bool) throws(Problem) -> [String] {
    if !isPattern { return [word] }
    var expression = regex_t()
    guard regcomp(&expression, word, REG_EXTENDED | REG_NOSUB) == 0 else {
      throw Problem(code: .invalid, message: "\"\(word)\" is no regular expression")
    }
    defer { regfree(&expression) }
    return try store.identifiers().filter { regexec(&expression, $0, 0, nil, 0) == 0 }
  }

  private func state(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    let record = try store.load(try flags(rest, []).id)
    return RuntimeProgram.show(stateJSON(record).text(indent: 2) + "\n")
  }
}
