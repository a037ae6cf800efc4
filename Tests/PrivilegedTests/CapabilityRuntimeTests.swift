import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// What runs containers for an engine that may be another's: which program, where its things are, and what a box of
/// planet's or of SingularityCE's asks of a runtime.
@Suite(.needs(.root), .needs(.installed), .needs(.program("busybox"))) struct CapabilityRuntimeTests {
  private func expect(
    _ outcome: Outcome, _ words: String, code: CInt = 1, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      outcome.code == code && outcome.errorText.contains(words), "\(words): \(outcome)", sourceLocation: sourceLocation)
  }

  // covers PD-05, OC-01: a container whose runtime is gone lists, inspects and goes; what needs the runtime names it
  @Test(.needs(.program("crun")), .needs(.program("runc")), arguments: ["crun", "runc"]) func missingRuntimes(
    _ name: String
  ) throws {
    try withEngine { engine in
      try engine.importBusybox()
      let program = engine.scratch + "/gone-\(name)"
      try TestKit.run(["cp", try #require(findProgram(name)), program])
      let id = try engine.ok("run", "-d", "--name", "on", "--runtime", program, "busybox", "sleep", "1000")
      try engine.ok("run", "-d", "--name", "ice", "--runtime", program, "busybox", "sleep", "1000")
      try engine.ok("pause", "ice")
      try engine.ok("create", "--name", "new", "--runtime", program, "busybox", "true")
      expect(
        try engine.berth("run", "--name", "old", "--runtime", program, "busybox", "sh", "-c", "exit 7"), "", code: 7)
      try unlink(program)
      #expect(try engine.ok("ps", "-a", "--format", "{{.Names}}").split(separator: "\n").count == 4)
      #expect(try engine.ok("inspect", "-f", "{{.State.Status}} {{.OCIRuntime}}", "on") == "running \(program)")
      #expect(try engine.ok("wait", "old") == "7")
      for command in [
        ["exec", "on", "true"], ["pause", "on"], ["unpause", "ice"], ["start", "new"], ["start", "old"],
      ] {
        let outcome = try engine.berth(command)
        expect(outcome, "OCI runtime \(program) is not there", code: 125)
        #expect(outcome.errorText.contains("berth rm --force"), "\(outcome)")
      }
      #expect(try engine.ok("ps", "-q", "--no-trunc", "--filter", "name=on") == id)
      try engine.ok("rm", "new", "old")
      try engine.ok("rm", "-f", "on", "ice")
      #expect(try engine.ok("ps", "-aq") == "")
    }
  }

  // covers PD-05: its exit code is kept, and --rm removes it, all without the runtime
  @Test(.needs(.program("crun"))) func endsWithoutTheRuntime() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let program = engine.scratch + "/gone"
      try TestKit.run(["cp", try #require(findProgram("crun")), program])
      let script = "while [ ! -e /end ]; do sleep 0.05; done; exit 3"
      for (name, flags) in [("kept", []), ("once", ["--rm"])] {
        _ = try engine.ok2(
          ["run", "-d", "--name", name] + flags + ["--runtime", program, "busybox", "sh", "-c", script])
      }
      for name in ["kept", "once"] { try engine.ok("exec", "-d", name, "sh", "-c", "sleep 0.5; touch /end") }
      try unlink(program)
      #expect(try engine.ok("wait", "kept") == "3")
      #expect(
        try eventually { try engine.ok("ps", "-a", "--format", "{{.Names}} {{.Status}}").hasPrefix("kept Exited (3)") })
      try engine.ok("rm", "kept")
    }
  }

  // covers PD-09: without pivot_root, asked for as Docker's users do; the runtime hears of it
  @Test func withoutPivot() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let heard = engine.scratch + "/heard", program = engine.scratch + "/listening"
      try replaceFile(
        program, with: Array("#!/bin/sh\necho \"$@\" >>\(heard)\nexec \(Installed.runtime) \"$@\"\n".utf8), mode: 0o755,
        durable: false)
      let run = ["run", "--rm", "--runtime", program, "busybox", "ls", "/bin/busybox"]
      let outcome = try engine.berth(run, environment: ["DOCKER_RAMDISK": "true"])
      #expect(outcome.code == 0 && outcome.trimmed == "/bin/busybox", "\(outcome)")
      #expect(try readText(heard).contains(" --no-pivot "))
      try unlink(heard)
      _ = try engine.ok2(run)
      #expect(try !readText(heard).contains("--no-pivot"))
    }
  }

  // covers OC-02: an ID is one name below the root, whatever it says
  @Test func identifiersStayBelowTheRoot() throws {
    try withBundle { bundle in
      try bundle.configure()
      try makeDirectories(bundle.scratch + "/victim")
      for id in ["../victim", "..", ".", "a/b", "", "a b"] {
        expect(try bundle.runtime("create", "-b", bundle.path, id), "invalid container ID format")
        for command in ["state", "start", "kill", "delete", "pause", "resume", "ps"] {
          expect(try bundle.runtime(command, id), "invalid container ID format")
        }
        expect(try bundle.runtime("delete", "--force", id), "invalid container ID format")
        expect(try bundle.runtime("exec", id, "true"), "invalid container ID format")
      }
      #expect(exists(bundle.scratch + "/victim"))
    }
  }

  // covers OC-04, OC-08, OC-09, OC-10: what no container, and one in another state, answers
  @Test func commandsInTheWrongState() throws {
    try withBundle { bundle in
      let commands = [
        ["start", "c"], ["kill", "c"], ["exec", "c", "true"], ["pause", "c"], ["resume", "c"], ["ps", "c"],
      ]
      func refused(_ commands: [[String]], _ words: String) throws {
        for command in commands + [["delete", "c"]] {
          let outcome = try TestKit.run([Installed.runtime, "--root", bundle.state] + command)
          #expect(outcome.code == 1 && outcome.errorText.contains(words), "\(command): \(outcome)")
        }
      }
      try refused(commands, "container does not exist: c")
      try bundle.startSleeper()
      #expect(try bundle.runtime("exec", "c", "sh", "-c", "exit 9").code == 9)
      try refused([["start", "c"], ["resume", "c"]], "")
      try bundle.ok("kill", "c")  // SIGTERM, which this PID 1 has no handler for
      #expect(try bundle.status() == "running")
      try bundle.ok("kill", "c", "KILL")
      #expect(try eventually { try bundle.status() == "stopped" })
      for command in commands.dropLast() {
        let outcome = try TestKit.run([Installed.runtime, "--root", bundle.state] + command)
        #expect(outcome.code == 1 && !outcome.errorText.isEmpty, "\(command): \(outcome)")
      }
      try bundle.ok("delete", "c")
    }
  }

  // covers BX-24, BX-25, BX-26: the host's network and cgroup namespace, one set of capabilities five times, few limits
  @Test(.needs(.cgroup1)) func settingsOfABox() throws {
    try withBundle { bundle in
      let set: JSON = ["CAP_CHOWN", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
      let kinds = ["bounding", "permitted", "effective", "inheritable", "ambient"]
      let namespaces: JSON = [["type": "mount"], ["type": "uts"], ["type": "ipc"], ["type": "pid"]]
      let outcome = try bundle.shell(
        """
        grep Cap /proc/self/status; for n in mnt uts ipc pid net cgroup; do readlink /proc/self/ns/$n; done; id -u
        cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/cpu/cpu.shares /sys/fs/cgroup/devices/devices.list
        """,
        [
          ("process.capabilities", .object(JSON.Object(kinds.map { ($0, set) }))),
          ("process.user", ["uid": 1000, "gid": 1000]), ("linux.namespaces", namespaces),
          (
            "linux.resources",
            [
              "cpu": ["shares": 2], "pids": ["limit": 2_000_000], "devices": [["allow": true, "access": "rwm"]],
            ]
          ),
          ("mounts+", ["destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]]),
        ])
      let lines = outcome.lines
      guard lines.count >= 15 else {
        Issue.record("\(outcome)")
        return
      }
      for line in lines.prefix(5) { #expect(line.hasSuffix("\t0000000000000421"), "\(line)") }
      for (number, name) in ["mnt", "uts", "ipc", "pid", "net", "cgroup"].enumerated() {
        let isOwn = try lines[5 + number] != readLink("/proc/self/ns/\(name)")
        #expect(isOwn == (number < 4), "\(name)")
      }
      #expect(lines[11...] == ["1000", "2000000", "2", "a *:* rwm"], "\(outcome)")
    }
  }

  // covers BX-39: a hierarchy of version 1, wherever it is mounted; one that is absent is missed only by its limits
  @Test(.needs(.cgroup1)) func hierarchiesOfVersion1() throws {
    try withBundle { bundle in
      let mount: JSON = ["destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]]
      let limit: (String, JSON) = ("linux.resources.pids", ["limit": 33])
      try bundle.configure([("process.args", ["cat", "/sys/fs/cgroup/pids/pids.max"]), ("mounts+", mount), limit])
      let elsewhere = bundle.scratch + "/pids"
      try makeDirectories(elsewhere)
      func run(_ preparation: String) throws -> Outcome {
        let script = """
          mount -t cgroup -o pids none "$1"; umount -l /sys/fs/cgroup/pids; \(preparation); shift; "$@"
          """
        return try TestKit.run(
          ["unshare", "--mount", "sh", "-c", script, "sh", elsewhere]
            + [Installed.runtime, "--root", bundle.state, "run", "-b", bundle.path, "c"])
      }
      let found = try run(":")
      #expect(found.trimmed == "33", "mounted elsewhere: \(found)")
      expect(try run("umount -l \"$1\""), "needs the cgroup controller pids, which is not there")
      try bundle.configure([("process.args", ["true"])])
      #expect(try run("umount -l \"$1\"").code == 0, "nobody asks for it")
    }
  }
}
