import Glibc
import Sys

/// What many containers cost those who come after them.
struct CrowdRows {
  let engine: EngineRows
  let many: Int

  private var berth: Berth { engine.berth }
  private var podman: Podman { engine.podman }
  private static let options = ["--network", "none", EngineRows.image, "true"]

  func rows() -> [Row] {
    guard engine.importImage() else { return [] }
    let alone = createAndStart()
    fill(to: many / 10)
    let few = list()
    fill(to: many - many / 10)
    for _ in 0..<many { execute(podman.command(["create"] + Self.options)) }
    var rows = engine.pair("berth ps -a, \(many) containers", 0.05, nil) { $0("ps", "-a") }
    if let few, let all = list() {
      rows.append(
        Row(
          work: "berth ps -a, \(many) containers", ours: all, peerName: "itself with \(many / 10)", peer: few,
          wallGoal: 10, cpuGoal: 10))
    }
    if let alone, let crowded = createAndStart() {
      rows.append(
        Row(
          work: "berth create + start + rm, \(many) stopped", ours: crowded, peerName: "itself with none", peer: alone,
          wallGoal: 1.1, cpuGoal: nil))
    }
    return rows
  }

  /// Containers that have run and ended.
  private func fill(to count: Int) {
    for _ in 0..<count { execute(berth.command(["run", "-d"] + Self.options)) }
    sleep(1)  // the last of them may still be ending
  }

  private func list() -> Cost? {
    measure([Contender(name: "list", command: berth.command("ps", "-a"))], rounds: engine.rounds)["list"]
  }

  private func createAndStart() -> Cost? {
    let line = "id=$($0 create \(Self.options.joined(separator: " "))) && $0 start $id && $0 rm -f $id"
    let script = ["/bin/sh", "-c", line.replacing("$0", with: berth.command().joined(separator: " "))]
    return measure([Contender(name: "script", command: script)], rounds: engine.rounds)["script"]
  }
}
