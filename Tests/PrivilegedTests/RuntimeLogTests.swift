import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// The runtime's log, and what else it tells.
@Suite(.needs(.root), .needs(.installed), .needs(.program("busybox"))) struct RuntimeLogTests {
  private func run(_ bundle: RuntimeBundle, _ words: [String]) throws -> Outcome {
    try TestKit.run([Installed.runtime, "--root", bundle.state] + words, seconds: 60)
  }

  /// covers LX-07, LX-08, LX-48
  @Test func theLogIsTheOwnersAndTellsHowLong() throws {
    try withBundle { bundle in
      let log = bundle.scratch + "/logs/runtime.log"
      try makeDirectories(bundle.state)
      let words = ["--log", log, "--log-format", "json", "--log-level", "info"]
      #expect(try run(bundle, words + ["list"]).code == 0)
      #expect(try run(bundle, words + ["state", "x"]).code == 1)
      let lines = try readText(log).split(separator: "\n").map { try JSON.parse(Array($0.utf8)) }
      #expect(lines.map { $0["msg"]?.string } == ["cmd completed", "container does not exist: x", "cmd failed"])
      #expect(
        lines[0]["cmd"] == "list" && lines[2]["cid"] == "x" && lines[2]["duration"]?.string?.hasSuffix("ms") == true)
      #expect(try Sys.status(log).st_mode & 0o777 == 0o600)
      #expect(try Sys.status(bundle.scratch + "/logs").st_mode & 0o777 == 0o750)
      let odd = try run(bundle, ["--log-level", "loud", "list"])
      #expect(odd.code == 0 && odd.errorText.contains("log level \"loud\" is none of"), "\(odd)")
    }
  }

  /// covers LX-38
  @Test func kubernetesReadsWhyNothingStarted() throws {
    try withBundle { bundle in
      let message = bundle.scratch + "/message"
      try replaceFile(message, with: [], durable: false)
      let annotations: JSON = ["io.kubernetes.container.terminationMessagePath": "/dev/termination-log"]
      try bundle.configure([
        ("process.args", ["no-such-command"]), ("annotations", annotations),
        bundle.bind(message, "/dev/termination-log"),
      ])
      #expect(try bundle.runtime("run", "-b", bundle.path, "c").code == 127)
      #expect(try readText(message).contains("executable file not found in $PATH"))
      // A link in its place is not followed.
      try unlink(message)
      try check(csys_symlinkat(bundle.scratch + "/victim", AT_FDCWD, message))
      try replaceFile(bundle.scratch + "/victim", with: [], durable: false)
      _ = try bundle.runtime("run", "-b", bundle.path, "c")
      #expect(try readText(bundle.scratch + "/victim").isEmpty)
    }
  }

  /// covers LX-11: nothing of a command's own on standard output
  @Test func standardOutputStaysClean() throws {
    try withBundle { bundle in
      try bundle.configure([("process.args", ["sleep", "1000"])])
      for words in [["--debug", "run", "-d", "-b", bundle.path, "c"], ["--debug", "kill", "c", "KILL"]] {
        #expect(try run(bundle, words).text.isEmpty)
      }
    }
  }
}
