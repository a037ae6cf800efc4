import CSys
import Glibc
public import Problems
import Sys

/// The user and mount namespace that all commands of one user share, kept open by `berth-keeper`.
public struct SharedNamespace: Sendable {
  public let caller: Caller
  /// The user's runtime directory; the namespace's record lies in it.
  public let runroot: String
  /// Path of `berth-keeper`.
  let keeper: String

  public init(caller: Caller, runroot: String, keeper: String) {
    self.caller = caller
    self.runroot = runroot
    self.keeper = keeper
  }

  /// What a user should hear when the namespace was made: limits of it, with the command that lifts them.
  public typealias Notes = [String]

  /// Moves this process into the namespace; the first command makes it. The working directory stays.
  ///
  /// - Returns: notes for the user; none where the namespace was there already.
  /// - Throws: `.denied` for a runtime directory of somebody else's, `.notFound` for a missing tool, `.unsupported`
  ///   where the kernel gives ordinary users no namespaces.
  public func enter() throws(Problem) -> Notes {
    let directory = getcwd(nil, 0).map { String(cString: $0) } ?? "/"
    try prepareDirectory()
    if let running = Self.running(recordPath) {
      try join(running, directory)
      return []
    }
    let made = try makeOnce()
    try join(made.process, directory)
    return made.notes
  }

  /// Of several commands that start at once, one makes the namespace.
  private func makeOnce() throws(Problem) -> Made {
    let lock = try doing("lock \(lockPath)") { () throws(Errno) in try FileLock(lockPath) }
    if let running = Self.running(recordPath) { return Made(process: running, notes: []) }
    let made = try make()
    _ = consume lock
    return made
  }

  /// Ends the keeper: the namespace goes with the last process in it. Nothing running is fine.
  public static func end(runroot: String) throws(Problem) {
    guard let process = running(runroot + "/namespace") else { return }
    try doing("end berth-keeper") { () throws(Errno) in
      try check(csys_pidfd_send_signal(process.borrowed, SIGTERM))
      try unlink(runroot + "/namespace")
    }
  }

  private var recordPath: String { runroot + "/namespace" }
  private var lockPath: String { runroot + "/namespace.lock" }

  /// Only the caller may write where the record lies.
  private func prepareDirectory() throws(Problem) {
    try doing("make \(runroot)", hint: "set XDG_RUNTIME_DIR to a directory of your own") { () throws(Errno) in
      try makeDirectories(runroot, mode: 0o700)
    }
    let found = try doing("look at \(runroot)") { () throws(Errno) in try status(runroot, followingLinks: false) }
    guard found.isDirectory, found.st_uid == caller.uid, found.st_mode & 0o022 == 0 else {
      throw Problem(
        code: .denied, message: "\(runroot) is not a directory that only \(caller.name) can write",
        hint: (found.st_uid == caller.uid ? "remove it (rm -r \(runroot)), or " : "")
          + "set XDG_RUNTIME_DIR to a directory of your own")
    }
  }

  /// The keeper, by pid and start time; nil where none runs.
  private static func running(_ record: String) -> OwnedFD? {
    guard let text = try? readText(record, limit: 64) else { return nil }
    let numbers = text.split(whereSeparator: \.isWhitespace)
    guard numbers.count == 2, let pid = pid_t(numbers[0]), let start = UInt64(numbers[1]), pid > 0 else { return nil }
    let pidfd = csys_pidfd_open(pid, 0)
    guard pidfd >= 0 else { return nil }
    let process = OwnedFD(adopting: pidfd)
    return (try? startTime(ofPid: pid)) == start ? consume process : nil
  }

  private func join(_ process: borrowing OwnedFD, _ directory: String) throws(Problem) {
    let raw = process.borrowed
    try doing("enter the namespace of \(caller.name)") { () throws(Errno) in
      _ = try check(csys_setns(raw, CInt(CSYS_CLONE_NEWUSER | CSYS_CLONE_NEWNS)))
    }
    // The caller's own groups stay; root inside is the caller.
    try doing("become root in the namespace of \(caller.name)") { () throws(Errno) in
      try check(csys_setresgid(0, 0, 0))
      try check(csys_setresuid(0, 0, 0))
    }
    setenv(callerVariable, "\(caller.uid)", 1)
    try doing("go back to \(directory)") { () throws(Errno) in _ = try check(csys_chdir(directory)) }
  }
}
