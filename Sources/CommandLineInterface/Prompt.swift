import Engine
import Glibc

extension Context {
  /// Asks; no answer is a no.
  func confirms(_ warning: String) -> Bool {
    note("WARNING! \(warning)")
    output.write("Are you sure you want to continue? [y/N] ")
    output.flush()
    guard let answer = readLine() else { return false }
    return answer.lowercased() == "y" || answer.lowercased() == "yes"
  }

  /// What a prune removed, a line each, what it could not, and what that is worth.
  /// - Returns: the exit status.
  func show(_ report: PruneReport) -> Int32 {
    for name in report.removed { output.line(name) }
    for failure in report.failures { note("error: \(failure.name): \(failure.reason)") }
    tellReclaimed(report.reclaimedBytes)
    return report.failures.isEmpty ? 0 : 125
  }

  /// Docker's words, on standard error: scripts read the names from the output, as podman has them.
  func tellReclaimed(_ bytes: Int64) { note("Total reclaimed space: \(HumanText.size(bytes))") }
}
