import Digests
import ImageSpec
import JSON
import Problems
import Testing

private let id = "sha256:" + String(repeating: "a", count: 64)

// covers PD-87
@Test func configIsReadAndWritten() throws {
  let text = """
    {"created":"2024-01-01T00:00:00Z","architecture":"amd64","os":"linux","config":{"User":"1:2","ExposedPorts":{"80/tcp":{}},
    "Env":["A=b","PATH=/bin"],"Entrypoint":["/e"],"Cmd":["c","d"],"Volumes":{"/v":{}},"WorkingDir":"/w","Labels":{"l":"m"},
    "StopSignal":"SIGINT","Shell":["/bin/bash","-c"],"Healthcheck":{"Test":["CMD","x"],"Interval":30000000000,"Retries":3},
    "OnBuild":["RUN x"]},"rootfs":{"type":"layers","diff_ids":["\(id)"]},
    "history":[{"created_by":"a","empty_layer":true},{"created_by":"b","comment":"c"}],"unknown":[1,2]}
    """
  let config = try ImageConfig(parsing: Array(text.utf8))
  #expect(config.platform.description == "linux/amd64")
  #expect(config.diffIDs.map(\.description) == [id])
  #expect(config.history.map(\.emptyLayer) == [true, false])
  let defaults = config.config
  #expect(defaults.user == "1:2")
  #expect(defaults.exposedPorts == ["80/tcp"])
  #expect(defaults.environment == ["A=b", "PATH=/bin"])
  #expect(defaults.entrypoint == ["/e"])
  #expect(defaults.command == ["c", "d"])
  #expect(defaults.volumes == ["/v"])
  #expect(defaults.workingDirectory == "/w")
  #expect(defaults.labels == ["l": "m"])
  #expect(defaults.stopSignal == "SIGINT")
  #expect(defaults.shell == ["/bin/bash", "-c"])
  #expect(defaults.healthCheck?.intervalNanoseconds == 30_000_000_000)
  #expect(defaults.healthCheck?.retries == 3)
  #expect(defaults.onBuild == ["RUN x"])
  #expect(try ImageConfig(parsing: config.json.bytes()) == config)
  #expect(try ContainerDefaults(json: defaults.json) == defaults)
}

@Test func absentIsNotEmpty() throws {
  let config = try ImageConfig(
    parsing: Array("{\"config\":{\"Entrypoint\":[],\"Cmd\":null},\"rootfs\":{\"diff_ids\":[]}}".utf8))
  #expect(config.config.entrypoint == [])
  #expect(config.config.command == nil)
}

@Test(arguments: [
  ("{}", "rootfs: missing"),
  ("{\"rootfs\":[]}", "rootfs: expected an object"),
  ("{\"rootfs\":{\"type\":\"magic\"}}", "rootfs.type"),
  ("{\"rootfs\":{\"diff_ids\":[\"x\"]}}", "not a sha256 digest"),
  ("{\"rootfs\":{\"diff_ids\":\"x\"}}", "array of strings"),
  ("{\"rootfs\":{},\"config\":{\"Env\":[1]}}", "config.Env: expected an array of strings"),
  ("{\"rootfs\":{},\"config\":{\"Labels\":{\"a\":1}}}", "config.Labels.a: expected a string"),
  ("{\"rootfs\":{},\"config\":{\"User\":5}}", "config.User: expected a string"),
  ("{\"rootfs\":{},\"config\":7}", "config: expected an object"),
  ("{\"rootfs\":{},\"history\":[7]}", "history[0]: expected an object"),
  ("{\"rootfs\":{}} x", "text after the value"),
  ("{\"rootfs\":{\"type\":\"\u{1}\"}}", "control character"),
]) func configErrorsNameTheMember(_ text: String, _ words: String) {
  let problem = #expect(throws: Problem.self) { try ImageConfig(parsing: Array(text.utf8)) }
  #expect(problem?.code == .invalid)
  #expect(problem?.sentence.contains(words) == true, "\(problem?.sentence ?? "")")
}
