import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// What config.md and config-linux.md ask for and a container can see.
@Suite(.needs(.root), .needs(.installed), .needs(.program("busybox"))) struct RuntimeSpecificationTests {
  private static let mapped: [(String, JSON)] = [
    ("linux.namespaces+", ["type": "user"]),
    ("linux.uidMappings", [["containerID": 0, "hostID": 100000, "size": 65534]]),
    ("linux.gidMappings", [["containerID": 0, "hostID": 100000, "size": 65534]]),
  ]

  @Test func memoryPolicyOfTheProcessAndOfAnExec() throws {
    try withBundle { bundle in
      try bundle.startSleeper("c", [("linux.memoryPolicy", ["mode": "MPOL_INTERLEAVE", "nodes": "0"])])
      let text = try bundle.ok(
        "exec", "c", "sh", "-c", "cut -d ' ' -f 2 /proc/1/numa_maps | head -1; head -1 /proc/self/numa_maps")
      #expect(text.split(separator: "\n").allSatisfy { $0.contains("interleave:0") }, "\(text)")
      let wrong = try bundle.shell("true", id: "d", [("linux.memoryPolicy", ["nodes": "0"])])
      #expect(wrong.code == 1 && wrong.errorText.contains("invalid memory policy mode"), "\(wrong)")
    }
  }

  /// Moved with its address and its new name; gone with the namespace. Done in a network namespace of our own.
  @Test(.needs(.program("ip"))) func networkDevicesMove() throws {
    try withBundle { bundle in
      try bundle.configure([
        ("process.args", ["ip", "addr", "show", "dev", "inside0"]),
        ("linux.netDevices", ["outside0": ["name": "inside0"]]),
      ])
      let script = """
        ip link add outside0 type veth peer name peer0 && ip addr add 169.254.169.77/32 dev outside0 &&
        ip link set outside0 mtu 1400 && "$0" --root "$1" run -b "$2" c && ! ip link show outside0 2>/dev/null
        """
      let outcome = try TestKit.run(
        ["unshare", "--net", "sh", "-c", script, Installed.runtime, bundle.state, bundle.path])
      #expect(outcome.code == 0, "\(outcome)")
      #expect(outcome.text.contains("inet 169.254.169.77/32") && outcome.text.contains("mtu 1400"), "\(outcome)")
      #expect(outcome.text.contains("inside0") && outcome.text.contains("UP"), "\(outcome)")
      let missing = try bundle.shell("true", [("linux.netDevices", ["berth-none": .object(.init([]))])])
      #expect(missing.code == 1 && missing.errorText.contains("network device berth-none"), "\(missing)")
    }
  }

  @Test func rdtIsRefusedByName() throws {
    try withBundle { bundle in
      let refused = try bundle.shell("true", [("linux.intelRdt", ["l3CacheSchema": "L3:0=f"])])
      #expect(refused.code == 1 && refused.errorText.contains("resctrl"), "\(refused)")
    }
  }

  /// covers LX-39
  @Test func hooksSayWhichOfThemFailed() throws {
    try withBundle { bundle in
      let pair: JSON = [["path": "/bin/true"], ["path": "/bin/false"]]
      for kind in ["prestart", "createRuntime", "createContainer", "startContainer", "poststart"] {
        let outcome = try bundle.shell("sleep 1", id: kind, [("hooks", .object(.init([(kind, pair)])))])
        #expect(
          outcome.code == 1 && outcome.errorText.contains("error running \(kind) hook #1: /bin/false"), "\(outcome)")
      }
      let print: JSON = [["path": "/bin/sh", "args": ["sh", "-c", "test $ONE = two && test $HOME = /root"]]]
      let changes: [(String, JSON)] = [
        ("hooks.startContainer", print), ("process.env", ["ONE=two", "PATH=/bin"]),
        (
          "hooks.createContainer",
          [["path": "/bin/sh", "args": ["sh", "-c", "test -d ./bin && test ! -d ./berth-none"]]]
        ),
      ]
      #expect(try bundle.shell("true", changes).code == 0)
    }
  }

  /// covers LX-20, LX-21: a root's host path in front, sources within the root, mapped owners in a user namespace
  @Test func mountsThatBuildOnEachOther() throws {
    try withBundle { bundle in
      let source = bundle.scratch + "/source"
      try makeDirectories(source + "/sub")
      try replaceFile(source + "/sub/f", with: Array("deep\n".utf8), durable: false)
      let map: JSON = [["containerID": 0, "hostID": 100000, "size": 65534]]
      let again: JSON = [
        "destination": .string(bundle.rootfs + "/second"), "type": "bind",
        "source": .string(bundle.rootfs + "/first/sub"),
        "options": ["bind"], "uidMappings": map, "gidMappings": map,
      ]
      let changes = [bundle.bind(source, "/first"), ("mounts+", again)]
      let plain = try bundle.shell("cat /second/f; stat -c %u /first/sub/f /second/f", changes)
      #expect(plain.lines == ["deep", "0", "100000"], "\(plain)")
      let inUserNamespace = try bundle.shell("cat /second/f; stat -c %u /second/f", Self.mapped + changes)
      #expect(inUserNamespace.lines == ["deep", "0"], "\(inUserNamespace)")
    }
  }

  /// covers LX-20, LX-32: mappings that are not said are those of the user namespace that is joined
  @Test func idmappedMountInAJoinedNamespace() throws {
    try withBundle { bundle in
      try bundle.startSleeper("first", Self.mapped)
      let pid = try JSON.parse(try bundle.runtime("state", "first").text)["pid"]?.integer(Int.self) ?? 0
      let source = bundle.scratch + "/source"
      try makeDirectories(source)
      try replaceFile(source + "/f", with: [], durable: false)
      try makeDirectories(bundle.rootfs + "/mnt")  // the joined root may make nothing there
      let joined: JSON = ["type": "user", "path": .string("/proc/\(pid)/ns/user")]
      let outcome = try bundle.shell(
        "stat -c '%u %g' /mnt/f", [("linux.namespaces+", joined), bundle.bind(source, "/mnt", "idmap")])
      #expect(outcome.trimmed == "0 0", "\(outcome)")
    }
  }

  /// covers LX-27: the agent gets the descriptor even where it shall hear of the call that usually carries it
  @Test(arguments: ["mknod", "sendmsg"]) func seccompNotification(_ call: String) throws {
    try withBundle { bundle in
      let path = bundle.scratch + "/agent"
      let listener = try listenUnix(path, type: CInt(SOCK_STREAM.rawValue))
      let profile: JSON = [
        "defaultAction": "SCMP_ACT_ALLOW", "listenerPath": .string(path), "listenerMetadata": "m",
        "syscalls": [["names": [.string(call)], "action": "SCMP_ACT_NOTIFY"]],
      ]
      #expect(try bundle.shell("true", [("linux.seccomp", profile)]).code == 0)
      let got = try receive(try accept(listener), bytesMax: 1 << 16, descriptorsMax: 1)
      for descriptor in got.descriptors { _ = csys_close(descriptor) }
      #expect(got.descriptors.count == 1)
      #expect(try JSON.parse(got.bytes)["metadata"]?.string == "m")
    }
  }

  /// covers LX-27: what no agent could ever answer
  @Test func impossibleNotifications() throws {
    try withBundle { bundle in
      let both: JSON = [["names": ["sendmsg", "sendmmsg"], "action": "SCMP_ACT_NOTIFY"]]
      for (action, rules) in [("SCMP_ACT_NOTIFY", []), ("SCMP_ACT_ALLOW", both)] as [(String, JSON)] {
        let profile: JSON = ["defaultAction": .string(action), "listenerPath": "/x", "syscalls": rules]
        let outcome = try bundle.shell("true", [("linux.seccomp", profile)])
        #expect(outcome.code == 1 && outcome.errorText.contains("SCMP_ACT_NOTIFY cannot be used"), "\(outcome)")
      }
    }
  }

  /// covers LX-20: a bind has the attributes that its options name, or its source's where they name none
  @Test func attributesOfABind() throws {
    try withBundle { bundle in
      let source = bundle.scratch + "/source"
      try makeDirectories(source)
      let mount = "mount -t tmpfs t \(source) && mount -o remount,bind,noexec,nodev,nosymfollow \(source)"
      func shown(_ changes: [(String, JSON)]) throws -> [String] {
        try bundle.configure([("process.args", ["grep", " /m ", "/proc/self/mountinfo"])] + changes)
        let script = "\(mount) && exec \"$0\" --root \"$1\" run -b \"$2\" c"
        let outcome = try TestKit.run(
          ["unshare", "--mount", "sh", "-c", script, Installed.runtime, bundle.state, bundle.path])
        let fields = outcome.text.split(separator: " ")
        try #require(fields.count > 5, "\(outcome)")
        return fields[5].split(separator: ",").map(String.init)
      }
      let inherited = try shown([bundle.bind(source, "/m")])
      #expect(inherited.contains("noexec") && inherited.contains("nodev") && inherited.contains("nosymfollow"))
      #expect(try shown([bundle.bind(source, "/m", "ro", "nodev")]) == ["ro", "nodev", "relatime"])
      let locked = try shown(Self.mapped + [bundle.bind(source, "/m", "ro")])
      #expect(locked.contains("noexec") && locked.contains("nodev") && !locked.contains("nosymfollow"), "\(locked)")
    }
  }

  /// covers LX-20: a read-only /dev still gets its console
  @Test func readOnlyDevAndTerminal() throws {
    try withBundle { bundle in
      let dev: JSON = [["destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["ro", "mode=755"]]]
      let rest = try JSON.parse(try readFile(bundle.path + "/config.json"))["mounts"]?.array ?? []
      let mounts = (dev.array ?? []) + rest.filter { $0["destination"]?.string != "/dev" }
      let outcome = try bundle.shell(
        "touch /dev/x; test -c /dev/console && echo there",
        [("process.terminal", true), ("mounts", .array([rest[0]] + mounts.filter { $0 != rest[0] }))])
      #expect(outcome.text.contains("Read-only") && outcome.lines.last == "there", "\(outcome)")
    }
  }

  /// covers LX-32: in the host's mount namespace the root's mounts go with the container
  @Test func withoutAMountNamespaceNothingStays() throws {
    try withBundle { bundle in
      let before = mountPoints(below: bundle.path)  // others mount elsewhere at the same time
      let namespaces: JSON = [["type": "pid"], ["type": "ipc"], ["type": "uts"], ["type": "network"]]
      let changes: [(String, JSON)] = [
        ("linux.namespaces", namespaces), ("linux.maskedPaths", []), ("linux.readonlyPaths", []),
      ]
      let outcome = try bundle.shell("ls /proc/1/status && touch /x", changes)
      #expect(outcome.code == 1 && outcome.text == "/proc/1/status\n", "\(outcome)")
      #expect(mountPoints(below: bundle.path) == before)
      let failed = try bundle.shell("true", id: "d", changes + [("process.args", ["/no/such/command"])])
      #expect(failed.code == 127)
      #expect(mountPoints(below: bundle.path) == before)
      let hides = try bundle.shell("true", id: "e", [("linux.namespaces", namespaces)])
      #expect(hides.code == 1 && hides.errorText.contains("need a mount namespace"), "\(hides)")
    }
  }

  /// The host's procfs stays reachable for no_pivot's container: no other procfs may be mounted inside by it.
  @Test func noPivotHidesTheHostsProc() throws {
    try withBundle { bundle in
      try bundle.configure([
        ("process.args", ["unshare", "-mrpf", "sh", "-c", "mount -t proc none /proc && ls /proc/sysrq-trigger"]),
        ("process.capabilities.bounding+", "CAP_SETFCAP"), ("process.capabilities.permitted+", "CAP_SETFCAP"),
      ])
      let outcome = try bundle.runtime("run", "--no-pivot", "-b", bundle.path, "c")
      #expect(outcome.code == 1 && outcome.errorText.contains("permission denied"), "\(outcome)")
    }
  }

  /// covers LX-29
  @Test func ambientCapabilitiesThatTheKernelRefusesAreWarnedOf() throws {
    try withBundle { bundle in
      let outcome = try bundle.shell(
        "grep CapAmb /proc/self/status",
        [
          ("process.capabilities.inheritable", ["CAP_KILL"]),
          ("process.capabilities.ambient", ["CAP_KILL", "CAP_CHOWN"]),
        ])
      #expect(outcome.text == "CapAmb:\t0000000000000020\n", "\(outcome)")
      #expect(outcome.errorText.contains("can't raise ambient capability CAP_CHOWN"), "\(outcome)")
    }
  }

  /// The runtime's own processors are not the container's.
  @Test(.needs(.program("taskset"))) func affinityIsReset() throws {
    try withBundle { bundle in
      let all = try TestKit.run(["grep", "Cpus_allowed_list", "/proc/self/status"]).text
      try bundle.configure([("process.args", ["grep", "Cpus_allowed_list", "/proc/self/status"])])
      let outcome = try TestKit.run(
        ["taskset", "-c", "0", Installed.runtime, "--root", bundle.state, "run", "-b", bundle.path, "c"])
      #expect(outcome.text == all, "\(outcome)")
      try bundle.startSleeper("d", [("process.execCPUAffinity", ["initial": "0", "final": "0"])])
      let exec = try bundle.ok("exec", "d", "grep", "Cpus_allowed_list", "/proc/self/status")
      #expect(exec == "Cpus_allowed_list:\t0")
    }
  }
}
