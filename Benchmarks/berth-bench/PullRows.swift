import CSys
import Glibc
import JSON
import Sys

/// A cold pull from a docker-registry on loopback, against podman and against what the tools of the trade need for the
/// same bytes. Each pull goes to a file system that was made for it.
struct PullRows {
  let scratch: String
  /// `berth` itself.
  let engine: String
  /// Of sockets and pids: a tmpfs.
  let runroot: String
  /// An OCI layout and a tag in it: "DIR:TAG"; scripts/make-test-images makes one.
  let image: String
  let rounds: Int

  private static let address = "127.0.0.1:5971"
  private var name: String { "\(Self.address)/bench:1" }

  func rows() -> [Row] {
    guard let server = startRegistry() else { return [] }
    defer {
      try? server.signal(SIGTERM)
      _ = try? server.wait()
    }
    guard execute(["skopeo", "copy", "-q", "--dest-tls-verify=false", "oci:\(image)", "docker://\(name)"]) == 0 else {
      note("skopeo cannot push \(image)")
      return []
    }
    let disk = FreshDisk(path: scratch + "/pulled", megabytes: Self.diskMegabytes)
    let pull = ["pull", "-q", "--tls-verify=false", name]
    let berth = Berth(program: engine, scratch: disk.path, runroot: runroot + "/pull-berth")
    let podman = Podman(scratch: disk.path, runroot: runroot + "/pull-podman")
    var contenders = [
      contender("berth", berth.command(pull), on: disk) { execute(berth.command("images")) },
      contender("podman", podman.command(pull), on: disk) { execute(podman.command("images")) },
    ]
    if let script = toolsScript(below: disk.path) {
      contenders.append(contender("curl + igzip + tar + openssl", ["/bin/bash", script], on: disk) {})
    }
    let costs = measure(contenders, rounds: min(rounds, Self.roundsMax))
    guard let ours = costs["berth"] else { return [] }
    return contenders.dropFirst().compactMap { contender in
      costs[contender.name].map {
        Row(
          work: "cold pull, 4 layers", ours: ours, peerName: contender.name, peer: $0,
          wallGoal: contender.name == "podman" ? 0.5 : 1.2, cpuGoal: nil)
      }
    }
  }

  private static let diskMegabytes = 1500
  private static let roundsMax = 7

  /// - Parameter prepare: makes the empty store, which is not timed.
  private func contender(_ name: String, _ command: [String], on disk: FreshDisk, _ prepare: @escaping () -> Void)
    -> Contender
  {
    Contender(
      name: name, command: command,
      before: {
        disk.renew()
        prepare()
      },
      after: {
        execute(["umount", "-R", "-q", disk.path + "/root/overlay"])
        disk.remove()
      })
  }

  private func startRegistry() -> ChildProcess? {
    guard let path = program("docker-registry"), program("skopeo") != nil else {
      note("docker-registry or skopeo is missing: pulls are not measured")
      return nil
    }
    let configuration = """
      version: 0.1
      log: {level: error, accesslog: {disabled: true}}
      storage: {filesystem: {rootdirectory: \(scratch)/registry}}
      http: {addr: \(Self.address)}
      """
    try? replaceFile("\(scratch)/registry.yml", with: Array(configuration.utf8), durable: false)
    var spawn = Spawn(path, ["serve", "\(scratch)/registry.yml"], environment: ["OTEL_TRACES_EXPORTER=none"])
    spawn.descriptors = [-1, -1, -1]
    spawn.deathSignal = SIGKILL
    guard let server = try? spawn.start() else { return nil }
    sleep(1)
    return server
  }

  /// Each layer in parallel: download, both digests, inflate, untar.
  private func toolsScript(below place: String) -> String? {
    guard program("igzip") != nil, program("curl") != nil,
      let text = outputOf(["skopeo", "inspect", "--raw", "--tls-verify=false", "docker://\(name)"]),
      let layers = (try? JSON.parse(text))?["layers"]?.array?.compactMap({ $0["digest"]?.string })
    else { return nil }
    var lines = ["set -e -o pipefail", "pids="]
    for (number, digest) in layers.enumerated() {
      let directory = "\(place)/\(number)"
      lines.append(
        "mkdir -p \(directory); (curl -s http://\(Self.address)/v2/bench/blobs/\(digest) | tee >(openssl sha256 >\(directory).a) | igzip -d -c | "
          + "tee >(openssl sha256 >\(directory).b) | tar -C \(directory) --numeric-owner -xpf -) & pids=\"$pids $!\"")
    }
    lines.append("for p in $pids; do wait $p; done")
    let path = "\(scratch)/tools.sh"
    try? replaceFile(path, with: Array(lines.joined(separator: "\n").utf8), durable: false)
    return path
  }
}
