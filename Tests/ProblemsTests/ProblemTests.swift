import Glibc
import Problems
import Sys
import Testing

@Suite struct ProblemTests {
  @Test(arguments: [
    (
      Problem(code: .denied, message: "mount proc in web", hint: "run as root", cause: Errno(rawValue: EPERM)),
      "error: mount proc in web: Operation not permitted\nhint: run as root"
    ),
    (Problem(code: .notFound, message: "no such container: web"), "error: no such container: web"),
    (
      Problem(
        code: .invalid, message: "start web",
        cause: Problem(code: .invalid, message: "read config", hint: "rm it", cause: Errno.notFound)),
      "error: start web: read config: No such file or directory\nhint: rm it"
    ),
  ])
  func wording(_ problem: Problem, _ text: String) { #expect(problem.description == text) }

  /// Covers PD-66 and decision G.7: 125 for the engine's own errors, 126 and 127 for the command's.
  @Test(arguments: Problem.Code.allCases)
  func everyCodeHasAnExitStatus(_ code: Problem.Code) {
    let status = Problem(code: code, message: "x").exitStatus
    #expect(status == (code == .cannotExecute ? 126 : code == .commandNotFound ? 127 : 125))
  }

  @Test func doingAddsTheMessageOnce() {
    #expect {
      try doing("open bundle /b") { () throws(Errno) in throw .notFound }
    } throws: { ($0 as? Problem)?.sentence == "open bundle /b: No such file or directory" }
  }
}
