import JSON
import MonitorProtocol
import Problems
import Sys
import Testing

@Suite struct MonitorConfigurationTests {
  static let full = MonitorConfiguration(
    id: "0a", name: "web", bundle: "/run/b", runtime: "/bin/rt", runtimeArguments: ["--root", "/r"], terminal: true,
    stdinOpen: true, stdinOnce: true,
    log: .init(driver: .jsonFile, path: "/l", maxSizeBytes: 10, tag: "t\"", labels: ["a": "1", "b": "ü"]),
    exitFile: "/e", pidFile: "/p", monitorPidFile: "/m", attachSocket: "/a", oomFile: "/o", exitCommand: ["/x", "y z"],
    exec: .init(processFile: "/pr", id: "s1"), preserveFDs: 2, attachFD: true, monitorLog: "/ml", startsAtOnce: true,
    noPivot: true,
    durable: false)
  static let small = MonitorConfiguration(id: "0", bundle: "/b", runtime: "/r", exitFile: "/e", pidFile: "/p")

  @Test(arguments: [full, small]) func survivesTheRoundTrip(_ configuration: MonitorConfiguration) throws {
    let text = configuration.json.text()
    #expect(try MonitorConfiguration(json: JSON.parse(text)) == configuration)
  }

  @Test func unknownMembersAreIgnoredAndMissingOnesHaveDefaults() throws {
    let text = #"{"id":"0","bundle":"/b","runtime":"/r","exitFile":"/e","pidFile":"/p","later":[1],"exec":null}"#
    #expect(try MonitorConfiguration(json: JSON.parse(text)) == Self.small)
  }

  @Test(arguments: [
    (#"[]"#, "id of the monitor's configuration must be text that is not empty"),
    (#"{"id":""}"#, "id of the monitor's configuration must be text that is not empty"),
    (
      #"{"id":"0","bundle":"/b","runtime":"/r","terminal":1}"#,
      "terminal of the monitor's configuration must be true or false"
    ),
    (#"{"id":"0","bundle":"/b","runtime":"/r","log":{"driver":"journald"}}"#, "unknown log driver journald"),
    (#"{"id":"0","bundle":"/b","runtime":"/r","log":{"driver":"k8s-file"}}"#, "log driver k8s-file without a path"),
    (
      #"{"id":"0","bundle":"/b","runtime":"/r","runtimeArguments":["a",1]}"#,
      "runtimeArguments of the monitor's configuration must be a list of texts"
    ),
    (
      #"{"id":"0","bundle":"/b","runtime":"/r","exitFile":"/e","pidFile":"/p","preserveFDs":-1}"#,
      "preserveFDs of the monitor's configuration must be a number from 0 on"
    ),
  ]) func wrongMembersAreNamed(_ text: String, _ message: String) throws {
    let json = try JSON.parse(text)
    let problem = #expect(throws: Problem.self) { try MonitorConfiguration(json: json) }
    #expect(problem?.message == message)
    #expect(problem?.code == .invalid)
  }

  @Test func answersAreUnderstood() throws {
    #expect(try MonitorLauncher.pid(inAnswer: MonitorLauncher.answer(pid: 42), id: "c") == 42)
    for code in Problem.Code.allCases {
      let answer = MonitorLauncher.answer(Problem(code: code, message: "no \"x\"\n"))
      let problem = #expect(throws: Problem.self) { try MonitorLauncher.pid(inAnswer: answer, id: "c") }
      #expect(problem?.code == code)
      #expect(problem?.message == "no \"x\"\n")
    }
  }

  @Test(arguments: ["", "{}", "{\"pid\":0}", "{\"pid\":\"1\"}", "pid", "{\"error\":\"x\",\"code\":\"strange\"}"])
  func strangeAnswersAreProblems(_ answer: String) {
    #expect(throws: Problem.self) { try MonitorLauncher.pid(inAnswer: Array(answer.utf8), id: "c") }
  }

  @Test func exitRecordsSurviveTheRoundTrip() throws {
    let record = ExitRecord(.killed(signal: 9), oom: true, finished: "2026-11-21T04:00:00.000000001Z")
    #expect(record.code == 137)
    #expect(record.signal == 9)
    #expect(try ExitRecord(bytes: record.json.bytes()) == record)
    #expect(throws: Problem.self) { try ExitRecord(bytes: []) }
    #expect(throws: Problem.self) { try ExitRecord(bytes: Array("{}".utf8)) }
    #expect(try ExitRecord.read("/nonexistent/exit") == nil)
  }
}
