import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// What the program that meets strangers cannot do. covers PD-160
@Suite(.needs(.root), .needs(.installed)) struct RegistryConfinementTests {
  /// Starts the program as the engine does and looks at it while it waits.
  private func withWaitingProgram(_ name: String = #function, _ body: (pid_t, [String: String]) throws -> Void) throws {
    try withScratch(name) { scratch in
      let pair = try SocketPair.make(type: CInt(SOCK_SEQPACKET.rawValue))
      var spawn = Spawn(Installed.registry, ["--tls-verify=false"], environment: ["HOME=\(scratch)"])
      let forgotten = try open("/etc/shadow", O_RDONLY)  // by the engine, and not close-on-exec
      spawn.descriptors = [-1, -1, 2, pair.second.borrowed, forgotten.borrowed]
      let child = try spawn.start()
      let socket = pair.closingSecond()
      defer {
        try? child.signal(SIGKILL)
        _ = try? child.wait()
      }
      func status() throws -> [String: String] {
        let lines = try readText("/proc/\(child.pid)/status").split(separator: "\n")
        return Dictionary(
          lines.compactMap { line in
            let parts = line.split(separator: ":", maxSplits: 1).map(\.trimmed)
            return parts.count == 2 ? (parts[0], parts[1]) : nil
          }, uniquingKeysWith: { a, _ in a })
      }
      #expect(try eventually(10) { try status()["Seccomp"] == "2" && status()["Threads"] != "1" }, "never shut in")
      try body(child.pid, try status())
      _ = socket.borrowed
    }
  }

  @Test func hasNoPrivilegeWhileItWaits() throws {
    try withWaitingProgram { pid, status in
      let zero = "0000000000000000"
      for name in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] { #expect(status[name] == zero, "\(name)") }
      #expect(status["NoNewPrivs"] == "1")
      #expect(status["Seccomp"] == "2")
      #expect(status["Uid"]?.split(separator: "\t").allSatisfy { $0 == "65534" } == true)
      #expect(status["Groups"]?.isEmpty ?? true)
      // every thread, not only the first
      for thread in try entries(ofPath: "/proc/\(pid)/task") {
        let text = try readText("/proc/\(pid)/task/\(thread.name)/status")
        #expect(text.contains("Seccomp:\t2") && text.contains("NoNewPrivs:\t1") && text.contains("CapEff:\t\(zero)"))
      }
    }
  }

  @Test func holdsNoFileOpen() throws {
    try withWaitingProgram { pid, _ in
      for entry in try entries(ofPath: "/proc/\(pid)/fd") {
        let target = try readLink("/proc/\(pid)/fd/\(entry.name)")
        let isHarmless =
          ["socket:", "anon_inode:", "/dev/null", "pipe:"].contains { target.hasPrefix($0) } || entry.name == "2"
        #expect(isHarmless, "\(entry.name) → \(target)")
      }
    }
  }

  #if arch(x86_64)
    private static let script = parentPath(of: parentPath(of: #filePath)) + "/Fixtures/attempt.py"
    /// Makes the waiting program itself try.
    private func attempt(_ pid: pid_t, _ names: [String]) throws -> JSON {
      let outcome = try run(["python3", Self.script, "\(pid)"] + names)
      #expect(outcome.code == 0, "\(outcome)")
      return try JSON.parse(outcome.trimmed)
    }

    @Test func reachesNoFileAndStartsNothing() throws {
      let expected: [(String, CInt)] = [
        ("read /etc/hosts", 0), ("read /etc/shadow", EACCES), ("read /etc/passwd", EACCES), ("read /root", EACCES),
        ("write /tmp", EACCES), ("write /etc/hosts", EACCES), ("remove /etc/hosts", EPERM), ("fork", EPERM),
        ("kill 1", EPERM), ("listen", EPERM), ("packet socket", EPERM),
      ]
      try withWaitingProgram { pid, _ in
        let answers = try attempt(pid, expected.map(\.0))
        for (name, errno) in expected { #expect(answers[name]?.integer(CInt.self) == -errno, "\(name)") }
      }
    }

    @Test(arguments: ["execve", "setuid 0", "ptrace", "mount"]) func isKilledForTrying(_ name: String) throws {
      try withWaitingProgram { pid, _ in
        let answers = try attempt(pid, [name])
        #expect(answers[name]?.string == "killed")
      }
    }
  #endif

  @Test func endsWithItsEngine() throws {
    try withScratch { scratch in
      let pair = try SocketPair.make(type: CInt(SOCK_SEQPACKET.rawValue))
      var spawn = Spawn(Installed.registry, [], environment: ["HOME=\(scratch)"])
      spawn.descriptors = [-1, -1, 2, pair.second.borrowed]
      let child = try spawn.start()
      do { _ = pair.closingSecond() }
      #expect(try child.wait() == .exited(code: 0))
    }
  }

  @Test func isNotForTheHandOfAUser() throws {
    let outcome = try run([Installed.registry])
    #expect(outcome.code == 125)
    #expect(outcome.errorText.contains("started by berth"))
  }
}
