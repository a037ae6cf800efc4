import Sys

/// One budget of DESIGN.md, part 7: our cost as a ratio of a peer's, in the same run.
struct Row {
  var work: String
  var ours: Cost
  var peerName: String
  var peer: Cost
  /// At most this ratio of wall time, and of CPU time; nil where no budget is set.
  var wallGoal: Double?
  var cpuGoal: Double?
  var unit = "ms"
}

func rounded(_ value: Double, _ digits: Int = 2) -> String {
  var scale = 1.0
  for _ in 0..<digits { scale *= 10 }
  let whole = Int((value * scale).rounded())
  var fraction = String(whole % Int(scale))
  while fraction.utf8.count < digits { fraction = "0" + fraction }
  return "\(whole / Int(scale)).\(fraction)"
}

private func text(_ cost: Cost, _ unit: String) -> String {
  "\(rounded(cost.median)) (\(rounded(cost.minimum))) \(unit)"
}

func printTable(_ rows: [Row]) {
  var lines = [
    ["work", "ours (min)", "peer", "peer's (min)", "ratio", "goal", "CPU ratio", "goal", "met"]
  ]
  for row in rows {
    let wall = row.ours.median / row.peer.median
    let cpu: Double? = if let ours = row.ours.cpu, let peer = row.peer.cpu { ours / peer } else { nil }
    let wallMet = row.wallGoal.map { wall <= $0 } ?? true
    let cpuMet = row.cpuGoal.map { goal in cpu.map { $0 <= goal } ?? true } ?? true
    lines.append([
      row.work, text(row.ours, row.unit), row.peerName, text(row.peer, row.unit), rounded(wall),
      row.wallGoal.map { "≤ \(rounded($0))" } ?? "",
      cpu.map { rounded($0) } ?? "", row.cpuGoal.map { "≤ \(rounded($0))" } ?? "",
      row.wallGoal == nil && row.cpuGoal == nil ? "" : wallMet && cpuMet ? "yes" : "NO",
    ])
  }
  let widths = lines[0].indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
  for (number, line) in lines.enumerated() {
    let cells = zip(line, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
    try? writeAll(1, "| " + cells.joined(separator: " | ") + " |\n")
    if number == 0 {
      try? writeAll(1, "|" + widths.map { String(repeating: "-", count: $0 + 2) }.joined(separator: "|") + "|\n")
    }
  }
}
