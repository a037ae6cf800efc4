import JSON
import Sys
import TestKit
import Testing

/// Where namespaces are joined, an intermediate process makes the container's: what becomes of its word.
@Suite(.needs(.root), .needs(.installed), .needs(.program("busybox")), .needs(.program("strace")))
struct RuntimeJoinTests {
  private func traced(_ bundle: RuntimeBundle, _ options: [String], _ arguments: String...) throws -> Outcome {
    try TestKit.run(
      ["timeout", "-s", "KILL", "20", "strace", "-f", "-o", bundle.scratch + "/trace"] + options
        + [Installed.runtime, "--root", bundle.state] + arguments, seconds: 60)
  }

  // covers LX-32: one that is killed does not leave the runtime waiting
  @Test func theIntermediateProcessIsKilled() throws {
    try withBundle { bundle in
      try bundle.configure([
        ("process.args", ["sleep", "1000"]),
        ("linux.namespaces+", ["type": "time", "path": "/proc/self/ns/time"]),
      ])
      let outcome = try traced(
        bundle, ["-e", "trace=setns", "-e", "inject=setns:signal=SIGKILL:when=1"], "run", "-b", bundle.path, "c")
      #expect(outcome.code == 1, "\(outcome)")
      #expect(outcome.errorText.contains("the intermediate process ended unexpectedly"), "\(outcome)")
    }
  }

  // covers LX-32, OC-08: what the container's process says may come before the pid
  @Test func theIntermediateProcessIsLate() throws {
    try withBundle { bundle in
      let map: JSON = [["containerID": 0, "hostID": 100_000, "size": 65536]]
      try bundle.startSleeper(
        "u", [("linux.namespaces+", ["type": "user"]), ("linux.uidMappings", map), ("linux.gidMappings", map)])
      let outcome = try traced(
        bundle, ["-e", "trace=clone,clone3", "-e", "inject=clone,clone3:delay_exit=400000"], "exec", "u", "echo", "hi")
      #expect(outcome.code == 0 && outcome.text == "hi\n", "\(outcome)")
    }
  }
}
