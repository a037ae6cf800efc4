import TestKit
import Testing

/// Engines that others wrote run on berth-runtime as on runc and crun. The scripts (scripts/under-…) set them up.
@Suite(.needs(.root), .needs(.installed), .needs(.program("busybox"))) struct PeerEngineTests {
  /// covers LX-11, LX-16, LX-50
  @Test(.needs(.program("conmon")), arguments: [false, true]) func conmonAlone(terminal: Bool) throws {
    let arguments = ["sh", "-c", "tty; echo out; exit 5"]
    let outcome =
      terminal
      ? try PeerEngine.command("under-conmon", "--terminal", arguments[0], arguments[1], arguments[2])
      : try PeerEngine.command("under-conmon", arguments[0], arguments[1], arguments[2])
    #expect(outcome.code == 5, "\(outcome)")
    #expect(
      outcome.text.split(whereSeparator: \.isNewline).map(\.trimmed) == [terminal ? "/dev/pts/0" : "not a tty", "out"],
      "\(outcome)")
  }

  /// covers PD-04, PD-06, LX-11, LX-46, LX-47
  @Test(.needs(.program("podman"))) func podman() throws {
    let steps = try PeerEngine.run(
      "under-podman",
      [
        ("version", "podman info --format '{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Version}}'"),
        ("run", "podman run --rm --network none localhost/busybox sh -c 'echo out; exit 7'"),
        ("detach", "podman run -d --name w --memory 64m --network none localhost/busybox sleep 1000"),
        ("exec", "podman exec w sh -c 'echo in; exit 3'"),
        ("terminal", "script -qec 'podman exec -it w tty' /dev/null"),
        ("pause", "podman pause w && podman ps -a --format '{{.Status}}' && podman unpause w"),
        ("top", "podman top w args"),
        ("stats", "podman stats --no-stream --format '{{.Name}} {{.PIDs}}' w"),
        ("kill", "podman kill w; podman wait w"),
        ("restart", "podman start w && podman stop -t 0 w && podman rm w"),
        ("network", "podman run --rm localhost/busybox ip -o -4 addr show eth0"),
        ("missing", "podman run --rm --network none localhost/busybox no-such-command"),
        ("directory", "podman run --rm --network none localhost/busybox /etc"),
        ("left", "podman ps -aq"),
      ])
    #expect(steps["version"]?.text.hasPrefix("berth berth-runtime version") == true, "\(steps)")
    #expect(steps["run"]?.code == 7 && steps["run"]?.lines == ["out"], "\(steps)")
    #expect(steps["detach"]?.code == 0, "\(steps)")
    #expect(steps["exec"]?.code == 3 && steps["exec"]?.lines == ["in"], "\(steps)")
    #expect(steps["terminal"]?.text.contains("/dev/pts/0") == true, "\(steps)")
    #expect(steps["pause"]?.code == 0 && steps["pause"]?.lines.contains("Paused") == true, "\(steps)")
    #expect(steps["top"]?.lines.last == "sleep 1000", "\(steps)")
    #expect(steps["stats"]?.lines == ["w 1"], "\(steps)")
    #expect(steps["kill"]?.lines == ["w", "137"], "\(steps)")
    #expect(steps["restart"]?.code == 0, "\(steps)")
    #expect(steps["network"]?.code == 0, "\(steps)")
    #expect(steps["missing"]?.code == 127 && steps["directory"]?.code == 126, "\(steps)")
    #expect(steps["left"]?.lines == [], "\(steps)")
  }

  /// covers LX-09, LX-43, LX-46: the shim of containerd reads the runtime's JSON log and matches its words
  @Test(.needs(.program("containerd"))) func containerd() throws {
    let run = "ctr run --env PATH=/bin"
    let root = "--rootfs $ROOTFS"
    let steps = try PeerEngine.run(
      "under-containerd",
      [
        ("run", "\(run) --rm --cgroup /$PARENT/a \(root) a sh -c 'echo out; exit 7'"),
        ("detach", "\(run) --detach --memory-limit 67108864 --cgroup /$PARENT/b \(root) b sleep 1000"),
        ("exec", "ctr task exec --exec-id one b sh -c 'echo in; exit 3'"),
        ("absent", "ctr task exec --exec-id two b no-such-command"),
        ("terminal", "script -qec '\(run) --rm -t --cgroup /$PARENT/t \(root) t tty' /dev/null"),
        ("ps", "ctr task ps b | tail -n +2 | wc -l"),
        ("pause", "ctr task pause b && ctr task ls && ctr task resume b && ctr task ls"),
        ("metrics", "ctr task metrics b"),
        ("kill", "ctr task kill -s KILL b; for i in 1 2 3 4 5 6 7 8 9; do ctr task ls | grep STOPPED && break; done"),
        ("again", "ctr task kill -s KILL b"),
        ("remove", "ctr task rm b; ctr container rm b && ctr container ls -q"),
        ("missing", "\(run) --rm --cgroup /$PARENT/m \(root) m no-such-command"),
      ])
    #expect(steps["run"]?.code == 7 && steps["run"]?.lines == ["out"], "\(steps)")
    #expect(steps["detach"]?.code == 0, "\(steps)")
    #expect(steps["exec"]?.code == 3 && steps["exec"]?.lines == ["in"], "\(steps)")
    #expect(steps["absent"]?.text.contains("executable file not found in $PATH") == true, "\(steps)")
    #expect(steps["terminal"]?.text.contains("/dev/pts/0") == true, "\(steps)")
    #expect(steps["ps"]?.lines == ["1"], "\(steps)")
    #expect(steps["pause"]?.text.contains("PAUSED") == true, "\(steps)")
    #expect(steps["pause"]?.text.contains("RUNNING") == true, "\(steps)")
    #expect(steps["metrics"]?.text.contains("memory.usage_in_bytes") == true, "\(steps)")
    #expect(steps["kill"]?.text.contains("STOPPED") == true, "\(steps)")
    #expect(steps["again"]?.text.contains("not found") == true, "\(steps)")
    #expect(steps["remove"]?.code == 0, "\(steps)")
    #expect(steps["missing"]?.text.contains("executable file not found in $PATH") == true, "\(steps)")
  }

  /// covers LX-09, LX-16, LX-37, LX-43, LX-46, LX-47
  @Test(.needs(.program("dockerd"))) func dockerd() throws {
    let limits = "memory/memory.limit_in_bytes pids/pids.max cpu/cpu.cfs_quota_us"
    let steps = try PeerEngine.run(
      "under-dockerd",
      [
        ("runtime", "docker info --format '{{.DefaultRuntime}}'"),
        ("run", "docker run --rm busybox sh -c 'echo out; exit 7'"),
        ("detach", "docker run -d --name web --memory 64m -p 8080:80 busybox sleep 1000"),
        ("exec", "docker exec web sh -c 'echo in; exit 3'"),
        ("terminal", "script -qec 'docker exec -it web tty' /dev/null"),
        ("stats", "docker stats --no-stream --format '{{.Name}} {{.PIDs}} {{.MemUsage}}' web"),
        ("update", "docker update --memory 128m --memory-swap 128m --cpus 0.5 --pids-limit 50 web"),
        ("limits", "docker exec -w /sys/fs/cgroup web cat \(limits)"),
        ("pause", "docker pause web && docker inspect --format '{{.State.Status}}' web && docker unpause web"),
        ("copy", "echo data >$DIR/a; docker cp $DIR/a web:/tmp/a && docker cp web:/tmp/a $DIR/b && cat $DIR/b"),
        ("top", "docker top web -o pid,args"),
        ("port", "docker exec -d web httpd -f -p 80 -h /etc; sleep 0.3; curl -s http://127.0.0.1:8080/group"),
        ("logs", "docker run --name talk busybox sh -c 'echo out; echo err >&2'; docker logs talk; docker rm talk"),
        ("restart", "docker restart -t 0 web && docker inspect --format '{{.State.Status}}' web"),
        ("kill", "docker kill web && docker wait web"),
        ("memory", "docker run --rm --memory 16m --memory-swap 16m busybox tail /dev/zero"),
        ("missing", "docker run --rm busybox no-such-command"),
        ("directory", "docker run --rm busybox /etc"),
        ("build", "printf 'FROM busybox\\nRUN echo built >/b\\n' | docker build -q -"),
        ("left", "docker rm -f web && docker ps -aq"),
      ])
    #expect(steps["runtime"]?.lines == ["berth"], "\(steps)")
    #expect(steps["run"]?.code == 7 && steps["run"]?.lines == ["out"], "\(steps)")
    #expect(steps["detach"]?.code == 0, "\(steps)")
    #expect(steps["exec"]?.code == 3 && steps["exec"]?.lines == ["in"], "\(steps)")
    #expect(steps["terminal"]?.text.contains("/dev/pts/0") == true, "\(steps)")
    #expect(steps["stats"]?.text.hasPrefix("web 1 ") == true && steps["stats"]?.text.contains("64MiB") == true)
    #expect(steps["update"]?.code == 0, "\(steps)")
    #expect(steps["limits"]?.lines == ["134217728", "50", "50000"], "\(steps)")
    #expect(steps["pause"]?.lines == ["web", "paused", "web"], "\(steps)")
    #expect(steps["copy"]?.lines == ["data"], "\(steps)")
    #expect(steps["top"]?.lines.last?.hasSuffix("sleep 1000") == true, "\(steps)")
    #expect(steps["port"]?.text.contains("root:x:0:") == true, "\(steps)")
    #expect(Set(steps["logs"]?.lines ?? []) == ["out", "err", "talk"], "\(steps)")
    #expect(steps["restart"]?.lines == ["web", "running"], "\(steps)")
    #expect(steps["kill"]?.lines == ["web", "137"], "\(steps)")
    #expect(steps["memory"]?.code == 137, "\(steps)")
    #expect(steps["missing"]?.code == 127 && steps["directory"]?.code == 126, "\(steps)")
    #expect(steps["build"]?.text.contains("sha256:") == true, "\(steps)")
    #expect(steps["left"]?.lines == ["web"], "\(steps)")
  }
}

/// The way past one machine: two dockerds on berth-runtime make a swarm (docs/swarm.md shows the same tour).
@Suite(.needs(.root), .needs(.installed), .needs(.program("dockerd"))) struct SwarmTests {
  /// covers LX-11, LX-45
  @Test func deploysScalesKillsAndReplaces() throws {
    let steps = try PeerEngine.run("swarm-two-nodes", [("tour", PeerEngine.scripts + "swarm-tour")], seconds: 400)
    let tour = try #require(steps["tour"])
    #expect(tour.code == 0, "\(tour)")
    var parts: [String: [String]] = [:]
    var name = ""
    for line in tour.lines {
      if line.hasPrefix("## ") { name = String(line.dropFirst(3)) } else { parts[name, default: []].append(line) }
    }
    /// Lines of tasks as words: name, node, desired state, state.
    func running(_ part: String) -> [(name: Substring, node: Substring)] {
      (parts[part] ?? []).map { $0.split(separator: " ") }.filter { $0.count > 3 && $0[2] == "Running" }
        .map { ($0[0], $0[1]) }
    }
    #expect(parts["a swarm of two"]?.last == "berth", "\(tour)")
    #expect(Set(running("deploy").map(\.node)) == ["node1", "node2"], "\(tour)")
    let answers = (parts["one name, both nodes"] ?? []).filter { $0.first?.isNumber == true }
    #expect(answers.count == 2, "both replicas answer to the name: \(tour)")
    #expect(running("scale").count == 4, "\(tour)")
    let killed = parts["kill a replica: another takes its place"] ?? []
    #expect(running("kill a replica: another takes its place").count == 4, "\(tour)")
    #expect(killed.contains { $0.contains("Failed") }, "\(tour)")
    #expect(parts["a service on every node, its port on the host"]?.suffix(3).last == "node2", "\(tour)")
    #expect(running("drain a node: its replicas move").map(\.node) == ["node1", "node1", "node1", "node1"], "\(tour)")
  }
}
