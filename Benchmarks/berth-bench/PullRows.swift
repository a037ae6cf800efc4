import CSys
import Glibc
import JSON
import Sys

/// A cold pull from a docker-registry on loopback, against podman and against what the tools of the trade need for the same bytes.
struct PullRows {
  let scratch: String
  let berth: Berth
  let podman: Podman
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
    var contenders = [
      Contender(
        name: "berth", command: berth.command("pull", "-q", "--tls-verify=false", name),
        before: { execute(berth.command("rmi", "-f", name)) }),
      Contender(
        name: "podman", command: podman.command("pull", "-q", "--tls-verify=false", name),
        before: { execute(podman.command("rmi", "-f", name)) }),
    ]
    if let script = toolsScript() {
      contenders.append(
        Contender(
          name: "curl + igzip + tar + openssl", command: ["/bin/bash", script],
          before: { execute(["rm", "-rf", scratch + "/tools"]) }))
    }
    let costs = measure(contenders, rounds: min(rounds, 5))
    execute(berth.command("rmi", "-f", name))
    execute(podman.command("rmi", "-f", name))
    guard let ours = costs["berth"] else { return [] }
    return contenders.dropFirst().compactMap { contender in
      costs[contender.name].map {
        Row(
          work: "cold pull, 4 layers", ours: ours, peerName: contender.name, peer: $0,
          wallGoal: contender.name == "podman" ? 0.5 : 1.2, cpuGoal: nil)
      }
    }
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
  private func toolsScript() -> String? {
    guard program("igzip") != nil, program("curl") != nil,
      let text = outputOf(["skopeo", "inspect", "--raw", "--tls-verify=false", "docker://\(name)"]),
      let layers = (try? JSON.parse(text))?["layers"]?.array?.compactMap({ $0["digest"]?.string })
    else { return nil }
    var lines = ["set -e -o pipefail", "pids="]
    for (number, digest) in layers.enumerated() {
      let directory = "\(scratch)/tools/\(number)"
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
