import Problems
import Sys
import TestKit
import Testing

@testable import RuntimeClient

@Suite struct RuntimeClientTests {
  private func withBundle(_ config: String, _ body: (String) throws -> Void) throws {
    try withScratch { scratch in
      try replaceFile(scratch + "/config.json", with: Array(config.utf8), durable: false)
      try body(scratch)
    }
  }

  @Test func aBundleIsReadAndChecked() throws {
    try withBundle(
      #"{"ociVersion":"1.0.2","root":{"path":"rootfs"},"process":{"cwd":"/","args":["sh","-c","x"]},"annotations":{"a":"b"}}"#
    ) { path in
      let bundle = try OCIBundle(path: path)
      #expect(bundle.rootfsPath == path + "/rootfs" && bundle.arguments == ["sh", "-c", "x"] && !bundle.hasTerminal)
      #expect(bundle.annotations == ["a": "b"])
    }
    for config in ["", "[]", #"{"root":{"path":"r"}}"#, #"{"ociVersion":"1.0.2"}"#] {
      try withBundle(config) { path in
        let problem = #expect(throws: Problem.self) { try OCIBundle(path: path) }
        #expect(problem?.code == .invalid && problem?.description.contains(path) == true, "\(config)")
      }
    }
    #expect(#expect(throws: Problem.self) { try OCIBundle(path: "/nowhere") }?.code == .notFound)
    #expect(#expect(throws: Problem.self) { try OCIBundle(path: "relative") }?.code == .invalid)
  }

  @Test func aStateIsWhatTheRuntimePrinted() throws {
    let text = #"{"ociVersion":"1.0.2","id":"c","status":"stopped","pid":0,"bundle":"/b","annotations":{"k":"v"}}"#
    let state = try ContainerState(Array(text.utf8))
    #expect(state.status == .stopped && state.pid == nil && state.bundlePath == "/b" && state.annotations == ["k": "v"])
    for bad in ["", #"{"id":"c"}"#, #"{"ociVersion":"1","id":"c","status":"odd","bundle":"/"}"#] {
      #expect(#expect(throws: Problem.self) { try ContainerState(Array(bad.utf8)) }?.code == .bug)
    }
  }

  @Test func aMissingProgramIsNamed() {
    let problem = #expect(throws: Problem.self) { try ContainerRuntime(program: "/nowhere/berth-runtime") }
    #expect(problem?.code == .notFound && problem?.message.contains("/nowhere/berth-runtime") == true)
  }
}
