import Glibc
import Problems
import RuntimeSpec
import Sys

/// Where Kubernetes wants to read why a container did not start.
///
/// - Source: capability line LX-38; the file is a mount's source on the host, as the kubelet made it.
enum TerminationMessage {
  private static let annotation = "io.kubernetes.container.terminationMessagePath"

  /// Writes the message where the specification asks for it. What cannot be written is lost: the error itself goes on.
  static func write(_ problem: Problem, for spec: Spec) {
    guard let path = spec.annotations?[annotation],
      let source = (spec.mounts ?? []).first(where: { $0.destination == path })?.source, source.hasPrefix("/"),
      let file = try? open(source, O_WRONLY | O_TRUNC | O_NOFOLLOW | O_NONBLOCK),
      (try? status(file))?.isRegular == true
    else { return }
    try? writeAll(file, problem.sentence + "\n")
  }
}
