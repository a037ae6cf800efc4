import CSys
import Glibc
import JSON
import Sys

/// Debian's podman on storage of its own, with the settings that a machine without CAP_SYS_RESOURCE needs.
struct Podman {
  let scratch: String
  /// Sockets and pids: a tmpfs, as /run is.
  let runroot: String

  func command(_ arguments: String...) -> [String] { command(arguments) }
  func command(_ arguments: [String]) -> [String] {
    try? makeDirectories(scratch)
    let configuration = scratch + "/containers.conf"
    if !exists(configuration) {
      let text = """
        [containers]
        default_ulimits=["nofile=1024:1024","nproc=4096:4096"]
        [engine]
        cgroup_manager="cgroupfs"
        events_logger="file"
        """
      try? replaceFile(configuration, with: Array(text.utf8), durable: false)
    }
    return [
      "/usr/bin/env", "CONTAINERS_CONF=\(configuration)", "podman", "--root", scratch + "/root", "--runroot", runroot,
    ] + arguments
  }
  func remove() {
    execute(command("rm", "-f", "-a", "-t", "0"))
    execute(command("rmi", "-f", "-a"))
    execute(["umount", "-R", "-q", scratch + "/root/overlay"])
    try? removeTree(scratch)
    try? removeTree(runroot)
  }
}

/// Our engine on storage of its own: default security and durability.
struct Berth {
  let program: String
  let scratch: String
  let runroot: String
  func command(_ arguments: String...) -> [String] { command(arguments) }
  func command(_ arguments: [String]) -> [String] {
    [program, "--root", scratch + "/root", "--runroot", runroot] + arguments
  }
  func remove() {
    execute(command("rm", "-f", "-a", "-t", "0"))
    try? removeTree(scratch)
    try? removeTree(runroot)
  }
}

/// What a user types, against podman.
struct EngineRows {
  let scratch: String
  let berth: Berth
  let podman: Podman
  let runtime: String
  /// A container's root filesystem, and a bundle for the runtime that runs `true` in it.
  let rootfs: String
  let bundle: String
  let rounds: Int

  static let image = "localhost/busybox"

  func rows() -> [Row] {
    guard importImage() else { return [] }
    var rows: [Row] = []
    rows += againstRuntime()
    rows += pair("berth run --rm --network none true", 0.1, 0.1) {
      $0("run", "--rm", "--network", "none", Self.image, "true")
    }
    rows += pair("berth run --rm --network none true, no seccomp", nil, nil) {
      $0("run", "--rm", "--network", "none", "--security-opt", "seccomp=unconfined", Self.image, "true")
    }
    rows += pair("berth run --rm true, default network", 0.1, nil) {
      $0("run", "--rm", "--network", "bridge", Self.image, "true")
    }
    execute(berth.command("run", "-d", "--network", "none", "--name", "sleeper", Self.image, "sleep", "3600"))
    execute(podman.command("run", "-d", "--network", "none", "--name", "sleeper", Self.image, "sleep", "3600"))
    rows += pair("berth exec true", 0.1, nil) { $0("exec", "sleeper", "true") }
    rows += pair("berth ps, one running", 0.15, nil) { $0("ps") }
    rows += pair("berth inspect", nil, nil) { $0("inspect", "sleeper") }
    rows += parallelRuns()
    execute(berth.command("rm", "-f", "-t", "0", "sleeper"))
    execute(podman.command("rm", "-f", "-t", "0", "sleeper"))
    return rows
  }

  /// One container through the engine, and one through the runtime alone.
  private func againstRuntime() -> [Row] {
    let costs = measure(
      [
        Contender(name: "berth", command: berth.command("run", "--rm", "--network", "none", Self.image, "true")),
        Contender(
          name: "runtime",
          command: [runtime, "--root", berth.runroot + "-runtime", "run", "--bundle", bundle, "bench-alone"]),
      ], rounds: rounds)
    guard let ours = costs["berth"], let peer = costs["runtime"] else { return [] }
    return [
      Row(
        work: "berth run --rm --network none true", ours: ours, peerName: "berth-runtime run", peer: peer, wallGoal: 3,
        cpuGoal: 3)
    ]
  }

  func importImage() -> Bool {
    let archive = scratch + "/busybox.tar"
    guard execute(["tar", "-C", rootfs, "-cf", archive, "."]) == 0 else { return false }
    let change = ["--change", "ENV PATH=/bin"]
    let ours = execute(berth.command("import") + change + [archive, Self.image])
    if ours != 0 { note("berth import ended with \(ours)") }
    execute(podman.command("import") + change + [archive, Self.image])
    return ours == 0
  }

  func pair(
    _ work: String, _ wallGoal: Double?, _ cpuGoal: Double?, _ arguments: ((String...) -> [String]) -> [String]
  ) -> [Row] {
    let given = arguments { (words: String...) in words }
    let costs = measure(
      [
        Contender(name: "berth", command: berth.command(given)),
        Contender(name: "podman", command: podman.command(given)),
      ], rounds: rounds)
    guard let ours = costs["berth"], let peer = costs["podman"] else { return [] }
    return [Row(work: work, ours: ours, peerName: "podman", peer: peer, wallGoal: wallGoal, cpuGoal: cpuGoal)]
  }

  /// 50 `run -d` at once, as a shell's loop with `&` starts them.
  private func parallelRuns() -> [Row] {
    func together(_ command: [String]) -> [String] {
      let line = command.joined(separator: " ")
      return [
        "/bin/sh", "-c",
        "pids=; i=0; while [ $i -lt 50 ]; do \(line) & pids=\"$pids $!\"; i=$((i+1)); done; for p in $pids; do wait $p || exit 1; done",
      ]
    }
    let arguments = ["run", "-d", "--network", "none", "--label", "bench=parallel", Self.image, "true"]
    let costs = measure(
      [
        Contender(name: "berth", command: together(berth.command() + arguments), after: prune(berth.command())),
        Contender(name: "podman", command: together(podman.command(arguments)), after: prune(podman.command())),
      ], rounds: 2)
    guard let ours = costs["berth"], let peer = costs["podman"] else { return [] }
    return [Row(work: "50 parallel run -d", ours: ours, peerName: "podman", peer: peer, wallGoal: 0.1, cpuGoal: nil)]
  }

  private func prune(_ command: [String]) -> () -> Void {
    {
      sleep(1)  // the last of them may still be ending
      execute(command + ["container", "prune", "-f", "--filter", "label=bench=parallel"])
    }
  }
}

extension String {
  func replacing(_ word: String, with other: String) -> String {
    var result = ""
    var rest = Substring(self)
    while !rest.isEmpty {
      if rest.hasPrefix(word) {
        result += other
        rest = rest.dropFirst(word.count)
      } else {
        result.append(rest.removeFirst())
      }
    }
    return result
  }
}
