import Glibc
import JSON
import Sys
import TestKit
import Testing

/// `berth events`: what the commands tell, and how it is read.
@Suite(.needs(.root), .needs(.installed)) struct EventsTests {
  private static let words = "{{.Type}} {{.Status}} {{.Name}}"

  // covers PD-82: for the same commands, the lines that podman has
  @Test(.needs(.program("podman"))) func asPodmanTellsIt() throws {
    let commands = [
      "volume create v", "run --rm --name a -v w:/w --label x=y --network none localhost/busybox true",
      "create --name b --network none localhost/busybox sleep 1000", "start b", "exec b true", "pause b", "unpause b",
      "rename b c", "kill -s CONT c", "rm -f -t 0 c", "run --name d --network none localhost/busybox false", "rm d",
      "volume rm v", "volume prune -f",
    ]
    // podman tells each look for an image as its pull, the end of an exec session up to twice, and stop and cleanup as
    // its command and the one of its monitor come to pass.
    func told(_ lines: [String]) -> [String] {
      let kept = lines.filter {
        ($0.hasPrefix("container") || $0.hasPrefix("volume"))
          && !$0.hasPrefix("container stop") && !$0.hasPrefix("container cleanup")
      }
      return kept.indices.filter { $0 == 0 || kept[$0] != kept[$0 - 1] }.map { kept[$0] }
    }
    let events = "events --stream=false --format '\(Self.words)'"
    let steps = try PeerEngine.run(
      "under-podman",
      commands.enumerated().map { ("step\($0)", "podman \($1)") } + [("events", "podman \(events)")])
    try withEngine { engine in
      try engine.importBusybox()
      for command in commands { try engine.berth(command.split(separator: " ").map(String.init)) }
      let ours = try engine.ok("events", "--stream=false", "--format", Self.words)
      #expect(told(ours.split(separator: "\n").map(String.init)) == told(steps["events"]?.lines ?? []), "\(steps)")
    }
  }

  // covers PD-139, PD-82: what has been connected is told, what failed is not
  @Test func connectAndDisconnect() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("network", "create", "n1")
      let id = try engine.ok("create", "--name", "c", "busybox", "sleep", "1000")
      func told() throws -> [String] {
        let lines = try engine.ok("events", "--stream=false", "--filter", "type=network").split(separator: "\n")
        return lines.map { $0.split(separator: " ").dropFirst(4).joined(separator: " ") }
      }
      #expect(try engine.berth("network", "connect", "no-such", "c").code == 125)
      #expect(try engine.berth("network", "disconnect", "n1", "c").code == 125)
      #expect(try told() == [])
      let facts = "\(id) (container=\(id), name=n1)"
      var wanted: [String] = []
      for isRunning in [false, true] {
        if isRunning { try engine.ok("start", "c") }
        try engine.ok("network", "connect", "n1", "c")
        #expect(try engine.berth("network", "connect", "n1", "c").code == 125)
        try engine.ok("network", "disconnect", "n1", id)
        try engine.ok("network", "disconnect", "-f", "n1", "no-such")
        wanted += ["network connect \(facts)", "network disconnect \(facts)"]
        #expect(try told() == wanted)
      }
      let json = try engine.ok("events", "--stream=false", "--format", "json", "--filter", "event=connect")
      let first = try JSON.parse(String(json.split(separator: "\n")[0]))
      #expect(first["ID"]?.string == id && first["network"]?.string == "n1" && first["Type"]?.string == "network")
    }
  }

  private func lines(_ engine: TestEngine, _ arguments: String...) throws -> [String] {
    let outcome = try engine.berth(["events", "--stream=false", "--format", Self.words] + arguments)
    #expect(outcome.code == 0, "\(outcome)")
    return outcome.lines
  }

  // covers PD-82: of images and volumes
  @Test func imagesAndVolumes() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let id = try engine.ok("images", "-q", "--no-trunc").trimmed.split(separator: ":").last.map(String.init)
      try engine.ok("tag", "busybox", "other")
      try engine.ok("untag", "other", "other")
      try engine.ok("volume", "create", "v")
      #expect(try engine.berth("volume", "create", "v").code == 125)
      try engine.ok("run", "--rm", "-v", "/anonymous", "busybox", "true")
      try engine.ok("volume", "rm", "v")
      try engine.ok("rmi", "busybox")
      let images = try engine.ok(
        "events", "--stream=false", "-f", "type=image", "--format", "{{.Status}} {{.Name}} {{.ID}}"
      ).split(separator: "\n")
      let name = "localhost/busybox:latest"
      let told = [
        "import \(engine.scratch)/busybox.tar", "tag \(name)", "tag other", "untag localhost/other:latest",
        "untag \(name)",
        "remove \(name)",
      ]
      #expect(images.map(String.init) == told.map { "\($0) \(id ?? "")" })
      let volumes = try lines(engine, "--filter", "type=volume")
      #expect(volumes.map { $0.split(separator: " ")[1] } == ["create", "create", "remove", "remove"], "\(volumes)")
      #expect(volumes.filter { $0.hasSuffix(" v") } == ["volume create v", "volume remove v"])
    }
  }

  // covers PD-82: filters, times, forms of output, and what is refused
  @Test func whatIsShown() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let id = try engine.ok("create", "--name", "a", "--label", "x=one\ntwo", "busybox", "sh", "-c", "exit 7")
      #expect(try engine.berth("start", "-a", "a").code == 7)
      try engine.ok("rm", "a")
      let all = ["create", "init", "start", "attach", "died", "cleanup", "remove"].map { "container \($0) a" }
      #expect(try lines(engine, "-f", "container=a") == all)
      #expect(try lines(engine, "-f", "container=\(id.prefix(12))", "--since", "1h") == all)
      #expect(try lines(engine, "-f", "label=x", "-f", "event=died", "-f", "event=start") == [all[2], all[4]])
      #expect(try lines(engine, "-f", "label=x=two") == [])
      #expect(try lines(engine, "-f", "container=a", "--until", "1h") == [])
      #expect(try lines(engine, "-f", "container=a", "--since", "2100-01-01") == [])
      // Without more than a time that has passed, it does not go on.
      let outcome = try engine.berth("events", "--until", "0s", "--filter", "event=died")
      let stamp = #/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ [+-]\d{4} \w+ /#
      #expect(outcome.lines.count == 1 && outcome.text.prefixMatch(of: stamp) != nil, "\(outcome)")
      #expect(
        outcome.text.hasSuffix("container died \(id) (image=localhost/busybox:latest, name=a, x=one\\u000atwo)\n"))
      let short = try engine.ok("events", "--stream=false", "--no-trunc=false", "-f", "event=died")
      #expect(short.contains(" died \(id.prefix(12)) ("))
      let json = try JSON.parse(try engine.ok("events", "--stream=false", "--format", "json", "-f", "event=died"))
      #expect(json["ContainerExitCode"]?.integer() == 7 && json["Attributes"]?["x"]?.string == "one\ntwo")
      #expect(json["ID"]?.string == id && json["Image"]?.string == "localhost/busybox:latest")
      #expect(
        try engine.ok(
          "events", "--stream=false", "-f", "event=died", "--format", "{{.ContainerExitCode}} {{.Attributes.x}}")
          == "7 one\ntwo")
      for (arguments, words) in [
        (["--filter", "event"], "--filter"), (["--filter", "event=checkpoint"], "Berth has no such event"),
        (["--filter", "pod=p"], "Berth has no pods"), (["--filter", "nope=x"], "unknown filter"),
        (["--since", "yesterday"], "--since"), (["--until", ""], "--until"), (["--format", "{{.Nope}}"], "Nope"),
        (["--format", "table {{.ID}}"], "table"), (["x"], "x"),
      ] {
        let outcome = try engine.berth(["events", "--stream=false"] + arguments)
        #expect(outcome.code == 125 && outcome.errorText.contains(words) && outcome.text.isEmpty, "\(outcome)")
      }
    }
  }

  // covers PD-82: an event that comes later, over a log that is put aside, up to a time
  @Test func following() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let output = try temporaryFile()
      let events = try engine.startBerth(
        ["events", "--format", Self.words, "--filter", "type=volume"], output: output.borrowed)
      func told() throws -> [String] {
        String(decoding: try readFile("/proc/self/fd/\(output.borrowed)"), as: UTF8.self).split(separator: "\n").map(
          String.init)
      }
      // It is ready when it hears the first one.
      let isReady = try eventually {
        try engine.ok("volume", "create", "first", "--ignore")
        try engine.ok("volume", "rm", "first")
        return try !told().isEmpty
      }
      #expect(isReady)
      #expect(try eventually { try told().last == "volume remove first" })
      let before = try told().count
      try engine.ok("volume", "create", "a")
      #expect(try eventually { try told().dropFirst(before) == ["volume create a"] })
      let log = engine.runroot + "/events/events.log"
      try rename(log, to: log + ".1")
      try engine.ok("volume", "rm", "a")
      #expect(try eventually { try told().dropFirst(before) == ["volume create a", "volume remove a"] })
      try events.signal(SIGTERM)
      _ = try events.wait()
      let until = try engine.berth("events", "--until", "\(Double(time(nil) + 1))", "--format", Self.words, seconds: 10)
      #expect(until.code == 0 && until.lines.suffix(2) == ["volume create a", "volume remove a"], "\(until)")
    }
  }

  // covers PD-82: many writers at once, and killed ones
  @Test func manyWriters() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let script = """
        for n in $(seq 50); do \(Installed.berth) run --rm --network none --name n$n localhost/busybox true & done; wait
        for n in $(seq 8); do
          \(Installed.berth) run --network none --name k$n localhost/busybox sleep 1000 & p=$!; usleep ${n}000; kill -9 $p
        done
        """
      let outcome = try TestKit.run(engine.beside(["busybox", "sh", "-c", script]), environment: engine.environment)
      #expect(outcome.code == 0, "\(outcome)")
      for number in 1...50 {
        let told = try lines(engine, "-f", "container=n\(number)").map { String($0.split(separator: " ")[1]) }
        #expect(told == ["create", "init", "start", "attach", "died", "remove"], "n\(number)")
      }
      try engine.ok("rm", "-f", "-a", "-t", "0")
      let text = try readText(engine.runroot + "/events/events.log")
      for line in text.split(separator: "\n") { #expect((try? JSON.parse(String(line))) != nil, "\(line)") }
    }
  }

  // covers PD-82, PD-139: an ordinary user's, below the user's own run directory
  @Test func ofAnOrdinaryUser() throws {
    try OrdinaryUser.with { user in
      for command in [
        ["network", "create", "n1"], ["network", "create", "n2"], ["run", "--rm", "--name", "a", "hello"],
        ["create", "--network", "n1", "--name", "c", "hello"], ["network", "connect", "n2", "c"],
        ["network", "disconnect", "n2", "c"],
      ] {
        let outcome = try user.run([Installed.berth] + command)
        #expect(outcome.code == 0, "\(outcome)")
      }
      let told = try user.berth("events", "--stream=false", "--format", Self.words)
      let wanted = ["create", "init", "start", "attach", "died", "remove"].map { "container \($0) a" }
      #expect(told.lines == wanted + ["container create c", "network connect c", "network disconnect c"], "\(told)")
    }
  }

  // covers PD-82: --events-backend, and a log that cannot be written fails nothing
  @Test func backends() throws {
    try withEngine { engine in
      try engine.importBusybox()
      #expect(try engine.ok("info", "-f", "{{.host.eventLogger}}") == "file")
      let before = try lines(engine)
      try engine.ok("--events-backend", "none", "run", "-d", "--name", "q", "busybox", "true")
      #expect(try engine.ok("--events-backend", "none", "wait", "q") == "0")
      #expect(
        try eventually {
          try engine.ok("--events-backend", "none", "inspect", "-f", "{{.State.Status}}", "q") == "exited"
        })
      #expect(try lines(engine) == before)
      #expect(try engine.ok("--events-backend", "none", "info", "-f", "{{.host.eventLogger}}") == "none")
      for (backend, words) in [
        ("none", "cannot read events with the \"none\" backend"), ("journald", "journald is not supported"),
        ("nope", "--events-backend \"nope\""),
      ] {
        let outcome = try engine.berth("--events-backend", backend, "events", "--stream=false")
        #expect(outcome.code == 125 && outcome.errorText.contains(words), "\(outcome)")
      }
      let directory = engine.runroot + "/events"
      try rename(directory, to: directory + ".away")
      try replaceFile(directory, with: [], durable: false)
      let outcome = try engine.berth("run", "--rm", "busybox", "echo", "out")
      #expect(
        outcome.code == 0 && outcome.trimmed == "out" && outcome.errorText.contains("events are lost"), "\(outcome)")
    }
  }
}
