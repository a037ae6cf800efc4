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
  /// - Parameter hasBytes: whether what was removed took any.
  /// - Returns: the exit status.
  func show(_ report: PruneReport, hasBytes: Bool = true) -> Int32 {
    for name in report.removed { output.line(name) }
    for failure in report.failures { note("error: \(failure.name): \(failure.reason)") }
    if hasBytes { tellReclaimed(report.reclaimedBytes) }
    return report.failures.isEmpty ? 0 : 125
  }

  /// Docker's words, on standard error: scripts read the names from the output, as podman has them.
  func tellReclaimed(_ bytes: Int64) { note("Total reclaimed space: \(HumanText.size(bytes))") }
}
