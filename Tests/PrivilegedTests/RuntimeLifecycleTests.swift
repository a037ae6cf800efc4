import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

@Suite(.needs(.root), .needs(.installed), .needs(.program("busybox"))) struct RuntimeLifecycleTests {
  /// covers LX-12, LX-14, LX-15, LX-17, LX-38, LX-41, LX-42, LX-43, LX-45
  @Test func createStartStateKillDelete() throws {
    try withBundle { bundle in
      try bundle.configure([("process.args", ["sleep", "1000"]), ("annotations", ["a.b": "c"])])
      let pidFile = bundle.scratch + "/pid"
      try bundle.ok("create", "-b", bundle.path, "--pid-file", pidFile, "c")
      let state = try JSON.parse(try bundle.ok("state", "c"))
      #expect(state["status"] == "created" && state["id"] == "c" && state["bundle"]?.string == bundle.path)
      #expect(state["annotations"]?["a.b"] == "c")
      #expect(state["pid"]?.integer(Int.self).map(String.init) == (try readText(pidFile)))
      let directory = try Sys.status(bundle.state + "/c")
      #expect(directory.st_mode & 0o777 == 0o700)
      #expect(bundle.cgroups("c").isEmpty == false)

      try bundle.ok("start", "c")
      #expect(try bundle.status() == "running")
      let again = try bundle.runtime("start", "c")
      #expect(again.code == 1 && again.errorText.contains("not in state created"), "\(again)")
      let early = try bundle.runtime("delete", "c")
      #expect(early.code == 1 && early.errorText.contains("that is not stopped"), "\(early)")
      try bundle.ok("kill", "c", "sigkill")
      #expect(try eventually { try bundle.status() == "stopped" })
      let late = try bundle.runtime("kill", "c", "TERM")
      #expect(late.code == 1 && late.errorText.contains("container not running"), "\(late)")
      try bundle.ok("delete", "c")
      #expect(!exists(bundle.state + "/c") && bundle.cgroups("c").isEmpty)
      #expect(try bundle.runtime("state", "c").errorText.contains("container does not exist"))
    }
  }

  /// covers LX-45: with --force the missing are forgiven
  @Test func deleteForces() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      try bundle.ok("delete", "--force", "c")
      let missing = try bundle.runtime("delete", "c")
      #expect(missing.code == 1 && missing.errorText.contains("container does not exist"), "\(missing)")
      #expect(try bundle.runtime("delete", "--force", "c").code == 0)
    }
  }

  /// covers LX-36: the runtime in front of a container collects what it leaves behind, outside of its cgroup
  @Test(arguments: [[], ["--no-subreaper"]]) func orphansOfASharedPidNamespace(_ flags: [String]) throws {
    try withBundle { bundle in
      let namespaces: JSON = [["type": "mount"]]
      let script =
        "echo $PPID; pid=$( (sleep 0.5 >/dev/null & echo $!) ); grep PPid /proc/$pid/status; cat /proc/$PPID/cgroup"
      try bundle.configure([
        ("process.args", ["sh", "-c", .string(script)]), ("linux.namespaces", namespaces), ("hostname", ""),
      ])
      let outcome = try TestKit.run(
        [Installed.runtime, "--root", bundle.state, "run"] + flags + ["-b", bundle.path, "c"])
      let parent = outcome.lines.dropFirst().first?.split(whereSeparator: \.isWhitespace).last
      #expect((parent == outcome.lines.first?[...]) == flags.isEmpty, "\(outcome)")
      #expect(!outcome.text.contains(bundle.cgroupParent), "the runtime is in the container's cgroup: \(outcome)")
    }
  }

  /// covers LX-12, LX-48, LX-49: a failure leaves nothing behind, and names the file that cannot be read
  @Test func creationsThatFailLeaveNothing() throws {
    try withBundle { bundle in
      let missing = try bundle.runtime("create", "-b", bundle.scratch, "c")
      #expect(
        missing.code == 1 && missing.errorText.contains("failed to load container spec from bundle"), "\(missing)")
      try replaceFile(bundle.path + "/config.json", with: Array("{".utf8), durable: false)
      let broken = try bundle.runtime("create", "-b", bundle.path, "c")
      #expect(broken.errorText.contains("\(bundle.path)/config.json: not valid JSON at byte 1"), "\(broken)")
      let command = try bundle.shell("true", [("process.args", ["no-such-command"])])
      #expect(command.code == 127 && command.errorText.contains("executable file not found in $PATH"), "\(command)")
      try bundle.configure([bundle.bind("/no/such/source", "/mnt")])
      let source = try bundle.runtime("create", "-b", bundle.path, "c")
      #expect(source.code == 1 && source.errorText.contains("open mount source /no/such/source"), "\(source)")
      #expect(!exists(bundle.state + "/c") && bundle.cgroups("c").isEmpty)
      try bundle.startSleeper()
      let twice = try bundle.runtime("create", "-b", bundle.path, "c")
      #expect(twice.code == 1 && twice.errorText.contains("container already exists"), "\(twice)")
      #expect(try bundle.status() == "running")
    }
  }

  /// covers LX-50
  @Test(arguments: [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 0)] as [(String, CInt)])
  func runAnswersTheExitStatus(_ command: String, _ code: CInt) throws {
    try withBundle { bundle in
      let outcome = try bundle.shell(command)
      #expect(outcome.code == code)  // init ignores its own SIGKILL
      #expect(try bundle.runtime("list", "-q").text.isEmpty)
    }
  }

  /// covers LX-43
  @Test func signalsHaveManyNames() throws {
    try withBundle { bundle in
      let script = "trap 'echo usr1 >> /out' USR1; while true; do sleep 0.05; done"
      try bundle.configure([("process.args", ["sh", "-c", .string(script)]), ("root.readonly", false)])
      try bundle.ok("run", "-d", "-b", bundle.path, "c")
      usleep(300_000)
      for name in ["USR1", "sigusr1", "SigUsr1", "10"] {
        try bundle.ok("kill", "c", name)
        usleep(150_000)
      }
      #expect(eventually { (try? readText(bundle.rootfs + "/out").split(separator: "\n").count) == 4 })
      let wrong = try bundle.runtime("kill", "c", "NOPE")
      #expect(wrong.code == 1 && wrong.errorText.contains("invalid signal param"), "\(wrong)")
    }
  }

  /// covers LX-44
  @Test func killReachesAForkLoop() throws {
    try withBundle { bundle in
      let script = "f() { sleep 0.02; f & f & wait; }; f"
      try bundle.configure([
        ("process.args", ["sh", "-c", .string("trap '' TERM; \(script)")]), ("linux.resources.pids", ["limit": 60]),
        ("linux.namespaces", [["type": "mount"], ["type": "uts"], ["type": "ipc"], ["type": "network"]]),
      ])
      try bundle.ok("run", "-d", "-b", bundle.path, "c")
      usleep(300_000)
      try bundle.ok("kill", "c", "KILL")
      for directory in bundle.cgroups("c") { #expect(try readText(directory + "/cgroup.procs").isEmpty) }
      try bundle.ok("delete", "c")
    }
  }

  @Test func pauseAndResume() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      try bundle.ok("pause", "c")
      #expect(try bundle.status() == "paused")
      let outcome = try bundle.runtime("exec", "c", "true")
      #expect(outcome.code == 1 && outcome.errorText.contains("paused"), "\(outcome)")
      try bundle.ok("resume", "c")
      #expect(try bundle.status() == "running")
      #expect(try bundle.runtime("resume", "c").errorText.contains("container not paused"))
    }
  }

  @Test func listsAndLogs() throws {
    try withBundle { bundle in
      try bundle.startSleeper("one")
      try bundle.startSleeper("two")
      #expect(try bundle.runtime("list", "-q").lines == ["one", "two"])
      #expect(try JSON.parse(try bundle.ok("list", "-f", "json")).array?.map { $0["id"]?.string } == ["one", "two"])
      #expect(try bundle.ok("ps", "-f", "json", "one").hasPrefix("["))
      let log = bundle.scratch + "/log"
      let outcome = try TestKit.run([
        Installed.runtime, "--log", log, "--log-format", "json", "--root", bundle.state, "state", "x",
      ])
      let line = try JSON.parse(try readText(log).trimmed)
      #expect(outcome.code == 1 && line["level"] == "error" && line["time"]?.string?.hasSuffix("Z") == true)
      #expect(line["msg"]?.string == "container does not exist: x")
      #expect(try bundle.runtime("--version").text.hasPrefix("berth-runtime version "))
      #expect(try JSON.parse(try bundle.ok("features"))["ociVersionMax"]?.string != nil)
      #expect(try bundle.runtime("nope").code == 1)
    }
  }

  /// covers LX-39
  @Test func hooksRunInTheirPlacesWithTheState() throws {
    try withBundle { bundle in
      let kinds = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"]
      let out = bundle.scratch + "/hooks"
      let hooks = JSON.Object(
        kinds.map { kind in
          let script = "(echo \(kind); cat; echo; readlink /proc/self/ns/mnt) >> \(out)"
          return (kind, [["path": "/bin/sh", "args": ["sh", "-c", .string(script)], "timeout": 10]] as JSON)
        })
      #expect(try bundle.shell("true", [("hooks", .object(hooks))]).code == 0)
      let lines = try readText(out).split(separator: "\n").map(String.init)
      #expect(lines.count == 15)
      let own = try readLink("/proc/self/ns/mnt")
      for (number, kind) in kinds.enumerated() where lines.count == 15 {
        #expect(lines[number * 3] == kind)
        let state = try JSON.parse(lines[number * 3 + 1])
        #expect(state["id"] == "c" && state["bundle"]?.string == bundle.path, "\(kind): \(state)")
        #expect((lines[number * 3 + 2] == own) == (kind != "createContainer"), "\(kind)")
      }
    }
  }

  /// covers LX-39: an exit other than 0, and one that never comes
  @Test func hooksThatFailStopTheCreation() throws {
    try withBundle { bundle in
      let bad: JSON = [["path": "/bin/sh", "args": ["sh", "-c", "echo sorry >&2; exit 3"]]]
      let outcome = try bundle.shell("true", [("hooks", ["createRuntime": bad])])
      #expect(
        outcome.errorText.contains("error running createRuntime hook #0: /bin/sh ended with status 3: sorry"),
        "\(outcome)")
      let slow: JSON = [["path": "/bin/sleep", "args": ["sleep", "60"], "timeout": 1]]
      let late = try bundle.shell("true", [("hooks", ["prestart": slow])])
      #expect(late.code == 1 && late.errorText.contains("took longer than 1 s and was killed"), "\(late)")
      let missing = try bundle.shell("true", [("hooks", ["prestart": [["path": "/no/hook"]]])])
      #expect(missing.code == 1 && missing.errorText.contains("error running prestart hook #0: /no/hook"), "\(missing)")
      #expect(try bundle.runtime("list", "-q").text.isEmpty)
      let inside: JSON = [["path": "/bin/touch", "args": ["touch", "/started"]]]
      #expect(
        try bundle.shell("ls /started", [("hooks", ["startContainer": inside]), ("root.readonly", false)]).code == 0)
    }
  }
}
