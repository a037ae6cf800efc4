import CSys
import Glibc
import Sys
import TestKit
import Testing

/// `--userns` and explicit maps for root: layers keep their owners on disk and are seen through mapped mounts.
@Suite(.needs(.root), .needs(.installed)) struct UserNamespaceTests {
  private static let probe =
    "cat /proc/self/uid_map; stat -c %u:%g / /tmp/ofUser /etc/hosts; touch /new; stat -c %u /new"

  private func importImage(_ engine: TestEngine) throws {
    let rootfs = engine.scratch + "/busybox"
    try makeBusyboxRootfs(rootfs)
    try replaceFile(rootfs + "/tmp/ofUser", with: [], durable: false)
    try TestKit.run(["chown", "1000:1000", rootfs + "/tmp/ofUser"])
    try TestKit.run(["tar", "-C", rootfs, "-cf", engine.scratch + "/busybox.tar", "."])
    try engine.ok(
      "import", "--change", "CMD [\"sh\"]", "--change", "ENV PATH=/bin", engine.scratch + "/busybox.tar", "busybox")
  }
  private func words(_ text: String) -> [String] { text.split(whereSeparator: \.isWhitespace).map(String.init) }

  /// `berth create` on a machine whose account files give ids to `containers`; nothing else reads them.
  private func create(_ engine: TestEngine, _ count: Int = 1, _ arguments: String...) throws -> Outcome {
    try withAccounts(engine, [Installed.berth, "create"] + arguments, times: count)
  }
  private func withAccounts(_ engine: TestEngine, _ command: [String], times count: Int = 1) throws -> Outcome {
    let file = engine.scratch + "/subid"
    try replaceFile(file, with: Array("containers:2000000000:100000\n".utf8), mode: 0o644, durable: false)
    let script = """
      for file in subuid subgid; do mount --bind \(file) /etc/$file || exit 99; done
      for number in $(seq \(count)); do "$@" & all="$all $!"; done; for one in $all; do wait $one || exit 98; done
      """
    return try TestKit.run(
      engine.beside(["unshare", "-m", "bash", "-c", script, "bash"] + command),
      environment: engine.environment)
  }

  // covers PD-130, LP-04: shifted owners without a copy, also after a restart and in exec
  @Test func automaticIDs() throws {
    try withEngine { engine in
      try importImage(engine)
      let made = try create(
        engine, 1, "--name", "a", "--userns", "auto", "-v", "data:/tmp", "busybox", "sh", "-c",
        Self.probe + "; exec sleep 100")
      #expect(made.code == 0, "\(made)")
      for round in 1...2 {
        try engine.ok("start", "a")
        #expect(try eventually(10) { try words(engine.ok("logs", "a")).count == round * 7 })
        let said = Array(words(try engine.ok("logs", "a")).suffix(7))
        #expect(said == ["0", "2000000000", "2001", "0:0", "1000:1000", "0:0", "0"])
        #expect(try engine.ok("exec", "-u", "user", "a", "id", "-u") == "1000")
        try engine.ok("exec", "a", "touch", "/tmp/made")
        #expect(try status(engine.root + "/volumes/data/_data/made").st_uid == 2_000_000_000)
        #expect(try status(engine.root + "/volumes/data/_data/ofUser").st_uid == 2_000_001_000)
        try engine.ok("stop", "-t", "0", "a")
      }
      #expect(
        try engine.ok("inspect", "--format", "{{json .HostConfig.IDMappings}} {{.HostConfig.UsernsMode}}", "a")
          == "{\"UidMap\":[\"0:2000000000:2001\"],\"GidMap\":[\"0:2000000000:2001\"]} private")
      let layers = try entries(ofPath: engine.root + "/layers").map(\.name)
      for layer in layers {
        #expect(try entries(ofPath: "\(engine.root)/layers/\(layer)").map(\.name) == ["diff"], "no copy was made")
      }
    }
  }

  /// Copies of layers with shifted owners.
  private func copies(_ engine: TestEngine) throws -> [String] {
    let layers = try entries(ofPath: engine.root + "/layers").map { "\(engine.root)/layers/\($0.name)" }
    return try layers.flatMap { try entries(ofPath: $0).map(\.name) }.filter { $0.hasPrefix("shifted-") }
  }

  // covers PD-130: where the kernel maps no owners a copy is made; killed in the middle of it, nothing stays
  @Test(.needs(.program("strace"))) func aCopyThatIsKilled() throws {
    try withEngine { engine in
      try importImage(engine)
      try engine.ok("run", "--rm", "--network", "none", "busybox", "true")  // makes what all containers share
      let made = try create(engine, 2, "--userns", "auto", "busybox", "sh", "-c", Self.probe)
      #expect(made.code == 0 && made.lines.count == 2, "\(made)")
      func start(_ id: String, _ faults: [String]) throws -> Outcome {
        let trace = ["strace", "-o", "/dev/null", "-e", "trace=mount_setattr,renameat2"]
        let inject = (["mount_setattr:error=EINVAL"] + faults).flatMap { ["-e", "inject=\($0)"] }
        return try TestKit.run(
          engine.beside(trace + inject + [Installed.berth, "start", id]), environment: engine.environment)
      }
      let killed = try start(made.lines[0], ["renameat2:signal=KILL"])
      #expect(killed.code != 0)
      #expect(try copies(engine).map { $0.hasSuffix(".new") } == [true], "killed while it copied")
      try engine.ok("rm", made.lines[0])
      #expect(try copies(engine) == [])
      #expect(try start(made.lines[1], []).code == 0)
      #expect(
        try eventually(10) { try words(engine.ok("logs", made.lines[1])).suffix(3) == ["1000:1000", "0:0", "0"] })
      #expect(try copies(engine).count == 1)
      try engine.ok("rm", "-f", "-t", "0", made.lines[1])
      #expect(try copies(engine) == [])
    }
  }

  // covers PD-130: killed at any step, a command leaves neither ids that are taken nor copies of layers
  @Test(.needs(.program("strace")), arguments: ["create", "start", "rm"])
  func killedAtEveryStep(_ verb: String) throws {
    try withEngine { engine in
      try importImage(engine)
      try engine.ok("run", "--rm", "--network", "none", "busybox", "true")  // makes what all containers share
      // All ids that there are.
      let create = ["create", "--name", "k", "--network", "none", "--userns", "auto:size=100000", "busybox", "true"]
      let commands = ["create": create, "start": ["start", "-a", "k"], "rm": ["rm", "-f", "-t", "0", "k"]]
      let command = [Installed.berth] + (try #require(commands[verb]))
      let copying = ["mount_setattr": "EINVAL"]
      let strace = [
        "strace", "-o", "/dev/null", "-e", "trace=mount_setattr", "-e", "inject=mount_setattr:error=EINVAL",
      ]
      func attempt(_ options: [String]) throws -> Outcome {
        if verb != "create" { try accepted(try withAccounts(engine, [Installed.berth] + create)) }
        if verb == "rm" {
          let started = strace + [Installed.berth, "start", "-a", "k"]
          try accepted(try TestKit.run(engine.beside(started), environment: engine.environment))
        }
        return try withAccounts(engine, ["strace"] + options + command)
      }
      func accepted(_ outcome: Outcome) throws { #expect(outcome.code == 0, "\(outcome)") }
      let log = engine.scratch + "/trace"
      try accepted(try attempt(["-o", log, "-e", "inject=mount_setattr:error=EINVAL"]))
      try engine.ok("rm", "-f", "--ignore", "-t", "0", "k")
      let points = KillPoint.all(inTrace: try readText(log))
      #expect(points.count > 15, "\(points)")
      var killed = 0
      let done = try spread(points, seconds: 4) { point in
        if try attempt(point.options(copying)).code != 0 { killed += 1 }
        try engine.ok("ps", "-a")
        try engine.ok("rm", "-f", "--ignore", "-t", "0", "k")
        #expect(try copies(engine) == [], "\(point)")
        #expect(mountPoints(below: engine.runroot) == [], "\(point)")
        try accepted(try withAccounts(engine, [Installed.berth] + create))
        try engine.ok("rm", "k")
      }
      #expect(killed > done / 2, "\(killed) of \(done) were killed")
    }
  }

  // covers PD-130: no two containers have an id in common, and what is removed is given back
  @Test func automaticIDsOfManyContainers() throws {
    try withEngine { engine in
      try importImage(engine)
      let made = try create(engine, 20, "--userns", "auto:size=5000,uidmapping=7:70:1", "busybox")
      #expect(made.code == 0 && made.lines.count == 20, "\(made)")
      let format = "{{index .HostConfig.IDMappings.GidMap 0}}"
      let first = try made.lines.map { try engine.ok("inspect", "--format", format, $0).split(separator: ":")[1] }
      #expect(Set(first) == Set((0..<20).map { Substring("\(2_000_000_000 + $0 * 5000)") }))
      #expect(
        try engine.ok("inspect", "--format", "{{index .HostConfig.IDMappings.UidMap 1}}", made.lines[0]) == "7:70:1")
      let full = try create(engine, 1, "--userns", "auto:size=5000", "busybox")
      #expect(full.errorText.contains("no 5000 ids are free in /etc/subuid"), "\(full)")
      try engine.ok("rm", made.lines[3])
      let again = try create(engine, 1, "--userns", "auto:size=5000", "busybox")
      #expect(try engine.ok("inspect", "--format", format, again.trimmed).contains(first[3]))
    }
  }

  // covers PD-130, PD-135
  @Test func explicitMapsAndNamespacesOfOthers() throws {
    try withEngine { engine in
      try importImage(engine)
      let expected = ["0", "100000", "1500", "0:0", "1000:1000", "0:0", "0"]
      let map = "0:100000:1500"
      #expect(words(try engine.ok("run", "--rm", "--uidmap", map, "busybox", "sh", "-c", Self.probe)) == expected)
      try engine.ok("run", "-d", "--name", "first", "--gidmap", map, "busybox", "sleep", "100")
      let namespace = try engine.ok("exec", "first", "readlink", "/proc/self/ns/user")
      let pid = try engine.ok("inspect", "--format", "{{.State.Pid}}", "first")
      for mode in ["container:first", "ns:/proc/\(pid)/ns/user"] {
        let script = Self.probe + "; readlink /proc/self/ns/user"
        let said = words(try engine.ok("run", "--rm", "--userns", mode, "busybox", "sh", "-c", script))
        #expect(said == expected + [namespace], "\(mode)")
      }
      let work = try engine.ok(
        "run", "--rm", "--uidmap", map, "-u", "1000", "-w", "/w/x", "busybox", "sh", "-c", "stat -c %u:%g /w /w/x")
      #expect(words(work) == ["0:0", "1000:1000"])
      for more in [
        ["--network", "host"], ["--pid", "host"], ["--network", "none"], ["--read-only"], ["--privileged"],
      ] {
        let outcome = try engine.berth(["run", "--rm", "--uidmap", map] + more + ["busybox", "id", "-u"])
        #expect(outcome.code == 0 && outcome.trimmed == "0", "\(more): \(outcome)")
      }
    }
  }

  /// An OCI runtime that gives each container a createRuntime hook.
  private func runtime(_ engine: TestEngine, hook script: String) throws -> String {
    let path = engine.scratch + "/hooking/berth-runtime"
    let text = """
      #!/usr/bin/env python3
      import json, os, sys
      if "--bundle" in sys.argv:
          path = sys.argv[sys.argv.index("--bundle") + 1] + "/config.json"
          spec = json.load(open(path))
          spec["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", r\"\"\"\(script)\"\"\"]}]}
          json.dump(spec, open(path, "w"))
      os.execv("\(Installed.runtime)", ["berth-runtime"] + sys.argv[1:])
      """
    try makeDirectories(engine.scratch + "/hooking")
    try replaceFile(path, with: Array(text.utf8), mode: 0o755, durable: false)
    return path
  }

  // covers PD-130, PD-136: bridges are joined before the runtime starts; killed at any moment, nothing stays
  @Test(.needs(.program("python3"))) func theNetworkComesFirst() throws {
    try withEngine { engine in
      try importImage(engine)
      let seen = engine.scratch + "/seen"
      let hook =
        "pid=$(sed 's/.*\"pid\": *\\([0-9]*\\).*/\\1/'); PATH=/usr/sbin:/usr/bin:/sbin:/bin "
        + "nsenter -t $pid -n ip -o -4 addr show eth0 >\(seen)"
      let path = try runtime(engine, hook: hook)
      let sysctl = ["--sysctl", "net.ipv4.conf.eth0.rp_filter=2"]
      let script = "cat /proc/self/uid_map /proc/sys/net/ipv4/conf/eth0/rp_filter; ip -o -4 addr; exec sleep 1000"
      let made = try engine.berth(
        ["--runtime", path, "create", "--name", "a", "--uidmap", "0:100000:2000", "-p", "8080:80"] + sysctl
          + ["busybox", "sh", "-c", script])
      #expect(made.code == 0, "\(made)")
      for _ in 1...2 {
        try engine.ok("restart", "-t", "0", "a")
        let address = try engine.address(of: "a") + "/24"
        #expect(try readText(seen).contains(address))
        #expect(try eventually(10) { try engine.ok("logs", "a").contains(address) })
        #expect(try words(engine.ok("logs", "a")).prefix(4) == ["0", "100000", "2000", "2"])
        try unlink(seen)
      }
      let shared = try engine.berth(
        ["run", "--rm", "--userns", "container:a"] + sysctl
          + ["busybox", "sh", "-c", "cat /proc/self/uid_map /proc/sys/net/ipv4/conf/eth0/rp_filter; ip -o -4 addr"])
      #expect(shared.code == 0 && words(shared.text).prefix(4) == ["0", "100000", "2000", "2"], "\(shared)")
      #expect(shared.text.contains("eth0"), "\(shared)")
      for pause in 0..<10 {
        let child = try engine.startBerth(["start", "a"])
        usleep(UInt32(pause) * 6000)
        try? child.signal(SIGKILL)  // it may have ended already
        _ = try child.wait()
        try engine.ok("stop", "-t", "0", "--ignore", "a")
      }
      try engine.ok("rm", "-f", "-t", "0", "a")
      #expect(try eventually(10) { try engine.veths().isEmpty })
      #expect(try engine.elements(of: "any4") == "", "a port is left")
    }
  }

  // covers PD-130, LP-04, G.24
  @Test func whatCannotBeMappedIsRefusedByName() throws {
    try withEngine { engine in
      try importImage(engine)
      func refusal(_ arguments: String..., contains text: String) throws {
        let outcome = try engine.berth(["run", "--rm"] + arguments)
        #expect(outcome.code == 125 && outcome.errorText.contains(text), "\(outcome)")
      }
      try refusal("--userns", "keep-id", "busybox", "true", contains: "cannot use userns=keep-id in rootful mode")
      try refusal("--userns", "nomap", "busybox", "true", contains: "userns=nomap in rootful mode")
      try refusal("--uidmap", "0:1:9", "-u", "1000", "busybox", "true", contains: "user 1000 has no mapping")
      try refusal("--uidmap", "0:1:9", "--uidmap", "5:80:9", "busybox", "true", contains: "id 5 is in two ranges")
      try refusal(
        "--userns", "auto", "--uidmap", "0:1:9", "busybox", "true", contains: "--userns auto does not go with")
      try refusal("--subuidname", "nobody-of-that-name", "busybox", "true", contains: "nobody-of-that-name")
      let other = "ns:/proc/self/ns/mnt"
      try refusal("--userns", other, "busybox", "true", contains: "/proc/self/ns/mnt: Invalid argument")
      try refusal("--userns", "container:none", "busybox", "true", contains: "none")
      let groups = try engine.berth("run", "--rm", "--uidmap", "0:1:9", "--group-add", "3000", "busybox", "id", "-G")
      #expect(groups.code == 0 && groups.trimmed == "0", "\(groups)")
      #expect(groups.errorText.contains("group 3000 has no mapping"), "\(groups)")
    }
  }
}
