import Glibc
import JSON
import Sys
import TestKit
import Testing

/// The installed `berth`: help, refusals, formats, filters, what `make install` puts where.
@Suite(.needs(.root), .needs(.installed)) struct CommandLineTests {
  @Test func helpIsOnStandardOutput() throws {
    for arguments in [
      ["--help"], ["run", "--help"], ["ps", "-h"], ["container", "ls", "--help"], ["help", "volume", "create"], [],
      ["container"],
    ] {
      let outcome = try run([Installed.berth] + arguments)
      #expect(outcome.code == 0 && outcome.errorText.isEmpty && outcome.text.contains("OVERVIEW: "), "\(outcome)")
    }
    #expect(try run([Installed.berth, "--version"]).text.hasPrefix("berth version "))
    let version = try JSON.parse(try run([Installed.berth, "version", "--format", "json"]).text)
    #expect(version["Client"]?["Version"]?.string?.isEmpty == false)
  }

  @Test(
    arguments: [
      (["ps", "--nope"], "unknown flag: --nope"), (["run", "-z", "x"], "unknown shorthand flag: 'z' in -z"),
      (["run", "--rm=maybe", "x"], "invalid argument \"maybe\" for --rm"), (["run"], "IMAGE is missing"),
      (["container", "nope"], "unknown command \"nope\" for \"berth container\""),
      (["ps", "extra"], "takes no arguments"),
      (["--nope"], "unknown flag: --nope"), (["ps", "--format", "{{.Names"], "an action that does not end"),
      (["run", "--name"], "flag needs an argument: --name"),
      (["run", "--restart", "always", "x"], "not supported yet: --restart"),
      (["ps", "--filter", "nope=1"], "nope"), (["ps", "--sort", "nope"], "none of command, created"),
    ] as [([String], String)]) func badCommandLinesEndWith125(_ arguments: [String], _ text: String) throws
  {
    try withEngine { engine in
      let outcome = try engine.berth(arguments)
      #expect(outcome.code == 125 && outcome.text.isEmpty, "\(outcome)")
      #expect(outcome.errorText.hasPrefix("error: ") && outcome.errorText.contains(text), "\(outcome)")
    }
  }

  /// covers LP-31, LP-32, LP-33, LP-34, LP-35, PD-62, PD-63
  @Test func listsAndTemplates() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let first = try engine.ok("create", "--name", "one", "--label", "tier=web", "localhost/busybox", "echo", "hi")
      let second = try engine.ok("container", "create", "--name", "two", "localhost/busybox", "true")
      #expect(first.count == 64)
      #expect(try engine.ok("ps", "-q") == "")
      #expect(Set(try engine.berth("ps", "-aq", "--no-trunc").lines) == [first, second])
      #expect(Set(try engine.berth("container", "ls", "-a", "--format", "{{.Names}}").lines) == ["one", "two"])
      #expect(try engine.ok("ps", "-a", "--filter", "label=tier=web", "--format", "{{.Names}}") == "one")
      #expect(try engine.ok("ps", "-a", "--filter", "name=two", "--format", "{{.ID}}") == String(second.prefix(12)))
      #expect(try engine.ok("ps", "-a", "-f", "status=running", "-q") == "")
      let table = try engine.berth("ps", "-a").lines
      #expect(table.first?.hasPrefix("CONTAINER ID  IMAGE") == true && table.count == 3, "\(table)")
      #expect(try engine.berth("ps", "-a", "--noheading").lines.count == 2)
      let header = try engine.berth("ps", "-a", "--format", "table {{.ID}}\\t{{.Image}}").lines
      #expect(header.first?.hasPrefix("CONTAINER ID  IMAGE") == true, "\(header)")
      let documents = try JSON.parse(try engine.ok("ps", "-a", "--format", "json"))
      #expect(documents.array?.count == 2)
      let lines = try engine.berth("ps", "-a", "--format", "{{json .}}").lines
      #expect(try lines.allSatisfy { try JSON.parse($0)["Names"]?.string != nil }, "\(lines)")

      #expect(try engine.ok("inspect", "--format", "{{.Id}} {{.State.Status}}", "one") == "\(first) created")
      #expect(
        try engine.ok("inspect", "-f", "{{.Config.Labels.tier}} {{index .Config.Labels \"tier\"}}", "one") == "web web")
      #expect(try engine.ok("inspect", "-f", "{{json .Config.Cmd}}", "one") == "[\"echo\",\"hi\"]")
      let wrong = try engine.berth("inspect", "-f", "{{.Nope}}", "one")
      #expect(wrong.code == 125 && wrong.errorText.contains("no field 'Nope'"), "\(wrong)")
      #expect(try engine.berth("inspect", "--type", "image", "one").code == 125)
      let absent = try engine.berth("inspect", "absent")
      #expect(absent.code == 125 && absent.errorText.contains("no such object: \"absent\""), "\(absent)")
      try engine.ok("rm", "one", "two")
    }
  }

  /// covers LP-16, LP-17
  @Test func imageCommands() throws {
    try withEngine { engine in
      try engine.importBusybox()
      #expect(try engine.ok("images", "--format", "{{.Repository}}:{{.Tag}}") == "localhost/busybox:latest")
      let id = try engine.ok("images", "-q", "--no-trunc")
      #expect(id.hasPrefix("sha256:") && id.count == 71, "\(id)")
      #expect(try engine.ok("image", "ls", "--noheading").contains("localhost/busybox"))
      try engine.ok("tag", "localhost/busybox", "localhost/other:1")
      #expect(try engine.berth("images").lines.count == 3)
      #expect(try JSON.parse(try engine.ok("images", "--format", "json")).array?.count == 1)
      #expect(try engine.berth("image", "exists", "localhost/other:1").code == 0)
      #expect(try engine.berth("image", "exists", "localhost/absent").code == 1)
      #expect(try engine.ok("image", "inspect", "-f", "{{.Id}}", "localhost/other:1") == id.dropFirst(7))
      #expect(try engine.ok("rmi", "localhost/other:1").contains("Untagged: localhost/other:1"))
      let absent = try engine.berth("rmi", "localhost/absent")
      #expect(absent.code == 1 && absent.errorText.contains("localhost/absent"), "\(absent)")
    }
  }

  @Test func volumeCommands() throws {
    try withEngine { (engine) throws in
      let created = try engine.ok("volume", "create", "--label", "a=b", "data")
      #expect(created == "data")
      #expect(try engine.ok("volume", "ls", "-q") == "data")
      #expect(try engine.berth("volume", "ls").lines.first == "DRIVER      VOLUME NAME")
      #expect(try engine.ok("volume", "inspect", "-f", "{{.Name}} {{.Labels.a}} {{.Driver}}", "data") == "data b local")
      #expect(try engine.berth("volume", "rm", "absent").code == 1)
      #expect(try engine.ok("volume", "rm", "data") == "data")
    }
  }

  // covers PD-62, PD-67, PD-80, LP-31: podman's further options of ps, logs and run
  @Test func furtherOptions() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let two = ["run", "--name", "w", "busybox", "sh", "-c", "echo out; echo err >&2"]
      let shown = try engine.berth(Array(two[..<1]) + ["--attach", "stdout"] + two[1...])
      #expect(shown.text == "out\n" && shown.errorText.isEmpty, "\(shown)")
      #expect(try engine.berth("run", "-a", "video", "busybox").errorText.contains("--attach"))
      let id = try engine.ok("run", "-d", "--name", "r", "busybox", "sh", "-c", "echo red; sleep 1000")
      #expect(try eventually { try engine.ok("logs", "r") == "red" })
      #expect(try engine.ok("logs", "--color", "r") == "\u{1B}[31mred\u{1B}[0m")
      #expect(try engine.ok("logs", "r", "r") == "\(id.prefix(12)) red\n\(id.prefix(12)) red")
      #expect(try engine.ok("logs", "--names", "r", "r") == "r red\nr red")
      let pid = try engine.ok("inspect", "-f", "{{.State.Pid}}", "r")
      #expect(try engine.ok("container", "inspect", "--latest", "-f", "{{.Id}}") == id)
      let link = try engine.host("readlink", "/proc/\(pid)/ns/pid").trimmed
      #expect(try link == "pid:[\(engine.ok("ps", "--ns", "--format", "{{.PIDNS}}"))]")
      #expect(try engine.berth("ps", "--ns").lines.first?.hasPrefix("CONTAINER ID  NAMES       PID ") == true)
      #expect(try engine.berth("ps", "--ns", "--size").code == 125)
      #expect(try engine.ok("ps", "--sync", "--external", "-q") == String(id.prefix(12)))
      #expect(try engine.berth("ps", "--pod").errorText.contains("not supported yet: --pod"))
      let output = try temporaryFile()
      let watch = try engine.startBerth(["ps", "-q", "--watch", "1"], output: output.borrowed)
      #expect(try eventually { try rewound(output).count >= 26 }, "twice in a second")
      try watch.signal(SIGTERM)
      _ = try watch.wait()
    }
  }

  @Test func severalNamesGoOnAfterAFailure() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("create", "--name", "one", "localhost/busybox", "true")
      let outcome = try engine.berth("rm", "absent", "one")
      #expect(outcome.code == 1 && outcome.trimmed == "one" && outcome.errorText.contains("absent"), "\(outcome)")
      #expect(try engine.ok("rm", "-f", "absent") == "")
    }
  }

  @Test func installHasCompletionsAndManual() throws {
    let share = Installed.prefix + "/share"
    for file in [
      "bash-completion/completions/berth", "zsh/site-functions/_berth", "fish/vendor_completions.d/berth.fish",
    ] {
      #expect(try readText("\(share)/\(file)").contains("container"), "\(file)")
    }
    for page in ["berth", "berth-run", "berth-container-ls", "berth-volume-create"] {
      #expect(try readText("\(share)/man/man1/\(page).1").hasPrefix(".TH "), "\(page)")
    }
    #expect(try run(["bash", "-n", share + "/bash-completion/completions/berth"]).code == 0)
  }
}
