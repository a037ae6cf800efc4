import CSys
import Cgroups
import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

extension Session {
  private static let grammar = [
    "tty|t", "user|u=", "env|e=", "cwd=", "cap|c=", "no-new-privs", "additional-gids|g=", "process|p=", "detach|d",
    "pid-file=", "pidfd-socket=", "console-socket=", "preserve-fds=", "apparmor=", "process-label=", "ignore-paused",
    "cgroup=",
  ]

  func exec(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    var command: ArraySlice<String> = []
    let flags = try Flags(rest, Flags.Grammar(Self.grammar), stopsAtFirst: true, rest: &command)
    var words = flags.positional + command
    guard !words.isEmpty else { throw .usage("missing container ID") }
    let id = words.removeFirst()
    if words.first == "--" { words.removeFirst() }
    try SelfProtection.enter(arguments: self.words)
    let record = try store.load(id)
    let status = record.status(in: store)
    switch status {
    case .running, .created: break
    case .paused where flags.has("ignore-paused"): break
    case .paused:
      throw Problem(code: .conflict, message: "cannot exec in a paused container (use --ignore-paused to override)")
    default: throw Problem(code: .conflict, message: "cannot exec in a container that is \(status.rawValue): \(id)")
    }
    var spec = try store.spec(of: id)
    record.gates.apply(to: &spec)
    var process = try process(flags, words, base: spec.process ?? Process(cwd: "/"))
    process = record.gates.apply(to: process)
    try SpecCheck.check(process)
    var exec = try Exec(
      record: record, spec: spec, process: process, preserved: try flags.integer("preserve-fds") ?? 0, log: log)
    exec.subgroups = try Subgroups(flags.all("cgroup"))
    let isDetached = flags.has("detach")
    if isDetached && process.terminal == true && flags["console-socket"] == nil {
      throw Problem(code: .invalid, message: "cannot allocate a terminal without --console-socket when detached")
    }
    try exec.connectConsole(flags["console-socket"], milliseconds: try settings.createMilliseconds())
    if !isDetached { try Foreground.prepare(isSubreaper: false) }
    if isDetached && flags["pid-file"] == nil {
      log.write(.warning, "detached without --pid-file: nobody learns the pid")
    }
    let pid: pid_t
    do throws(Problem) {
      pid = try exec.start(pidFile: flags["pid-file"], pidfdSocket: flags["pidfd-socket"])
    } catch {
      // What stands above (conmon, a shim) shows this sentence alone: it names the command that failed.
      throw Problem(code: error.code, message: "exec failed: \(error.message)", hint: error.hint, cause: error.cause)
    }
    return isDetached ? 0 : try Foreground(pid: pid, console: exec.console).wait().shellCode
  }

  /// The process to run: of `--process`, or the container's own with what the flags say.
  func process(_ flags: Flags, _ words: [String], base: Process) throws(Problem) -> Process {
    if let path = flags["process"] {
      let bytes = try doing("read \(path)") { () throws(Errno) in try readFile(path, limit: 16 << 20) }
      do {
        var process = try Process(json: try JSON.parse(bytes))
        if flags.has("tty") { process.terminal = true }
        return process
      } catch { throw Problem(code: .invalid, message: "read process from \(path)", cause: error) }
    }
    var process = base
    process.args = words
    process.terminal = flags.has("tty")
    process.consoleSize = nil
    if let cwd = flags["cwd"] { process.cwd = cwd }
    process.env = (process.env ?? []) + flags.all("env")
    if flags.has("no-new-privs") { process.noNewPrivileges = true }
    if let label = flags["process-label"] { process.selinuxLabel = label }
    if let profile = flags["apparmor"] { process.apparmorProfile = profile }
    if let user = flags["user"] { process.user = try Self.user(user, base: process.user) }
    let groups = flags.all("additional-gids")
    if !groups.isEmpty {
      var user = process.user ?? User()
      user.additionalGids =
        (user.additionalGids ?? []) + (try groups.map { (text) throws(Problem) in try Self.number(text) })
      process.user = user
    }
    let capabilities = flags.all("cap")
    if !capabilities.isEmpty { process.capabilities = Self.adding(capabilities, to: process.capabilities) }
    return process
  }

  /// UID[:GID], numbers.
  static func user(_ text: String, base: User?) throws(Problem) -> User {
    var user = base ?? User()
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count) else {
      throw Problem(code: .invalid, message: "--user is UID[:GID], not \"\(text)\"")
    }
    user.uid = try number(String(parts[0]))
    if parts.count == 2 { user.gid = try number(String(parts[1])) }
    return user
  }
  private static func number(_ text: String) throws(Problem) -> UInt32 {
    guard let number = UInt32(text) else {
      throw Problem(code: .invalid, message: "\"\(text)\" is no user or group number")
    }
    return number
  }
  private static func adding(_ names: [String], to given: Capabilities?) -> Capabilities {
    var capabilities = given ?? Capabilities()
    capabilities.bounding = (capabilities.bounding ?? []) + names
    capabilities.effective = (capabilities.effective ?? []) + names
    capabilities.permitted = (capabilities.permitted ?? []) + names
    // Ambient needs inheritable, which --cap does not give: only where the container has some already (as runc).
    if capabilities.inheritable != nil { capabilities.ambient = (capabilities.ambient ?? []) + names }
    return capabilities
  }
}
