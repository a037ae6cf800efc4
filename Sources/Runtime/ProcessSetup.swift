import CSys
import Glibc
import RuntimeSpec
import Seccomp
import Sys

/// The last steps of a process of the container, its first one or an exec's: terminal, identity, command, execve.
struct ProcessSetup {
  let process: Process
  let plan: LaunchPlan

  init(process: Process?, plan: LaunchPlan) {
    self.process = process ?? Process(cwd: "/")
    self.plan = plan
  }

  private static let closeOnExec: CUnsignedInt = 4  // CLOSE_RANGE_CLOEXEC

  var uid: uid_t { process.user?.uid ?? 0 }
  var gid: gid_t { process.user?.gid ?? 0 }

  static func joinKeyring(named name: String) throws(StepFailure) {
    let result = name.withCString { csys_keyctl(KEYCTL_JOIN_SESSION_KEYRING, UInt(bitPattern: $0), 0, 0, 0) }
    // A kernel without keys, or a quota that is used up: the container just has no keyring of its own.
    if result < 0 && ![ENOSYS, EPERM, EDQUOT].contains(-result) {
      throw StepFailure(.keyring, Errno(rawValue: -result))
    }
  }

  /// Everything after the mounts, up to the execve.
  /// - Parameter startsLater: tell the parent, and wait for it (and then for `start`), before executing.
  func finish(root: consuming RootFilesystem, channel: consuming Channel) throws(StepFailure) -> Never {
    var environment = Environment(process.env ?? [])
    if (environment["HOME"] ?? "").isEmpty { environment["HOME"] = Passwd.home(of: uid, in: root) }
    try takeStandardStreams(in: root)
    try personality()
    try plan.spec.linux?.memoryPolicy?.apply()
    try Scheduling.apply(process, processors: plan.spec.linux?.resources?.cpu?.cpus)
    let isThere = try changeDirectory(mayBeDenied: true)
    let capabilities = CapabilitySets(process.capabilities)
    let isFiltered = plan.spec.linux?.seccomp != nil
    let isUnprivileged = process.noNewPrivileges == true
    try capabilities.dropBounding()
    let hasLimits = try ProcessLimits.setOwn(process.rlimits ?? [])
    try becomeUser()
    // Without no_new_privs only CAP_SYS_ADMIN may load a filter: it is kept until then, and nothing runs in between.
    let refused = try capabilities.apply(keeping: isFiltered && !isUnprivileged ? CapabilityName.sysAdmin : 0)
    for name in CapabilityName.names(refused) {
      channel.report(.warning, "can't grant capability \(name): the runtime lacks it, or it is not permitted")
    }
    if !isThere { _ = try changeDirectory(mayBeDenied: false) }
    _ = csys_umask(process.user?.umask.map { mode_t($0) } ?? 0o022)
    let arguments = process.args ?? []
    let program = try arguments.first.map { (name) throws(StepFailure) in
      try CommandSearch(path: environment["PATH"]).find(name)
    }
    try during(.descriptors) { () throws(Errno) in
      try check(csys_close_range(3 + plan.preservedDescriptors, CUnsignedInt.max, Self.closeOnExec))
    }
    _ = consume root
    var filter: SeccompFilter?
    let starter = try waitForStart(channel, hasLimits: hasLimits, &filter)
    do throws(StepFailure) {
      guard let program else { throw StepFailure(.invalid, Errno(rawValue: 0), "process.args is empty") }
      if isUnprivileged {
        try during(.noNewPrivileges) { () throws(Errno) in try check(csys_prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) }
      }
      if let filter {
        try load(filter, reportingTo: starter)
        if !isUnprivileged { try capabilities.apply(keeping: 0) }
      }
      // They are programs of the container: under its filter and with its capabilities.
      if plan.isInit {
        let runner = HookRunner(plan: plan, status: .created, environment: environment.entries, place: .here)
        try runner.run(plan.spec.hooks?.startContainer, kind: "startContainer")
      }
      _ = csys_default_signals()  // the runtime ignores SIGPIPE and blocks what it forwards; the command must not
      let result = withCStrings(arguments) { argv in
        withCStrings(environment.entries) { envp in csys_execve(program, argv, envp) }
      }
      throw StepFailure(.execute, Errno(rawValue: -result), program)
    } catch {
      try? starter.send(.failure, error.bytes)
      _exit(127)
    }
  }

  /// Reports that all is set up and waits: for the parent, then, after `create`, for `start`.
  /// - Parameter filter: gets what the parent has compiled meanwhile.
  private func waitForStart(
    _ channel: consuming Channel, hasLimits: Bool, _ filter: inout SeccompFilter?
  ) throws(StepFailure) -> Channel {
    if plan.startListener >= 0 {
      // A created container can be told to end, as one that runs its command: the kernel keeps such signals from PID 1.
      // They arrive from the moment that `create` has returned, so the handlers are there before it hears us.
      for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] { _ = csys_exit_on(signal) }
      // The runtime has ended when it has heard us, and anybody may look.
      try during(.descriptors) { () throws(Errno) in
        try closeAll(but: channel.socket.borrowed, plan.startListener)
      }
    }
    try during(.synchronize) { () throws(Errno) in try channel.send(hasLimits ? .ready : .readyWithoutLimits) }
    let code = try channel.await(.start)
    if plan.spec.linux?.seccomp != nil {
      filter = SeccompFilter(bytes: code)
      if filter == nil { throw StepFailure(.seccomp, .invalid) }
    }
    if plan.isDebug {
      channel.report(.debug, plan.isInit ? "init: closing the pipe to signal completion" : "setns_init: about to exec")
    }
    if plan.startListener < 0 { return channel }
    let listener = OwnedFD(adopting: plan.startListener)
    _ = consume channel
    while true {
      let connection = try during(.startSocket) { () throws(Errno) in
        try uninterrupted { () throws(Errno) in try accept(listener) }
      }
      let starter = Channel(connection)
      if case .start? = try? starter.receive()?.message { return starter }
    }
  }

  /// Until `start` comes, /proc/1/fd is there for all in the PID namespace: it must lead nowhere (CVE-2024-21626).
  private func closeAll(but one: CInt, _ another: CInt) throws(Errno) {
    var next = 3 + plan.preservedDescriptors
    for kept in [min(one, another), max(one, another)].map({ CUnsignedInt($0) }) where kept >= next {
      if kept > next { try check(csys_close_range(next, kept - 1, 0)) }
      next = kept + 1
    }
    try check(csys_close_range(next, CUnsignedInt.max, 0))
  }

  private func becomeUser() throws(StepFailure) {
    let groups = process.user?.additionalGids ?? []
    let result = csys_setgroups(groups.count, groups)
    // Where setgroups is denied (a user namespace made without privilege) there is nothing to drop.
    if result < 0 && !(groups.isEmpty && -result == EPERM) { throw StepFailure(.groups, Errno(rawValue: -result)) }
    try during(.user, "\(uid):\(gid)") { () throws(Errno) in
      try check(csys_prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
      try check(csys_setresgid(gid, gid, gid))
      try check(csys_setresuid(uid, uid, uid))
    }
  }

  /// CVE-2024-21626: a working directory that the root does not contain is refused.
  /// - Returns: false where the directory may be the user's only.
  private func changeDirectory(mayBeDenied: Bool) throws(StepFailure) -> Bool {
    let cwd = process.cwd.isEmpty ? "/" : process.cwd
    let result = csys_chdir(cwd)
    if result == -EACCES && mayBeDenied { return false }
    if result < 0 { throw StepFailure(.workingDirectory, Errno(rawValue: -result), cwd) }
    guard let place = getcwd(nil, 0) else { throw StepFailure(.workingDirectoryOutside, Errno(rawValue: 0), cwd) }
    defer { free(place) }
    if place[0] != CChar(bitPattern: UInt8(ascii: "/")) {
      throw StepFailure(.workingDirectoryOutside, Errno(rawValue: 0), cwd)
    }
    return true
  }

  /// The user must be able to reopen its own streams (/dev/stdout); files of the host stay untouched. A stream that is
  /// the host's /dev/null becomes the container's: a checkpoint knows only what is inside.
  private func takeStandardStreams(in root: borrowing RootFilesystem) throws(StepFailure) {
    for number in CInt(0)...2 {
      var found = stat()
      if csys_fstatat(number, "", &found, CInt(CSYS_AT_EMPTY_PATH)) < 0 { continue }
      let kind = found.st_mode & S_IFMT
      if Self.isNull(found) {
        // A root without a /dev/null, or with something else there, leaves the stream as it is.
        guard let own = try? root.open("/dev/null", O_RDWR | O_NOFOLLOW), let status = try? status(own),
          Self.isNull(status)
        else { continue }
        try during(.descriptors) { () throws(Errno) in try check(csys_dup3(own.borrowed, number, 0)) }
      } else if found.st_uid != uid, [S_IFCHR, S_IFIFO, S_IFSOCK].contains(kind) {
        _ = csys_fchownat(number, "", uid, uid_t.max, CInt(CSYS_AT_EMPTY_PATH))  // a convenience: it may be refused
      }
    }
  }
  private static func isNull(_ found: stat) -> Bool {
    found.st_mode & S_IFMT == S_IFCHR && found.st_rdev == DeviceNode.defaults[0].number
  }

  private func personality() throws(StepFailure) {
    guard let wanted = plan.spec.linux?.personality else { return }
    let domains: [String: UInt] = ["LINUX": 0, "LINUX32": 8]
    guard let domain = domains[wanted.domain] else {
      throw StepFailure(.invalid, Errno(rawValue: 0), "unknown personality \"\(wanted.domain)\"")
    }
    try during(.scheduling, "personality") { () throws(Errno) in try check(csys_personality(domain)) }
  }

  private func load(_ filter: SeccompFilter, reportingTo starter: borrowing Channel) throws(StepFailure) {
    if plan.isDebug { starter.report(.debug, "seccomp filter flags: \(filter.kernelFlags)") }
    try during(.seccomp) { () throws(Errno) in
      guard let listener = try filter.install() else { return }
      // From here on the filter holds: what it sends to the agent would wait for an agent that has no descriptor yet.
      let waits = plan.spec.linux?.seccomp?.notifies("sendmsg") == true
      try starter.send(.notify, descriptors: [listener.borrowed], avoidsSendmsg: waits)
    }
  }
}

/// The five sets of capabilities, as bits. Source: capabilities(7).
struct CapabilitySets {
  var bounding: UInt64, effective: UInt64, inheritable: UInt64, permitted: UInt64, ambient: UInt64
  /// Names that nobody knows.
  private(set) var unknown: [String] = []

  init(_ names: Capabilities?) {
    bounding = CapabilityName.bits(names?.bounding)
    effective = CapabilityName.bits(names?.effective)
    inheritable = CapabilityName.bits(names?.inheritable)
    permitted = CapabilityName.bits(names?.permitted)
    ambient = CapabilityName.bits(names?.ambient)
    note(names?.bounding, bounding)
    note(names?.effective, effective)
    note(names?.inheritable, inheritable)
    note(names?.permitted, permitted)
    note(names?.ambient, ambient)
  }
  private mutating func note(_ names: [String]?, _ bits: UInt64) {
    guard let names, names.count > bits.nonzeroBitCount else { return }  // costs nothing where all are known
    for name in names where CapabilityName.bits([name]) == 0 && !unknown.contains(name) { unknown.append(name) }
  }

  /// Ambient capabilities that the kernel refuses: only what is permitted and inheritable can be raised.
  var notRaised: [String] {
    CapabilityName.names(ambient & ~(permitted & inheritable))
  }

  /// What is asked for and cannot be given, for the log.
  var warnings: [String] {
    notRaised.map { "can't raise ambient capability \($0): it is not permitted and inheritable" }
      + unknown.map { "ignoring unknown capability \($0)" }
  }

  func dropBounding() throws(StepFailure) {
    for number in UInt64(0)..<64 where bounding & 1 << number == 0 {
      let result = csys_prctl(PR_CAPBSET_DROP, UInt(number), 0, 0, 0)
      if result == -EINVAL { return }  // beyond the kernel's last capability
      if result < 0 { throw StepFailure(.capabilities, Errno(rawValue: -result), "bounding set") }
    }
  }

  /// Sets what this process may have of them: what the runtime itself lacks cannot be given.
  /// - Returns: what was asked for and is not given. Source: config.md, "Capabilities": it has to be warned of.
  @discardableResult
  func apply(keeping extra: UInt64) throws(StepFailure) -> UInt64 {
    var mine = (effective: UInt64(0), permitted: UInt64(0), inheritable: UInt64(0))
    try during(.capabilities, "read own sets") { () throws(Errno) in
      try check(csys_capget(0, &mine.effective, &mine.permitted, &mine.inheritable))
    }
    let given = (permitted | extra) & mine.permitted
    try during(.capabilities, "effective, permitted, inheritable") { () throws(Errno) in
      try check(csys_capset((effective | extra) & given, given, inheritable & mine.permitted))
    }
    _ = csys_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_CLEAR_ALL), 0, 0, 0)
    let raised = ambient & given & inheritable
    for number in UInt64(0)..<64 where raised & 1 << number != 0 {
      try during(.capabilities, "ambient") { () throws(Errno) in
        try check(csys_prctl(PR_CAP_AMBIENT, UInt(PR_CAP_AMBIENT_RAISE), UInt(number), 0, 0))
      }
    }
    return (permitted | inheritable) & ~mine.permitted | effective & ~permitted
  }
}
