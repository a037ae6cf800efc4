import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// A refusal: its exit code, and what its error says.
func expect(
  _ outcome: Outcome, _ words: String..., code: CInt = 125, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(outcome.code == code, "\(outcome)", sourceLocation: sourceLocation)
  for part in words {
    #expect(outcome.errorText.contains(part), "\(part): \(outcome)", sourceLocation: sourceLocation)
  }
}

/// The clauses of capability lines that the tests of whole lives pass by: errors, corners, second arguments.
@Suite(.needs(.root), .needs(.installed), .serialized) struct CapabilityClauseTests {
  // covers PD-27: an ambiguous prefix is an error that lists the candidates
  @Test func ambiguousPrefixes() throws {
    try withEngine { engine in
      try engine.importBusybox()
      var ids: [String] = []
      var twice: Character?
      while twice == nil {  // sixteen digits: at the latest the seventeenth container shares its first one
        let id = try engine.ok("create", "busybox", "true")
        if ids.contains(where: { $0.first == id.first }) { twice = id.first }
        ids.append(id)
      }
      let prefix = String(try #require(twice))
      let alike = ids.filter { $0.hasPrefix(prefix) }
      let outcome = try engine.berth("inspect", "--type", "container", prefix)
      expect(outcome, "more than one")
      for id in alike { #expect(outcome.errorText.contains(id.prefix(12)), "\(outcome)") }
      #expect(try engine.ok("inspect", "-f", "{{.Id}}", String(ids[0].prefix(40))) == ids[0])
    }
  }

  // covers PD-46, PD-55: restart of a created and of an ended container; times and codes begin anew
  @Test func restarting() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("create", "--name", "r", "busybox", "sh", "-c", "sleep 1; exit 3")
      let none = try engine.ok("inspect", "-f", "{{.State.StartedAt}}", "r")
      #expect(none.hasPrefix("0001-01-01"), "\(none)")
      try engine.ok("restart", "r")
      #expect(try engine.ok("wait", "r") == "3")
      let first = try engine.ok("inspect", "-f", "{{.State.StartedAt}} {{.State.FinishedAt}}", "r")
      try engine.ok("restart", "r")
      let running = try engine.ok("inspect", "-f", "{{.State.Running}} {{.State.ExitCode}} {{.RestartCount}}", "r")
      #expect(running == "true 0 0", "\(running)")
      #expect(try engine.ok("wait", "r") == "3")
      let second = try engine.ok("inspect", "-f", "{{.State.StartedAt}} {{.State.FinishedAt}}", "r")
      #expect(first != second && !second.contains("0001-01-01"), "\(second)")
      expect(try engine.berth("restart", "absent"), "absent")
    }
  }

  // covers PD-50, PD-52: a paused container goes by force; a prune keeps what runs and what the filter keeps
  @Test func removalsAndPrunes() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "-d", "--name", "p", "busybox", "sleep", "1000")
      try engine.ok("pause", "p")
      expect(try engine.berth("rm", "p"), "as it is paused", code: 2)
      try engine.ok("rm", "-f", "p")
      try engine.ok("create", "--name", "keep", "--label", "stay=yes", "busybox", "true")
      try engine.ok("create", "--name", "drop", "busybox", "true")
      try engine.ok("container", "prune", "-f", "--filter", "label!=stay")
      #expect(try engine.ok("ps", "-a", "--format", "{{.Names}}") == "keep")
      expect(try engine.berth("container", "prune", "-f", "--filter", "name=keep"), "unknown filter \"name\"")
      expect(try engine.berth("rm", "absent"), "absent", code: 1)
      #expect(try engine.berth("rm", "--ignore", "absent").code == 0)
      #expect(try engine.ok("rm", "-a").count == 64)
    }
  }

  // covers PD-79, PD-80, LP-36: no log, a named log, a bounded log; tail, times and a log that is gone
  @Test func logs() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "--name", "none", "--log-driver", "none", "busybox", "echo", "x")
      expect(try engine.berth("logs", "none"), "keeps no logs")
      expect(try engine.berth("run", "--log-driver", "journald", "busybox", "true"), "journald")
      let path = engine.scratch + "/own.log"
      try engine.ok(
        "run", "--name", "l", "--log-opt", "path=\(path)", "busybox", "sh", "-c", "for i in 1 2 3 4 5; do echo $i; done"
      )
      #expect(try readText(path).split(separator: "\n").count == 5)
      #expect(try engine.ok("logs", "--tail", "2", "l") == "4\n5")
      #expect(try engine.ok("logs", "--tail", "0", "l") == "")
      #expect(try engine.ok("logs", "--since", "1h", "l") == "1\n2\n3\n4\n5")
      #expect(try engine.ok("logs", "--until", "1h", "l") == "")
      #expect(try engine.ok("logs", "--since", "2200-01-01T00:00:00Z", "l") == "")
      let stamped = try engine.ok("logs", "-t", "--tail", "1", "l").split(separator: " ")
      #expect(stamped.count == 2 && stamped[0].hasPrefix("20") && stamped[1] == "5", "\(stamped)")
      expect(try engine.berth("logs", "--since", "yesterday?", "l"), "yesterday?")
      #expect(try engine.ok("logs", "-f", "l") == "1\n2\n3\n4\n5", "ends, as the container has")
      try unlink(path)
      #expect(try engine.berth("logs", "l").code == 0)
      for driver in ["k8s-file", "json-file"] {
        try engine.ok(
          "run", "--name", driver, "--log-driver", driver, "--log-opt", "max-size=4kb", "busybox", "sh", "-c",
          "i=0; while [ $i -lt 500 ]; do echo line $i; i=$((i+1)); done")
        let log = try engine.ok("inspect", "-f", "{{.HostConfig.LogConfig.Path}}", driver)
        #expect(try status(log).st_size <= 8 << 10, "\(driver)")
        #expect(try engine.ok("logs", "--tail", "1", driver) == "line 499")
      }
    }
  }

  // covers PD-68, PD-71, PD-74, PD-76, LP-37: what exec refuses, and what it passes on
  @Test func execution() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "-d", "--name", "e", "--cap-drop", "all", "busybox", "sleep", "1000")
      expect(try engine.berth("exec", "e"), "command to run in e is missing")
      expect(try engine.berth("exec", "absent", "true"), "absent")
      expect(try engine.berth("exec", "--detach-keys", "no-key", "e", "true"), "detach keys no-key")
      expect(try engine.berth("run", "--rm", "--detach-keys", "no-key", "busybox", "true"), "detach keys no-key")
      expect(try engine.berth("exec", "-w", "relative", "e", "true"), "not an absolute path")
      let capabilities = ["grep", "CapEff", "/proc/self/status"]
      #expect(try engine.ok2(["exec", "e"] + capabilities).hasSuffix("0000000000000000"))
      #expect(try !engine.ok2(["exec", "--privileged", "e"] + capabilities).hasSuffix("0000000000000000"))
      #expect(try engine.ok("exec", "-e", "A=1", "-e", "B=2", "e", "sh", "-c", "echo $A$B") == "12")
      let passed = "exec 3<<<three 4<<<four; exec \(Installed.berth)"
      for command in ["exec --preserve-fds 2 e", "run --rm --preserve-fds 2 busybox"] {
        let outcome = try run(
          ["bash", "-c", "\(passed) \(command) sh -c 'cat <&3 <&4; ls /proc/self/fd | wc -l'"],
          environment: engine.environment)
        #expect(outcome.code == 0 && outcome.lines.first == "four", "\(command): \(outcome)")
      }
    }
  }

  // covers PD-04, PD-37, PD-38, PD-60, PD-79, PD-107, PD-112, PD-114, PD-122, PD-123, PD-127, PD-161: bad values
  @Test func badValuesAreNamed() throws {
    try withEngine { engine in
      try engine.importBusybox()
      for (arguments, words) in Self.badValues {
        expect(try engine.berth(arguments), words)
        #expect(
          try engine.ok("ps", "-aq") == "" && engine.ok("volume", "ls", "-q") == "", "half made by \(arguments)")
      }
    }
  }
  private static let badValues: [([String], String)] = [
    (["create", "--name", "-x", "busybox"], "-x"), (["create", "-v", "a:/d", "-v", "b:/d", "busybox", "true"], "/d"),
    (["create", "--stop-signal", "65", "busybox", "true"], "--stop-signal \"65\""),
    (["create", "--stop-signal", "0", "busybox", "true"], "--stop-signal \"0\""),
    (["create", "--stop-timeout", "-3", "busybox", "true"], "--stop-timeout"),
    (["volume", "create", "bad name"], "bad name"), (["volume", "create", "--driver", "nfs", "v"], "nfs"),
    (["create", "--tz", "America", "busybox", "true"], "Invalid timezone: America is a directory"),
    (["create", "--umask", "9", "busybox", "true"], "invalid umask string"),
    (["create", "--shm-size", "much", "busybox", "true"], "--shm-size"),
    (["create", "--shm-size", "-1", "busybox", "true"], "--shm-size"),
    (["create", "--ulimit", "nosuch=1", "busybox", "true"], "nosuch"),
    (["create", "--ulimit", "nofile=9:3", "busybox", "true"], "nofile"),
    (["create", "--cpus", "-1", "busybox", "true"], "--cpus"),
    (["create", "--device", "/dev/absent", "busybox", "true"], "/dev/absent"),
    (["create", "--cpuset-cpus", "x", "busybox", "true"], "x"),
    (["create", "--sysctl", "kernel.panic=1", "busybox", "true"], "kernel.panic"),
    (["create", "--memory-reservation", "2g", "--memory", "1g", "busybox", "true"], "--memory-reservation"),
    (["create", "--env-file", "/absent", "busybox", "true"], "/absent"),
    (["create", "--mount", "type=bind,source=/absent,destination=/x", "busybox", "true"], "/absent"),
    (["create", "--mount", "type=strange,destination=/x", "busybox", "true"], "strange"),
    (["create", "--security-opt", "seccomp=/absent", "busybox", "true"], "/absent"),
    (["create", "--pull", "sometimes", "busybox", "true"], "sometimes"),
    (["create", "--network", "none", "--ip", "10.1.2.3", "busybox", "true"], "--ip does not fit --network none"),
    (["create", "--ip", "10.1.2.3", "--network", "a", "--network", "b", "busybox", "true"], "for a single network"),
    (["create", "--no-hosts", "--add-host", "a:1.2.3.4", "busybox", "true"], "--no-hosts and --add-host"),
    (["create", "--dns", "none", "--dns", "1.1.1.1", "busybox", "true"], "--dns none goes alone"),
    (["create", "-v", "/tmp:/d", "--tmpfs", "/d", "busybox", "true"], "two mounts at /d"),
    (["create", "--network", "container:absent", "busybox", "true"], "absent"),
    (["create", "--rootfs", "/absent", "true"], "/absent is not a directory"), (["create"], "IMAGE is missing"),
    (["create", "--group-add", "strangers", "--log-driver", "paper", "busybox", "true"], "paper"),
    (["create", "--log-opt", "max-size=many", "busybox", "true"], "many"),
    (["create", "--log-opt", "color=red", "busybox", "true"], "color"),
    (["create", "--device-read-bps", "/dev/absent:1m", "busybox", "true"], "/dev/absent"),
    (["create", "--blkio-weight-device", "/dev/vda:5", "busybox", "true"], "want a weight from 10 to 1000"),
    (["create", "--runtime", "", "busybox", "true"], "--runtime \"\""),
    (["volume", "create", "--opt", "o=uid=me", "v"], "o=uid=me"),
    (["volume", "create", "--opt", "o=size=1m", "v"], "o=size=1m"),
    (["volume", "create", "--opt", "device=/x", "v"], "\"device\" is not supported"),
  ]

  // covers PD-112, PD-167: volumes in use, by force, by prune; existence by exit status
  @Test func volumes() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("volume", "create", "used")
      try engine.ok("volume", "create", "--label", "a=b", "unused")
      let user = try engine.ok("create", "-v", "used:/x", "busybox", "true")
      expect(try engine.berth("volume", "rm", "used"), String(user.prefix(12)), code: 2)
      expect(try engine.berth("volume", "create", "used"), "exists already", "hint: ")
      #expect(try engine.ok("volume", "create", "--ignore", "used") == "used")
      #expect(try engine.ok("volume", "prune", "-f") == "unused")
      #expect(try engine.berth("volume", "exists", "unused").code == 1)
      #expect(try engine.berth("volume", "exists", "used").code == 0)
      #expect(try engine.ok("volume", "rm", "-f", "used") == "used")
      #expect(try engine.berth("container", "exists", user).code == 1)
    }
  }

  // covers LP-16, LP-24, LP-26, LP-31, LP-34, PD-63, PD-95: columns, several names, all of them
  @Test func columnsAndSeveral() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let digests = try engine.berth("images", "--digests").lines
      #expect(digests[0].contains("TAG         DIGEST") && digests[1].contains(" sha256:"), "\(digests)")
      for name in ["a", "b"] { try engine.ok("create", "--name", name, "busybox", "sleep", "1000") }
      #expect(try engine.ok("start", "a", "b") == "a\nb")
      let sizes = try engine.berth("ps", "-s").lines
      #expect(sizes[0].hasSuffix("SIZE") && sizes[1].contains("(virtual "), "\(sizes)")
      #expect(try engine.berth("stop", "-a", "-t", "0").lines.count == 2)
      expect(try engine.berth("start", "a", "absent"), "absent")
      #expect(try engine.ok("ps", "-q").count == 12, "the one that is there was started")
      expect(try engine.berth("inspect", "--type", "strange", "a"), "strange")
      expect(try engine.berth("inspect", "--type", "image", "-s", "busybox"), "--size")
      let created = try JSON.parse(try engine.ok("inspect", "-f", "{{json .Config.CreateCommand}}", "a"))
      #expect(created.strings?.suffix(4) == ["a", "busybox", "sleep", "1000"], "\(created)")
    }
  }

  // covers PD-16: what podman's users look up in `info`
  @Test func info() throws {
    try withEngine { engine in
      let info = try JSON.parse(try engine.ok("info", "--format", "json"))
      for member in [
        "arch", "cpus", "memTotal", "swapTotal", "kernel", "distribution", "hostname", "uptime", "cgroupManager",
        "cgroupVersion", "eventLogger", "idMappings", "security", "conmon", "ociRuntime",
      ] { #expect(info["host"]?[member] != nil, "host.\(member)") }
      #expect(info["registries"] != nil && info["plugins"]?["volume"]?.strings == ["local"])
    }
  }
}
