import CSys
import Glibc
import Sys
import TestKit
import Testing

/// The step between configured and running, and the start of what a container depends on.
@Suite(.needs(.root), .needs(.installed), .serialized) struct InitializationTests {
  private func status(_ engine: TestEngine, _ name: String) throws -> String {
    try engine.ok("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}}", name)
  }

  // covers PD-40: from configured and from exited, with a monitor; not twice
  @Test func initializing() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("create", "--name", "w", "busybox", "sh", "-c", "exit 3")
      #expect(try engine.ok("init", "w") == "w")
      #expect(
        try engine.ok("inspect", "-f", "{{.State.Status}} {{gt .State.Pid 0}} {{gt .State.ConmonPid 0}}", "w")
          == "initialized true true")
      #expect(try engine.ok("ps", "-a", "--format", "{{.Status}} {{.State}}") == "Initialized initialized")
      #expect(try engine.ok("ps", "-q").isEmpty)
      for command in ["init", "container init"] {
        let again = try engine.berth(command.split(separator: " ").map(String.init) + ["w"])
        #expect(again.code == 125 && again.errorText.contains("w has been initialized already"), "\(again)")
      }
      for command in ["exec", "kill", "pause"] {
        #expect(try engine.berth([command, "w"] + (command == "exec" ? ["true"] : [])).code == 125, "\(command)")
      }
      try engine.ok("start", "w")
      #expect(try engine.ok("wait", "w") == "3")
      #expect(try engine.ok("init", "--all").count == 64)
      #expect(try status(engine, "w") == "initialized 3")
      #expect(try engine.berth("stop", "w", seconds: 8).code == 0, "nobody waits for a process that does not run yet")
      #expect(try status(engine, "w") == "exited 137")
      try engine.ok("init", "--latest")
      #expect(try engine.ok("rm", "w") == "w")
      #expect(try engine.berth("init", "w").errorText.contains("no such container"))
      #expect(try engine.berth("init").errorText.contains("name or ID is missing"))
    }
  }

  // covers PD-40, PD-41, PD-42, PD-67: a client of a waiting container has its output from the first byte on
  @Test func attachingBeforeTheStart() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("create", "--name", "a", "-i", "busybox", "sh", "-c", "echo started; cat; exit 4")
      try engine.ok("init", "a")
      let outcome = try engine.berth("start", "-a", "-i", "a", input: Array("in\n".utf8))
      #expect(outcome.text == "started\nin\n" && outcome.code == 4, "\(outcome)")
      #expect(try status(engine, "a") == "exited 4")
      try engine.ok("create", "--name", "b", "busybox", "sh", "-c", "sleep 0.5; echo late; exit 5")
      try engine.ok("init", "b")
      let output = try temporaryFile()
      let client = try engine.startBerth(["attach", "--no-stdin", "b"], output: output.borrowed)
      usleep(300_000)
      try engine.ok("start", "b")
      #expect(try client.wait() == .exited(code: 5))
      #expect(String(decoding: try rewound(output), as: UTF8.self) == "late\n")
      #expect(try engine.ok("logs", "b") == "late")
    }
  }

  // covers PD-40, PD-66: what cannot start is as it was before, and told with the code of a command that is not there
  @Test func commandsThatAreNotThere() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("create", "--name", "bad", "busybox", "no-such-command")
      for command in ["init", "start"] {
        let outcome = try engine.berth(command, "bad")
        #expect(outcome.code == 127 && outcome.errorText.contains("no-such-command"), "\(outcome)")
        #expect(try engine.ok("inspect", "-f", "{{.State.Status}} {{.State.Pid}}", "bad") == "created 0")
      }
      #expect(try engine.ok("inspect", "-f", "{{.State.Error}}", "bad").contains("no-such-command"))
    }
  }

  // covers PD-40, PD-41: dependencies come first with --recursive, and are named without
  @Test func dependencies() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("create", "--name", "base", "busybox", "sleep", "1000")
      try engine.ok("create", "--name", "middle", "--network", "container:base", "busybox", "sleep", "1000")
      try engine.ok("create", "--name", "top", "--pid", "container:middle", "busybox", "echo", "up")
      for command in ["init", "start"] {
        let refused = try engine.berth(command, "top")
        #expect(refused.code == 125 && refused.errorText.contains("are not running: middle"), "\(refused)")
      }
      try engine.ok("init", "--recursive", "top")
      #expect(try engine.ok("ps", "--format", "{{.Names}}") == "base\nmiddle")
      #expect(try status(engine, "top") == "initialized 0")
      try engine.ok("stop", "-t", "0", "top", "middle", "base")
      #expect(try engine.ok("start", "--attach", "--recursive", "top") == "up")
      try engine.ok("stop", "-t", "0", "middle", "base")
      try engine.ok("start", "--recursive", "top")
      #expect(try engine.ok("ps", "--format", "{{.Names}}").contains("base\nmiddle"))
      // Those that depend on others go first.
      #expect(try engine.ok("rm", "-f", "-a").split(separator: "\n").count == 3)
    }
  }
}
