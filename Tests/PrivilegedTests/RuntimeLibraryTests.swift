import Glibc
import JSON
import Problems
import RuntimeClient
import Sys
import TestKit
import Testing

/// The runtime as a library: the installed program under the public interface of RuntimeClient.
@Suite(.needs(.root), .needs(.installed), .serialized) struct RuntimeLibraryTests {
  private func withRuntime(_ command: String..., body: (ContainerRuntime, OCIBundle, String) throws -> Void) throws {
    try withBundle { bundle in
      try bundle.configure([("process.args", JSON(command))], id: "c")
      try body(
        try ContainerRuntime(program: Installed.runtime, root: bundle.state), try OCIBundle(path: bundle.path), "c")
    }
  }

  // covers LX-12, LX-41, LX-42, LX-46, LX-45
  @Test func createStartExecKillWaitDelete() throws {
    try withRuntime("sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.05; done") { runtime, bundle, id in
      let output = try temporaryFile()
      let container = try runtime.create(
        id, from: bundle, streams: ContainerStreams(output: output.borrowed, errors: output.borrowed))
      #expect(try container.state().status == .created)
      try container.start()
      #expect(try container.state().status == .running)
      #expect(try eventually { String(decoding: try rewound(output), as: UTF8.self) == "up\n" })
      #expect(
        try container.exec(["sh", "-c", "exit $CODE"], ProcessOptions(environment: ["CODE=9"])) == .exited(code: 9))
      #expect(#expect(throws: Problem.self) { try container.exec(["/no/such"]) }?.code == .commandNotFound)
      try container.kill(signal: SIGTERM)
      #expect(try container.wait() == .exited(code: 5))
      #expect(try container.wait() == .exited(code: 5), "it may be asked again")
      #expect(try runtime.container(id).state().status == .stopped)
      try container.delete()
      #expect(#expect(throws: Problem.self) { try runtime.container(id) }?.code == .notFound)
    }
  }

  @Test func aSignalAndAMissingCommandAreTold() throws {
    try withRuntime("sleep", "100") { runtime, bundle, id in
      let container = try runtime.create(id, from: bundle)
      try container.start()
      #expect(#expect(throws: Problem.self) { try container.start() } != nil, "it runs already")
      try container.kill(signal: SIGKILL)
      #expect(try container.wait() == .killed(signal: SIGKILL))
    }
    try withRuntime("/no/such/command") { runtime, bundle, id in
      #expect(#expect(throws: Problem.self) { try runtime.create(id, from: bundle) }?.code == .commandNotFound)
    }
  }
}
