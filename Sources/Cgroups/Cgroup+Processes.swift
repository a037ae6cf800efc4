package import CSys
import Glibc
package import Problems
import Sys

extension Cgroup {
  /// The hierarchy to ask about processes: version 2 where there is one, else the freezer's, else any.
  private var census: Directory? {
    unified ?? directories.first { $0.controllers.contains("freezer") } ?? directories.first
  }

  /// All processes of the cgroup and of those below it. Empty where the cgroup is gone.
  package func processes() throws(Problem) -> [pid_t] {
    guard let census else { return [] }
    return try doing("list processes of cgroup \(census.path)") { () throws(Errno) in
      try Self.processes(below: census.path)
    }
  }
  private static func processes(below path: String) throws(Errno) -> [pid_t] {
    var found: [pid_t] = []
    do throws(Errno) {
      let text = try readText(path + "/cgroup.procs")
      found = text.split(separator: "\n").compactMap { pid_t($0) }
      for entry in try entries(ofPath: path) where entry.type == UInt8(DT_DIR) {
        found += try processes(below: path + "/" + entry.name)
      }
    } catch {
      // ENOTSUP: a threaded cgroup, whose processes are its parent's. Gone meanwhile: nothing in it.
      guard error == .notFound || error.rawValue == ENODEV || error == .notSupported else { throw error }
    }
    return found
  }

  /// Whether any process, not a zombie, is in the cgroup or below it.
  package func isPopulated() throws(Problem) -> Bool {
    if let unified, let text = try? readFile(unified.path + "/cgroup.events") { return text.contains("populated 1") }
    return try !processes().isEmpty
  }

  /// Sends a signal to every process once. One that ended meanwhile is no error.
  package func signal(_ number: CInt) throws(Problem) {
    if number == SIGKILL, let unified, (try? Self.write([UInt8(ascii: "1")], to: unified.path + "/cgroup.kill")) != nil
    {
      return
    }
    for pid in try processes() {
      let result = csys_kill(pid, number)
      if result < 0 && result != -ESRCH {
        let cause = Errno(rawValue: -result)
        throw Problem(code: Problem.Code(cause), message: "signal process \(pid)", cause: cause)
      }
    }
  }

  /// Kills everything in the cgroup and waits until nothing is left: also what forks faster than it can be counted.
  ///
  /// - Parameter milliseconds: how long to wait in all.
  /// - Throws: `.timeout` where processes are left: they hang in the kernel.
  /// - Source: cgroups(7), `cgroup.kill` (Linux 5.14); before it, and in version 1, freeze, kill, thaw.
  package func killAll(milliseconds: Int = 10_000) throws(Problem) {
    let deadline = Self.now() + milliseconds
    while true {
      let hasKill = unified.map { (try? Self.write([UInt8(ascii: "1")], to: $0.path + "/cgroup.kill")) != nil } ?? false
      if hasKill {  // what version 1 has frozen does not even die
        if !isUnified, (try? isFrozen()) == true { try? thaw() }
      } else {
        let frozen = (try? freeze()) != nil
        for pid in try processes() { _ = csys_kill(pid, SIGKILL) }
        if frozen { try? thaw() }
      }
      if try waitUntilEmpty(milliseconds: hasKill ? deadline - Self.now() : 100) { return }
      if Self.now() >= deadline {
        throw Problem(
          code: .timeout, message: "processes of cgroup \(census?.path ?? "") did not end within \(milliseconds) ms")
      }
    }
  }

  /// Waits until no process is left.
  ///
  /// In version 2 the kernel tells (`cgroup.events`); in version 1 each process's end is waited for by pidfd.
  /// - Returns: false where the time ran out.
  package func waitUntilEmpty(milliseconds: Int) throws(Problem) -> Bool {
    let deadline = Self.now() + max(milliseconds, 0)
    if let unified {
      guard let events = try? open(unified.path + "/cgroup.events", O_RDONLY) else { return true }
      while true {
        if events.reads("populated 0") { return true }
        let left = deadline - Self.now()
        if left <= 0 { return false }
        var wanted = pollfd(fd: events.borrowed, events: Int16(POLLPRI), revents: 0)
        _ = csys_poll(&wanted, 1, CInt(clamping: left))
      }
    }
    while let pid = try processes().first {
      let left = deadline - Self.now()
      if left <= 0 { return false }
      let descriptor = csys_pidfd_open(pid, 0)
      if descriptor < 0 {
        usleep(1000)  // no pidfd: reaped this moment, or in no namespace of ours
        continue
      }
      let pidfd = OwnedFD(adopting: descriptor)
      var wanted = pollfd(fd: pidfd.borrowed, events: Int16(POLLIN), revents: 0)
      if csys_poll(&wanted, 1, CInt(clamping: left)) > 0 { usleep(200) }  // a zombie leaves its cgroup right after
    }
    return true
  }

  static func now() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
  }

  // MARK: - Freezing

  /// Stops every process where it is, and waits until all have stopped.
  ///
  /// - Source: cgroups(7); freezer-subsystem.rst; version 2: `cgroup.freeze`, Linux 5.2.
  package func freeze(milliseconds: Int = 10_000) throws(Problem) { try setFrozen(true, milliseconds: milliseconds) }
  package func thaw(milliseconds: Int = 10_000) throws(Problem) { try setFrozen(false, milliseconds: milliseconds) }

  package func isFrozen() throws(Problem) -> Bool {
    let (_, stateFile) = try freezer()
    // A container that is gone is not frozen.
    guard let text = try? readFile(stateFile) else { return false }
    return text.contains("frozen 1") || text.contains("FROZEN") || text.contains("FREEZING")
  }

  /// The file that freezes and the one that tells.
  private func freezer() throws(Problem) -> (control: String, state: String) {
    if let one = directories.first(where: { $0.controllers.contains("freezer") }) {
      return (one.path + "/freezer.state", one.path + "/freezer.state")
    }
    if directories.isEmpty {
      throw Problem(code: .unsupported, message: "the container has no cgroup: it cannot be paused")
    }
    guard let unified else {
      throw Problem(code: .unsupported, message: "the host has no freezer cgroup", hint: "mount the freezer controller")
    }
    return (unified.path + "/cgroup.freeze", unified.path + "/cgroup.events")
  }

  private func setFrozen(_ frozen: Bool, milliseconds: Int) throws(Problem) {
    let (control, state) = try freezer()
    let isTwo = control != state
    let word = isTwo ? (frozen ? "1" : "0") : (frozen ? "FROZEN" : "THAWED")
    let wanted = isTwo ? "frozen \(word)" : word
    let deadline = Self.now() + milliseconds
    var pause: UInt32 = 100  // microseconds
    try doing("write \(word) to \(control)") { () throws(Errno) in
      try Self.write(Array(word.utf8), to: control)
      let file = try open(state, O_RDONLY)
      while true {
        if try file.contains(wanted) { return }
        let left = deadline - Self.now()
        if left <= 0 { throw .timedOut }
        if isTwo {
          var event = pollfd(fd: file.borrowed, events: Int16(POLLPRI), revents: 0)
          _ = csys_poll(&event, 1, CInt(clamping: left))
        } else {  // version 1 tells nobody; a process in an uninterruptible call needs the word again
          usleep(pause)
          pause = min(pause * 2, 20_000)
          try Self.write(Array(word.utf8), to: control)
        }
      }
    }
  }
}

extension Cgroup.Directory {
  /// Whether a process that enters would stop at once.
  var isFrozen: Bool {
    switch version {
    case .two: (try? readText(path + "/cgroup.freeze"))?.hasPrefix("1") ?? false
    case .one: controllers.contains("freezer") && (try? readText(path + "/freezer.state"))?.hasPrefix("F") ?? false
    }
  }
}

extension OwnedFD {
  /// Whether a small kernel file now holds this text. A file that is gone says "populated 0".
  fileprivate borrowing func reads(_ text: String) -> Bool {
    do throws(Errno) { return try contains(text) } catch { return text == "populated 0" }
  }
  fileprivate borrowing func contains(_ text: String) throws(Errno) -> Bool {
    var buffer = [UInt8](repeating: 0, count: 512)
    let got = try check(csys_pread(borrowed, &buffer, buffer.count, 0))
    return String(decoding: buffer[..<got], as: UTF8.self).contains(text)
  }
}
