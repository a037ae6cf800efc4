import CSys
import Glibc
import Problems
import Sys

/// What the keeper's process could not do, for its parent to word.
private enum KeeperStep: UInt8 {
  case privateMounts = 1, execute
  var words: String {
    switch self {
    case .privateMounts: "keep the namespace's mounts to itself"
    case .execute: "execute berth-keeper"
    }
  }
}

extension SharedNamespace {
  struct Made: ~Copyable {
    let process: OwnedFD
    let notes: Notes
  }

  /// Clones the keeper into new namespaces, writes its id maps, records it. The caller holds the lock.
  func make() throws(Problem) -> Made {
    var notes: Notes = []
    let maps = try IDMaps(of: caller, &notes)
    let go = try doing("make a pipe") { () throws(Errno) in try Pipe.make() }
    let report = try doing("make a pipe") { () throws(Errno) in try Pipe.make() }
    let (pid, pidfd) = fork(go.reader.borrowed, report.writer.borrowed)
    guard pid > 0 else { throw Self.refusal(Errno(rawValue: -pid)) }
    let process = OwnedFD(adopting: pidfd)
    do throws(Problem) {
      try maps.write(to: pid, of: caller)
      let answer = report.closingWriter()
      let failure = try doing("start berth-keeper") { () throws(Errno) in
        try writeAll(go.writer, [1])
        return try readAll(answer, limit: 8)
      }
      if failure.count == 2, let step = KeeperStep(rawValue: failure[0]) {
        let error = Errno(rawValue: CInt(failure[1]))
        // Where a security module lets a user have the namespace, but nothing in it, this is what fails.
        throw Problem(
          code: .init(error), message: step.words, hint: step == .privateMounts ? Self.remedy() : nil, cause: error)
      }
      try record(pid)
    } catch {
      _ = csys_pidfd_send_signal(process.borrowed, SIGKILL)
      var status: CInt = 0
      _ = csys_wait4(pid, &status, 0)
      throw error
    }
    return Made(process: process, notes: notes)
  }

  private func record(_ pid: pid_t) throws(Problem) {
    try doing("write \(runroot)/namespace") { () throws(Errno) in
      let text = "\(pid) \(try startTime(ofPid: pid))\n"
      try replaceFile(runroot + "/namespace", with: Array(text.utf8), mode: 0o600, durable: false)
    }
  }

  private func fork(_ go: CInt, _ report: CInt) -> (pid: pid_t, pidfd: CInt) {
    var pidfd: CInt = -1
    let pid = csys_fork(CSYS_CLONE_NEWUSER | CSYS_CLONE_NEWNS, &pidfd)
    if pid == 0 { hold(go, report) }
    return (pid, pidfd)
  }

  /// The keeper's side: waits for its maps, then becomes the program.
  private func hold(_ go: CInt, _ report: CInt) -> Never {
    func fail(_ step: KeeperStep, _ result: CInt) -> Never {
      try? writeAll(report, [step.rawValue, UInt8(clamping: -result)])  // the parent has gone: nobody to tell
      _exit(1)
    }
    var byte: UInt8 = 0
    guard csys_read(go, &byte, 1) == 1 else { _exit(1) }
    _ = csys_default_signals()
    // Mounts of the host go on appearing here; none from here goes back.
    let result = csys_mount(nil, "/", nil, UInt(MS_REC) | UInt(MS_SLAVE), nil)
    if result < 0 { fail(.privateMounts, result) }
    let failure = withCStrings([keeper]) { argv in withCStrings([]) { csys_execve(keeper, argv, $0) } }
    fail(.execute, failure)
  }

  private static func refusal(_ error: Errno) -> Problem {
    Problem(code: .unsupported, message: "make a user namespace", hint: remedy(), cause: error)
  }
  /// Why the kernel gives a user no namespace, as far as it can be told.
  private static func remedy() -> String {
    let switches = [
      ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl -w kernel.unprivileged_userns_clone=1"),
      ("/proc/sys/user/max_user_namespaces", "0", "sysctl -w user.max_user_namespaces=15000"),
      (
        "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1",
        "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0"
      ),
    ]
    let found = switches.first { path, off, _ in
      (try? readText(path, limit: 64))?.split(whereSeparator: \.isWhitespace).first.map(String.init) == off
    }
    return found.map { "the administrator can allow it: \($0.2)" }
      ?? "run berth as root, or on a kernel with CONFIG_USER_NS; a container around it must allow user namespaces, too"
  }
}
