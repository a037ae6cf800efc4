import Problems
import Testing

@testable import Monitor

@Suite struct RuntimeMessageTests {
  @Test(
    arguments: [
      (
        "executable file `nosuch` not found in $PATH: No such file or directory\n", .commandNotFound,
        "executable file `nosuch` not found in $PATH: No such file or directory"
      ),
      (
        "2026-11-21T04:00:00.000131577Z: open executable: Operation not permitted\n", .cannotExecute,
        "open executable: Operation not permitted"
      ),
      (
        "time=\"2026-11-21T04:00:00Z\" level=warning msg=\"w\"\ntime=\"2026-11-21T04:00:00Z\" level=error msg=\"runc create failed: exec: \\\"x\\\": executable file not found in $PATH\"\n",
        .commandNotFound, "runc create failed: exec: \"x\": executable file not found in $PATH"
      ),
      (
        "{\"level\":\"error\",\"msg\":\"exec: \\\"/etc\\\": permission denied\",\"time\":\"t\"}\n", .cannotExecute,
        "exec: \"/etc\": permission denied"
      ),
      (
        "{\"msg\":\"exec container process `/x`: Exec format error\",\"level\":\"error\"}", .cannotExecute,
        "exec container process `/x`: Exec format error"
      ),
      ("container `a` already exists\n", .conflict, "container `a` already exists"),
      ("container \"a\" does not exist", .notFound, "container \"a\" does not exist"),
      (
        "error: mount proc in web: Operation not permitted\nhint: run as root\n", .denied,
        "mount proc in web: Operation not permitted"
      ),
      (
        "unable to start container process: unable to find user x: no matching entries in passwd file", .invalid,
        "unable to start container process: unable to find user x: no matching entries in passwd file"
      ),
      ("rt: something broke", .unavailable, "something broke"),
      ("something broke", .unavailable, "something broke"),
      ("", .unavailable, "/rt failed without a word, exit code 1"),
      ("{not json", .unavailable, "{not json"),
    ] as [(String, Problem.Code, String)]) func codesAndWords(_ output: String, _ code: Problem.Code, _ message: String)
  {
    let problem = RuntimeMessage.problem(Array(output.utf8), exitCode: 1, runtime: "/rt")
    #expect(problem.code == code)
    #expect(problem.message == message)
  }

  @Test(arguments: [(127, .commandNotFound), (126, .cannotExecute), (125, .unavailable)] as [(Int32, Problem.Code)])
  func shellCodesCount(_ exitCode: Int32, _ code: Problem.Code) {
    #expect(RuntimeMessage.problem(Array("x".utf8), exitCode: exitCode, runtime: "/rt").code == code)
  }

  @Test func anyBytesAreMet() {
    for count in [1, 10, 1000] {
      let bytes = (0..<count).map { _ in UInt8.random(in: 0...255) }
      _ = RuntimeMessage.problem(bytes, exitCode: 1, runtime: "/rt")
      _ = RuntimeMessage.problem(Array("level=error msg=\"\\".utf8) + bytes, exitCode: 1, runtime: "/rt")
    }
  }
}
