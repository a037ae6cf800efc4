import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// The command line that runc's and crun's users know, beyond the life of one container.
@Suite(.needs(.root), .needs(.installed), .needs(.program("busybox"))) struct RuntimeCommandTests {
  /// covers LX-01
  @Test func helpOfCommands() throws {
    try withBundle { bundle in
      #expect(try bundle.runtime("run", "--help").lines.dropFirst().first?.hasPrefix("   berth-runtime run - ") == true)
      let unknown = try bundle.runtime("foo", "-h")
      #expect(unknown.code == 1 && unknown.errorText.contains("No help topic for 'foo'"), "\(unknown)")
    }
  }

  /// covers LX-01: what cannot be understood goes to standard error with the whole command line
  @Test func wrongCommandLines() throws {
    try withBundle { bundle in
      var wrong = ["state", "create", "start", "kill", "delete", "exec", "pause", "resume", "ps", "update"].map {
        ([$0], "missing container ID")
      }
      wrong += [
        (["strange", "c"], "unknown command \"strange\""), (["kill", "c", "TERM", "x"], "at most one signal"),
        (["start", "c", "d"], "exactly one container ID"), (["run", "--strange", "c"], "unknown flag --strange"),
        (["create", "--bundle"], "--bundle needs a value"),
      ]
      for (words, text) in wrong {
        let outcome = try TestKit.run([Installed.runtime, "--root", bundle.state] + words)
        #expect(outcome.code == 1 && outcome.text.isEmpty && outcome.errorText.contains(text), "\(words): \(outcome)")
        let all = "--root \(bundle.state) \(words.joined(separator: " "))"
        #expect(outcome.errorText.contains(all), "\(outcome)")
      }
    }
  }

  /// covers LX-04, LX-07: nothing of it without --debug, to standard error with it, into the file with --log
  @Test func debugLogTellsTheSteps() throws {
    try withBundle { bundle in
      try bundle.configure([("process.args", ["true"])])
      #expect(try bundle.runtime("run", "-b", bundle.path, "c").errorText.isEmpty)
      let shown = try bundle.runtime("--debug", "run", "-b", bundle.path, "c").errorText
      #expect(shown.contains("level=debug") && shown.contains("child process in init()"), "\(shown)")
      let log = bundle.scratch + "/log"
      let quiet = try bundle.runtime(
        "--debug", "--log", log, "--log-format", "json", "run", "-b", bundle.path, "c")
      #expect(quiet.errorText.isEmpty, "\(quiet)")
      let lines = try readText(log).split(separator: "\n")
      #expect(lines.count > 3)
      for line in lines.dropLast() { #expect(try JSON.parse(Array(line.utf8))["level"]?.string == "debug", "\(line)") }
      #expect(lines.last?.contains("cmd completed") == true, "the last line says how long it took (LX-08)")
    }
  }

  /// covers LX-43, LX-45
  @Test func patternsForKillAndDelete() throws {
    try withBundle { bundle in
      for id in ["web-1", "web-2", "db-1"] { try bundle.startSleeper(id) }
      try bundle.ok("kill", "--regex", "^web-", "KILL")
      try bundle.ok("delete", "--force", "--regex", "^web-[0-9]$")
      #expect(try bundle.ok("list", "-q") == "db-1")
      let wrong = try bundle.runtime("delete", "--regex", "(")
      #expect(wrong.code == 1 && wrong.errorText.contains("no regular expression"), "\(wrong)")
    }
  }

  /// covers LX-42
  @Test func listsAndProcesses() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      let list = try JSON.parse(try bundle.ok("list", "-f", "json"))
      #expect(list.array?.first?["owner"]?.string == "root" && list.array?.first?["status"]?.string == "running")
      #expect(try bundle.ok("list").contains("OWNER") && bundle.ok("list").hasSuffix("root"))
      let table = try bundle.ok("ps", "c")
      #expect(table.contains("PPID") && table.contains("sleep 1000"), "\(table)")
      let options = try bundle.ok("ps", "c", "-e", "-o", "pid,comm")
      #expect(options.split(separator: "\n").count == 2 && options.hasSuffix("sleep"), "\(options)")
      let other = try TestKit.run([Installed.runtime, "--root", bundle.scratch + "/nowhere", "list"])
      #expect(other.code == 1 && other.errorText.contains("No such file"), "\(other)")
    }
  }

  /// covers LX-46
  @Test func pidfdOfTheProcess() throws {
    try withBundle { bundle in
      try bundle.configure([("process.args", ["sleep", "1000"])])
      let path = bundle.scratch + "/pidfd.sock"
      let listener = try listenUnix(path, type: CInt(SOCK_STREAM.rawValue))
      try bundle.ok("run", "-d", "-b", bundle.path, "--pidfd-socket", path, "c")
      let got = try receive(try accept(listener), bytesMax: 64, descriptorsMax: 1)
      let pidfd = OwnedFD(adopting: try #require(got.descriptors.first))
      #expect(csys_pidfd_send_signal(pidfd.borrowed, SIGKILL) == 0)
      var polls = [pollfd(fd: pidfd.borrowed, events: Int16(POLLIN), revents: 0)]
      #expect(csys_poll(&polls, 1, 10_000) == 1)
      #expect(try bundle.status() == "stopped")
    }
  }

  /// covers OC-06, OC-07: readiness goes on to the supervisor, with the pid that it knows
  @Test func readinessReachesTheSupervisor() throws {
    try withBundle { bundle in
      try bundle.configure([
        ("process.args", ["sh", "-c", "test -S $NOTIFY_SOCKET && busybox nc -h 2>/dev/null; exec sleep 1000"])
      ])
      let path = bundle.scratch + "/supervisor.sock"
      let supervisor = try bindDatagramUnix(path)
      let environment = ["NOTIFY_SOCKET": path]
      try TestKit.run(
        [Installed.runtime, "--root", bundle.state, "create", "-b", bundle.path, "c"], environment: environment)
      let start = try TestKit.start(
        [Installed.runtime, "--root", bundle.state, "start", "c"], environment: environment)
      let socket = bundle.state + "/c/notify/notify.sock"
      var tries = 0
      while !exists(socket) && tries < 500 {
        usleep(10_000)
        tries += 1
      }
      try sendDatagramUnix(socket, Array("STATUS=warming up\n".utf8))
      try sendDatagramUnix(socket, Array("STATUS=there\nREADY=1\n".utf8))
      #expect(try start.wait() == .exited(code: 0))
      let pid = try #require(try JSON.parse(try bundle.ok("state", "c"))["pid"]?.integer(Int.self))
      let got = try receive(supervisor, bytesMax: 256)
      #expect(String(decoding: got.bytes, as: UTF8.self) == "READY=1\nMAINPID=\(pid)\n")
    }
  }

  /// covers LX-16: what the container writes reaches a pipe as it was written
  @Test func noCarriageReturnsInAPipe() throws {
    try withBundle { bundle in
      let outcome = try bundle.shell("echo one; echo two; test -t 1 && echo tty", [("process.terminal", true)])
      #expect(outcome.text == "one\ntwo\ntty\n", "\(outcome)")
      try bundle.startSleeper("d")
      #expect(try bundle.ok("exec", "-t", "d", "sh", "-c", "echo one; echo two") == "one\ntwo")
    }
  }

  @Test func featuresNameEverything() throws {
    try withBundle { bundle in
      let json = try JSON.parse(try bundle.ok("features"))
      let linux = try #require(json["linux"])
      #expect(json["ociVersionMax"]?.string == "1.3.0" && linux["netDevices"]?["enabled"]?.bool == true)
      #expect(linux["seccomp"]?["knownFlags"]?.strings?.contains("SECCOMP_FILTER_FLAG_LOG") == true)
      #expect(linux["seccomp"]?["archs"]?.strings?.contains("SCMP_ARCH_X86_64") == true)
      #expect(linux["memoryPolicy"]?["modes"]?.strings?.contains("MPOL_BIND") == true)
      #expect(json["mountOptions"]?.strings?.contains("ridmap") == true)
    }
  }
}
