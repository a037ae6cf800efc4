import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// Clauses of the capability lines that other tests of the runtime pass by: corners, contradictions, and errors.
@Suite(.needs(.root), .needs(.installed), .needs(.program("busybox"))) struct RuntimeClauseTests {
  private static let mapped: [(String, JSON)] = [
    ("linux.namespaces+", ["type": "user"]),
    ("linux.uidMappings", [["containerID": 0, "hostID": 100000, "size": 65534]]),
    ("linux.gidMappings", [["containerID": 0, "hostID": 100000, "size": 65534]]),
  ]
  private func refuses(
    _ bundle: RuntimeBundle, _ changes: [(String, JSON)], _ words: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let outcome = try bundle.shell("true", changes)
    #expect(outcome.code == 1 && outcome.errorText.contains(words), "\(outcome)", sourceLocation: sourceLocation)
    #expect(try bundle.runtime("list", "-q").text.isEmpty, sourceLocation: sourceLocation)
  }
  private func hook(_ script: String) -> JSON { [["path": "/bin/sh", "args": ["sh", "-c", .string(script)]]] }

  /// covers LX-14: whose they are, that nothing is rewritten, and what lies there instead
  @Test func stateDirectory() throws {
    try withBundle { bundle in
      try bundle.configure([("process.args", ["sleep", "1000"])])
      try bundle.ok("create", "-b", bundle.path, "c")
      let (state, copy) = (bundle.state + "/c/state.json", bundle.state + "/c/config.json")
      let modes = try [bundle.state + "/c", state, copy].map { try status($0).st_mode & 0o777 }
      #expect(modes == [0o700, 0o600, 0o600])
      let before = [try readText(state), try readText(copy)]
      try bundle.configure([("process.args", ["false"])])
      try bundle.ok("start", "c")
      try bundle.ok("update", "--pids-limit", "50", "c")
      try bundle.ok("pause", "c")
      try bundle.ok("resume", "c")
      let after = [try readText(state), try readText(copy)]
      #expect(after == before)
      #expect(try bundle.status() == "running")

      try replaceFile(bundle.state + "/file", with: [], durable: false)
      let taken = try bundle.runtime("create", "-b", bundle.path, "file")
      #expect(taken.code == 1 && taken.errorText.contains("container already exists"), "\(taken)")
      #expect(try bundle.ok("list", "-q") == "c")
      try unlink(bundle.state + "/file")
      try makeDirectories(bundle.state + "/damaged")
      try replaceFile(bundle.state + "/damaged/state.json", with: Array("{".utf8), durable: false)
      for command in ["state", "start", "kill", "delete"] {
        let outcome = try bundle.runtime(command, "damaged")
        #expect(outcome.code == 1 && outcome.errorText.contains("the state of damaged is damaged"), "\(outcome)")
      }
      try bundle.ok("delete", "--force", "damaged")
    }
  }

  /// covers LX-17, LX-42, LX-45: while a container is being made nobody else may have it; a killed runtime lets it go
  @Test func beingCreated() throws {
    try withBundle { bundle in
      let sign = bundle.scratch + "/sign"
      try bundle.configure([("hooks.createRuntime", hook("touch \(sign); sleep 1"))])
      let create = [Installed.runtime, "--root", bundle.state, "create", "-b", bundle.path, "c"]
      var making = try TestKit.start(create)
      #expect(eventually { exists(sign) })
      for command in ["state", "start", "kill", "pause", "delete"] {
        let outcome = try bundle.runtime(command, "c")
        #expect(outcome.code == 1 && outcome.errorText.contains("container c is being created"), "\(outcome)")
      }
      #expect(try making.wait() == .exited(code: 0))
      #expect(try bundle.status() == "created")
      try bundle.ok("delete", "--force", "c")

      try unlink(sign)
      making = try TestKit.start(create)
      #expect(eventually { exists(sign) })
      try making.signal(SIGKILL)
      _ = try making.wait()
      #expect(try bundle.runtime("state", "c").errorText.contains("container does not exist: c"))
      try bundle.ok("delete", "c")
    }
  }

  /// covers LX-17: an init that dies on the way
  @Test func initThatDiesWhileItIsMade() throws {
    try withBundle { bundle in
      let script = #"kill -9 $(sed 's/.*"pid":\([0-9]*\).*/\1/')"#
      try refuses(bundle, [("hooks.createRuntime", hook(script))], "ended unexpectedly while it was set up")
      #expect(bundle.cgroups("c").isEmpty)
    }
  }

  /// covers LX-20, LX-23: what the specification mounts below a read-only path keeps its own options
  @Test func mountsBelowReadOnlyPaths() throws {
    try withBundle { bundle in
      let inner: JSON = ["destination": "/w/sub", "type": "tmpfs", "source": "t"]
      let outcome = try bundle.shell(
        "touch /w/sub/x && echo below; touch /w/x",
        [("root.readonly", false), ("linux.readonlyPaths", ["/w"]), ("mounts+", inner)])
      #expect(outcome.code == 1 && outcome.lines == ["below"], "\(outcome)")
    }
  }

  /// covers LX-22, LX-23: links are followed within the root; pipes are hidden, too
  @Test func hiddenAndProtectedThroughLinks() throws {
    try withBundle { bundle in
      try makeDirectories(bundle.rootfs + "/m/dir")
      try replaceFile(bundle.rootfs + "/m/dir/in", with: Array("secret\n".utf8), durable: false)
      try replaceFile(bundle.rootfs + "/m/file", with: Array("secret\n".utf8), durable: false)
      #expect(symlink("/m/dir", bundle.rootfs + "/m/ldir") == 0 && symlink("nowhere", bundle.rootfs + "/m/gone") == 0)
      #expect(mkfifo(bundle.rootfs + "/m/pipe", 0o600) == 0)
      let outcome = try bundle.shell(
        "ls /m/dir; cat /m/file; stat -c %F /m/pipe; touch /etc/x",
        [
          ("root.readonly", false), ("linux.readonlyPaths", ["/etc", "/none"]),
          ("linux.maskedPaths", ["/m/ldir", "/m/../m/file", "/m/pipe", "/m/gone", "/none", "/m/file/none"]),
        ])
      #expect(outcome.lines == ["character special file"] && outcome.code == 1, "\(outcome)")
      #expect(outcome.errorText.contains("/etc/x: Read-only file system"), "\(outcome)")
    }
  }

  /// covers LX-24, LX-26: listed devices come before the default ones; a /dev that is bound stays as it is
  @Test func defaultDevices() throws {
    try withBundle { bundle in
      let null: JSON = ["path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o640, "gid": 6]
      let show = "stat -c '%n %a %u %g %t %T' /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty"
      let allowed = "grep -c 'c 10:200 rwm' /sys/fs/cgroup/devices/devices.list"
      let outcome = try bundle.shell(
        "\(show); readlink /dev/ptmx; test ! -e /sys/fs/cgroup/devices || \(allowed)", [("linux.devices", [null])])
      let own = [
        "/dev/null 640 0 6 1 3", "/dev/zero 666 0 0 1 5", "/dev/full 666 0 0 1 7", "/dev/random 666 0 0 1 8",
        "/dev/urandom 666 0 0 1 9", "/dev/tty 666 0 0 5 0", "pts/ptmx",
      ]
      #expect(outcome.lines == own || outcome.lines == own + ["1"], "\(outcome)")
      try makeDirectories(bundle.scratch + "/dev")
      let bound = try bundle.shell("ls /dev", [("mounts", [bundle.bind(bundle.scratch + "/dev", "/dev").1])])
      #expect(bound.code == 0 && bound.text.isEmpty, "\(bound)")
    }
  }

  /// covers LX-25, LX-27, LX-30, LX-34: what contradicts itself, or names what cannot be
  @Test func impossibleValues() throws {
    try withBundle { bundle in
      let device: JSON = ["path": "/dev/x", "type": "c", "major": -1, "minor": 3]
      try refuses(bundle, [("linux.devices", [device])], "device /dev/x has no number -1:3")
      let rule: JSON = ["names": ["mkdir"], "action": "SCMP_ACT_ERRNO", "errnoRet": 70000]
      let profile: JSON = ["defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]]
      try refuses(bundle, [("linux.seccomp", profile)], "seccomp errnoRet 70000")
      try refuses(bundle, [("linux.sysctl", ["kernel.hostname": "x"])], "contradicts the field hostname")
      for user in [["uid": 4_294_967_295], ["gid": 4_294_967_295], ["additionalGids": [4_294_967_295]]] as [JSON] {
        try refuses(bundle, [("process.user", user)], "4294967295 is no user or group ID")
      }
      try refuses(bundle, [("process.execCPUAffinity.initial", "x")], "execCPUAffinity \"x\" is no list of processors")
      let priority: JSON = ["class": "IOPRIO_CLASS_BE", "priority": 9]
      try refuses(bundle, [("process.ioPriority", priority)], "ioPriority.priority 9 is not one of 0 to 7")
      if !exists("/sys/fs/selinux/enforce") {
        try refuses(bundle, [("linux.mountLabel", "a:b:c:d")], "a:b:c:d is wanted for mounts, but this kernel has no")
      }
      try refuses(bundle, [Self.mapped[0], Self.mapped[1]], "needs uidMappings and gidMappings")
      try refuses(bundle, Self.mapped + [("process.user", ["uid": 70000])], "set user 70000:0")
      try bundle.startSleeper()
      let nobody = try bundle.runtime("exec", "--user", "4294967295", "c", "id")
      #expect(nobody.code == 1 && nobody.errorText.contains("4294967295 is no user"), "\(nobody)")
    }
  }

  /// covers LX-29: what cannot be granted is left out, and told. Source: config.md, "Capabilities"
  @Test func capabilitiesThatCannotBeGranted() throws {
    try withBundle { bundle in
      let sets: JSON = [
        "bounding": ["CAP_KILL", "CAP_CHOWN"], "effective": ["CAP_KILL", "CAP_CHOWN"], "permitted": ["CAP_KILL"],
      ]
      let outcome = try bundle.shell("grep CapEff /proc/self/status", [("process.capabilities", sets)])
      #expect(outcome.code == 0 && outcome.trimmed.hasSuffix("0000000000000020"), "\(outcome)")
      #expect(outcome.errorText.contains("can't grant capability CAP_CHOWN"), "\(outcome)")
      #expect(!outcome.errorText.contains("CAP_KILL"), "\(outcome)")
    }
  }

  /// covers LX-39: what hooks have set up before a failure ends by the last ones, which all run, in the bundle
  @Test func lastHooksAfterAFailure() throws {
    try withBundle { bundle in
      let out = bundle.scratch + "/out"
      let last: JSON = [
        ["path": "/bin/sh", "args": ["sh", "-c", .string("cat >>\(out); pwd >>\(out); exit 1")]],
        ["path": "/bin/sh", "args": ["sh", "-c", .string("echo second >>\(out)")]],
      ]
      for kind in ["prestart", "createRuntime", "createContainer"] {
        let outcome = try bundle.shell(
          "true", [("hooks", .object(.init([(kind, hook("exit 3")), ("poststop", last)])))])
        #expect(outcome.code == 1 && outcome.errorText.contains("error running \(kind) hook #0"), "\(outcome)")
        let text = try readText(out)
        #expect(text.contains(#""status":"stopped""#) && text.hasSuffix("\(bundle.path)\nsecond\n"), "\(kind): \(text)")
        try unlink(out)
      }
      // Nothing was begun: nothing ends.
      try refuses(bundle, [("hooks.poststop", last), ("process.user", ["uid": 4_294_967_295])], "no user")
      #expect(!exists(out))
    }
  }

  /// covers LX-39: the state that each hook reads; after "create" comes prestart, as the validation program wants it
  @Test func statesOfTheHooks() throws {
    try withBundle { bundle in
      let out = bundle.scratch + "/out"
      let kinds = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"]
      let print = hook("tr ',' '\\n' | grep status >>\(out)")
      let hooks = JSON.Object(kinds.map { ($0, print) })
      #expect(try bundle.shell("sleep 0.1", [("hooks", .object(hooks))]).code == 0)
      let states = ["created", "creating", "creating", "running", "stopped"]
      let seen = try readText(out).split(separator: "\n").map { String($0) }
      #expect(seen == states.map { "\"status\":\"\($0)\"" })
    }
  }

  /// covers LX-40: what is twice is there once, what is odd stays as it is; HOME from whatever passwd is
  @Test func environmentAndHome() throws {
    try withBundle { bundle in
      let odd: JSON = ["A=1", "PATH=/bin", "A=2", "B", "=x", "HOME=", "C=a=b"]
      let outcome = try bundle.shell("true", [("process.env", odd), ("process.args", ["/bin/env"])])
      #expect(Set(outcome.lines) == ["A=2", "PATH=/bin", "B", "=x", "C=a=b", "HOME=/root"], "\(outcome)")
      let passwd = bundle.rootfs + "/etc/passwd"
      try unlink(passwd)
      for make in [
        "true", "mkdir \(passwd)", "rmdir \(passwd); mkfifo \(passwd)", "rm \(passwd); ln -s /x/y \(passwd)",
      ] {
        try TestKit.run(["sh", "-c", make])
        let home = try bundle.shell("echo $HOME")
        #expect(home.code == 0 && home.trimmed == "/", "\(make): \(home)")
      }
    }
  }

  /// covers LX-07: what the log cannot take is told on standard error
  @Test func logThatCannotBeWritten() throws {
    try withBundle { bundle in
      try bundle.configure([("process.args", ["true"]), ("process.capabilities.bounding", ["CAP_NONE"])])
      let outcome = try bundle.runtime("--log", "/proc/none/log", "run", "-b", bundle.path, "c")
      #expect(outcome.code == 0 && outcome.errorText.contains("ignoring unknown capability CAP_NONE"), "\(outcome)")
    }
  }

  /// covers LX-04, LX-12: a configuration of another name, as crun's users have it; flags that keep and hand over
  @Test func flagsOfCreateAndRun() throws {
    try withBundle { bundle in
      // Names of keyrings: an ended container's may still be there.
      let show = "readlink /proc/self/fd/3; for id in keys bare; do grep -c _ses.$id: /proc/keys; done; true"
      try bundle.configure([("process.args", ["sh", "-c", .string(show)]), ("linux.maskedPaths", [])])
      let other = bundle.scratch + "/other.json"
      try TestKit.run(["mv", bundle.path + "/config.json", other])
      let plain = try bundle.runtime("run", "--keep", "--bundle", bundle.path, "--config", other, "keys")
      #expect(plain.code == 0 && plain.lines.count == 2 && plain.lines.first != "0", "\(plain)")
      #expect(try bundle.status("keys") == "stopped")
      try bundle.ok("delete", "keys")
      let script =
        "exec 3</dev/zero; exec \"$0\" --root \(bundle.state) run --no-new-keyring --preserve-fds 1 \"$@\" bare"
      let handed = try TestKit.run(["bash", "-c", script, Installed.runtime, "-b", bundle.path, "-f", other])
      #expect(handed.lines.first == "/dev/zero" && handed.lines.last == "0", "\(handed)")
      let missing = try bundle.runtime("create", "-b", bundle.path, "-f", "/no/such.json", "c")
      #expect(missing.code == 1 && missing.errorText.contains("/no/such.json"), "\(missing)")
      try bundle.ok("spec", "-b", bundle.path, "--file", "mine.json")
      #expect(exists(bundle.path + "/mine.json") && !exists(bundle.path + "/config.json"))
    }
  }

  /// covers LX-46: a paused container, and groups beside those of the process
  @Test func flagsOfExec() throws {
    try withBundle { bundle in
      try bundle.startSleeper("c", [("process.user", ["uid": 0, "gid": 0, "additionalGids": [3]])])
      #expect(try bundle.ok("exec", "-g", "7", "--additional-gids", "8", "c", "id", "-G") == "0 3 7 8")
      try bundle.ok("pause", "c")
      let refused = try bundle.runtime("exec", "c", "true")
      #expect(refused.code == 1 && refused.errorText.contains("--ignore-paused"), "\(refused)")
      let inside = try TestKit.start([
        Installed.runtime, "--root", bundle.state, "exec", "--ignore-paused", "c", "true",
      ])
      usleep(100_000)
      try bundle.ok("resume", "c")
      #expect(try inside.wait() == .exited(code: 0))
      let label = try bundle.runtime("exec", "--process-label", "a:b:c:d", "c", "true")
      if !exists("/sys/fs/selinux/enforce") {
        #expect(label.code == 1 && label.errorText.contains("this kernel has no SELinux"), "\(label)")
      }
    }
  }

  /// covers LX-37: limits that no kernel has any more are told
  @Test func kernelMemory() throws {
    try withBundle { bundle in
      let outcome = try bundle.shell("true", [("linux.resources.memory", ["limit": 64_000_000, "kernel": 10_000_000])])
      #expect(outcome.code == 0 && outcome.errorText.contains("kernel memory limits are ignored"), "\(outcome)")
    }
  }

  /// covers LX-20, LX-27, LX-28: owners of a new filesystem mapped; words that change nothing here, and are no error
  @Test func wordsThatHoldWithoutTheirFeature() throws {
    try withBundle { bundle in
      let maps: JSON = [["containerID": 0, "hostID": 5000, "size": 2000]]
      let mount: JSON = [
        "destination": "/m", "type": "tmpfs", "source": "t", "options": ["idmap"], "uidMappings": maps,
        "gidMappings": maps,
      ]
      #expect(try bundle.shell("stat -c '%u %g' /m", [("mounts+", mount)]).trimmed == "5000 5000")
      let profile: JSON = [
        "defaultAction": "SCMP_ACT_ALLOW", "flags": ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
        "syscalls": [["names": ["chroot"], "action": "SCMP_ACT_ERRNO"]],
      ]
      let outcome = try bundle.shell(
        "grep Seccomp: /proc/self/status",
        [("linux.seccomp", profile), ("process.apparmorProfile", "unconfined")])
      #expect(outcome.code == 0 && outcome.trimmed.hasSuffix("2"), "\(outcome)")
    }
  }
}
