import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// More clauses of capability lines: what happens while something else does, and what listings and removals say.
@Suite(.needs(.root), .needs(.installed), .serialized) struct CapabilityCornerTests {
  // covers PD-43: others work while a stop waits; without a PID namespace every process gets the signal
  @Test func stopping() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let deaf = ["sh", "-c", "trap '' TERM; touch /ready; while :; do sleep 0.1; done"]
      _ = try engine.ok2(["run", "-d", "--name", "deaf", "busybox"] + deaf)
      #expect(try eventually { try engine.berth("exec", "deaf", "test", "-e", "/ready").code == 0 })
      let stop = try engine.startBerth(["stop", "-t", "4", "deaf"])
      #expect(try eventually(3) { try engine.ok("ps", "--format", "{{.Status}}") == "Stopping" })
      #expect(try engine.berth("inspect", "deaf", seconds: 2).code == 0)
      #expect(try stop.wait() == .exited(code: 0))
      #expect(try engine.ok("inspect", "-f", "{{.State.ExitCode}}", "deaf") == "137")
      let mark = "100\(getpid())"
      try engine.ok(
        "run", "-d", "--name", "h", "--pid", "host", "busybox", "sh", "-c", "sleep \(mark) & exec sleep \(mark)")
      #expect(eventually { processes(mentioning: "sleep\0\(mark)").count == 2 })
      try engine.ok("stop", "-t", "5", "h")
      #expect(eventually { processes(mentioning: "sleep\0\(mark)").isEmpty })
      try engine.ok("create", "--name", "never", "busybox", "true")
      expect(try engine.berth("stop", "never"), "can only stop created or running containers")
    }
  }

  // covers PD-47, PD-49: a wait for what is removed ends; a cleanup leaves what runs alone
  @Test func waitingAndCleanup() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("create", "--name", "c", "busybox", "true")
      let errors = try temporaryFile()
      let wait = try engine.startBerth(["wait", "c"], errors: errors.borrowed)
      usleep(200_000)
      try engine.ok("rm", "c")
      #expect(try wait.wait() == .exited(code: 125))
      #expect(String(decoding: try rewound(errors), as: UTF8.self).contains("was removed while waiting for it"))
      try engine.ok("run", "-d", "--name", "r", "busybox", "sleep", "1000")
      expect(try engine.berth("container", "cleanup", "r"), "r is still running")
      try engine.ok("pause", "r")
      expect(try engine.berth("container", "cleanup", "--latest"), "r is still paused")
      try engine.ok("unpause", "r")
      try engine.ok("kill", "r")
      #expect(try engine.ok("wait", "r") == "137")
      try engine.ok("container", "cleanup", "--all")
      try engine.ok("init", "r")
      try engine.ok("container", "cleanup", "r")
      #expect(try engine.ok("inspect", "-f", "{{.State.Status}}", "r") == "exited")
      #expect(try entries(ofPath: engine.runroot + "/containers").isEmpty)
    }
  }

  // covers PD-50, PD-52, PD-55: exec sessions go with their container; a prune tells what it did and did not
  @Test func removals() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "-d", "--name", "x", "busybox", "sleep", "1000")
      let session = try engine.ok("exec", "-d", "x", "sleep", "1000")
      #expect(try engine.ok("inspect", "-f", "{{json .ExecIDs}}", "x") == "[\"\(session)\"]")
      try engine.ok("rm", "-f", "x")
      try engine.ok("run", "-d", "--name", "base", "busybox", "sleep", "1000")
      try engine.ok("run", "-d", "--name", "user", "--network", "container:base", "busybox", "sleep", "1000")
      try engine.ok("stop", "-t", "0", "base")
      try engine.ok("run", "--name", "big", "busybox", "sh", "-c", "head -c 300000 /dev/zero >/big")
      let some = try engine.berth("container", "prune", "-f")
      expect(some, "(user)", "dependent containers", "Total reclaimed space: 300kB")
      #expect(some.lines.count == 1 && some.trimmed.count == 64, "\(some)")
      try engine.ok("stop", "-t", "0", "user")
      #expect(try engine.berth("container", "prune", "-f").lines.count == 2, "the one that depends goes first")
      let oom = try engine.berth(
        "run", "--name", "o", "-m", "24m", "busybox", "sh", "-c", "a=x; while :; do a=$a$a; done", seconds: 60)
      #expect(oom.code == 137)
      let state = "{{.State.OOMKilled}} {{.State.ExitCode}} {{.State.StoppedByUser}}"
      #expect(try engine.ok("inspect", "-f", state, "o") == "true 137 false")
    }
  }

  // covers PD-38, PD-53, PD-62, LP-19, LP-32
  @Test func namesAndFilters() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("create", "busybox", "true")
      #expect(try engine.ok("ps", "-a", "--format", "{{.Names}}").wholeMatch(of: /[a-z]+_[a-z]+/) != nil)
      let one = try engine.ok("create", "--name", "one", "-v", "data:/data", "busybox", "true")
      try engine.ok("create", "--name", "two", "busybox", "true")
      expect(try engine.berth("rename", "two", "one"), "\"one\" is in use")
      expect(try engine.berth("create", "--name", "one", "busybox"), "\"one\" is in use", "hint: ")
      for (filter, name) in [("volume=data", "one"), ("volume=/data", "one"), ("id=\(one.prefix(20))", "one")] {
        #expect(try engine.ok("ps", "-a", "--filter", filter, "--format", "{{.Names}}") == name, "\(filter)")
      }
      #expect(try engine.ok("ps", "--latest", "--format", "{{.Names}}") == "two")
      #expect(try engine.ok("ps", "-aq", "--filter", "until=1h").isEmpty)
      #expect(try engine.ok("ps", "-aq", "--filter", "until=0s").split(separator: "\n").count == 3)
      for bad in ["health=x", "since=absent", "exited=x", "status=asleep", "plain"] {
        #expect(try engine.berth("ps", "-a", "--filter", bad).code == 125, "\(bad)")
      }
    }
  }

  // covers PD-107, PD-110, PD-112, PD-113, PD-114, LP-51: owners, patience, and volumes of one container alone
  @Test func volumes() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("volume", "create", "--opt", "o=uid=1000,gid=2000", "given")
      let owner = ["stat", "-c", "%u:%g", "/etc"]
      #expect(try engine.ok2(["run", "--rm", "-u", "0", "-v", "given:/etc", "busybox"] + owner) == "1000:2000")
      #expect(
        try engine.ok("volume", "inspect", "-f", "{{.UID}} {{.GID}} {{.Options.o}}", "given")
          == "1000 2000 uid=1000,gid=2000")
      #expect(try engine.ok("volume", "create").count == 64)
      #expect(try engine.ok("volume", "inspect", "--all", "-f", "{{.Driver}}") == "local\nlocal")
      let script = "trap 'exit 0' TERM; echo x >/v/f; while :; do sleep 0.1; done"
      try engine.ok("run", "-d", "--name", "u", "-v", "busy:/v", "busybox", "sh", "-c", script)
      #expect(try eventually { try engine.berth("exec", "u", "test", "-e", "/v/f").code == 0 })
      #expect(try engine.ok("volume", "rm", "--force", "--time", "20", "busy") == "busy")
      #expect(try engine.ok("volume", "rm", "--force", "absent").isEmpty)
      let prune = try engine.berth("volume", "prune", "-f")
      #expect(prune.lines.count == 2 && prune.errorText.contains("Total reclaimed space: "), "\(prune)")
      // An anonymous one keeps its content as long as its container is there, and goes with it by -v or --rm.
      let once = "[ -e /v/f ] && echo again; touch /v/f"
      try engine.ok("run", "--name", "a", "-v", "/v", "busybox", "sh", "-c", once)
      #expect(try engine.ok("start", "-a", "a") == "again")
      let name = try engine.ok("volume", "ls", "-q")
      #expect(try engine.ok("volume", "inspect", "-f", "{{.Anonymous}}", name) == "true")
      try engine.ok("run", "--rm", "-v", "/v", "busybox", "true")
      #expect(try engine.ok("volume", "ls", "-q") == name)
      try engine.ok("rm", "-v", "a")
      #expect(try engine.ok("volume", "ls", "-q").isEmpty)
    }
  }

  // covers PD-120, PD-131: numbers have a name inside; files are there from a start on, and a joiner's are the other's
  @Test func generatedFiles() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let script = "id -un; id -gn; tail -n 1 /etc/passwd; tail -n 1 /etc/group"
      #expect(
        try engine.ok("run", "--rm", "-u", "4321:4322", "-w", "/tmp", "busybox", "sh", "-c", script)
          == "4321\n4322\n4321:*:4321:4322:container user:/tmp:/bin/sh\n4322:x:4322:4321")
      #expect(try engine.berth("run", "--rm", "busybox", "grep", "-c", " /etc/passwd ", "/proc/mounts").trimmed == "0")
      let own = engine.scratch + "/passwd"
      try replaceFile(own, with: Array("me:x:4321:1::/:\n".utf8), durable: false)
      #expect(try engine.ok("run", "--rm", "-u", "4321", "-v", "\(own):/etc/passwd", "busybox", "id", "-un") == "me")
      try engine.ok("create", "--name", "n", "--add-host", "db:10.9.8.7", "busybox", "sleep", "1000")
      let paths = "{{.ResolvConfPath}}{{.HostsPath}}{{.HostnamePath}}"
      #expect(try engine.ok("inspect", "-f", paths, "n").isEmpty)
      try engine.ok("start", "n")
      #expect(try engine.ok("inspect", "-f", "{{.HostsPath}}", "n").hasSuffix("/hosts"))
      let shared = ["grep", "-c", "10.9.8.7", "/etc/hosts"]
      #expect(try engine.ok2(["run", "--rm", "--network", "container:n", "busybox"] + shared) == "1")
      if exists("/usr/share/zoneinfo/Asia/Tokyo") {
        #expect(try engine.ok("run", "--rm", "--tz", "Asia/Tokyo", "busybox", "date", "+%Z") == "JST")
      }
      expect(try engine.berth("run", "--rm", "--init", "--init-path", "/absent", "busybox"), "please specify a path")
    }
  }

  // covers PD-96, PD-97, LP-17: several names, all images, and those that stay
  @Test func removingImages() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let id = String(try engine.ok("images", "-q", "--no-trunc").dropFirst(7))
      try engine.ok("tag", "busybox", "other:1")
      expect(try engine.berth("rmi", id), "has several names", "other:1", "hint: ", code: 2)
      #expect(try engine.ok("rmi", "other:1") == "Untagged: localhost/other:1")
      let archive = engine.scratch + "/empty.tar"
      try engine.host("tar", "-cf", archive, "-T", "/dev/null")
      try engine.ok("import", "-q", archive, "spare")
      try engine.ok("create", "--name", "u", "busybox", "true")
      let all = try engine.berth("rmi", "--all")
      expect(all, "in use by container", "(u)", code: 2)
      #expect(
        all.text.contains("Untagged: localhost/spare:latest\nDeleted: "), "what could go went, and is told: \(all)")
      try engine.ok("rmi", "--no-prune", "-f", id)
      #expect(try engine.ok("ps", "-aq").isEmpty && engine.ok("images", "-q").isEmpty)
    }
  }

  // covers PD-161: limits of block devices reach the kernel
  @Test(.enabled("a block device") { device != nil }) func blockDevices() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let device = try #require(Self.device)
      let number = try engine.host("cat", "/sys/block/\(device.dropFirst(5))/dev").trimmed
      let flags = ["--device-read-bps", "\(device):1m", "--device-write-iops", "\(device):77"]
      let script = """
        cd /sys/fs/cgroup; [ -e io.max ] && cat io.max || \
        cat blkio/blkio.throttle.read_bps_device blkio/blkio.throttle.write_iops_device
        """
      let text = try engine.ok2(["run", "--rm"] + flags + ["busybox", "sh", "-c", script])
      #expect(text == "\(number) 1048576\n\(number) 77" || text == "\(number) rbps=1048576 wbps=max riops=max wiops=77")
      _ = try engine.ok2(["create", "--name", "b"] + flags + ["busybox"])
      #expect(
        try engine.ok("inspect", "-f", "{{json .HostConfig.BlkioDeviceReadBps}}", "b")
          == "[{\"Path\":\"\(device)\",\"Rate\":1048576}]")
      expect(
        try engine.berth("create", "--device-read-bps", "/dev/null:1m", "busybox"), "/dev/null is not a block device")
    }
  }
  private static let device: String? = {
    let names = ((try? entries(ofPath: "/sys/block")) ?? []).map(\.name).sorted()
    return names.map { "/dev/" + $0 }.first { !$0.contains("loop") && exists($0) }
  }()
}
