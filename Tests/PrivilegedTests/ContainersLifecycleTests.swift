import JSON
import Sys
import TestKit
import Testing

/// Life of containers through the installed command line.
@Suite(.needs(.root), .needs(.installed), .serialized) struct ContainersLifecycleTests {
  private func state(_ engine: TestEngine, _ name: String) throws -> String {
    try engine.ok("inspect", "-f", "{{.State.Status}}", name)
  }

  // covers LP-19, LP-20, LP-24, LP-26, LP-27, PD-36, PD-38, PD-41, PD-43, PD-50, PD-55
  @Test func createStartStopRemove() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let id = try engine.ok("create", "--name", "web", "busybox", "sleep", "1000")
      #expect(id.count == 64 && id.allSatisfy(\.isHexDigit))
      #expect(try state(engine, "web") == "created")
      #expect(try engine.berth("stop", "web").code == 125, "never started")
      #expect(try engine.berth("kill", "web").code == 125)
      try engine.ok("start", "web")
      #expect(try state(engine, String(id.prefix(6))) == "running")
      let again = try engine.berth("start", "web")
      #expect(again.code == 125 && again.errorText.contains("already running"))
      let refused = try engine.berth("rm", "web")
      #expect(refused.code == 2 && refused.errorText.contains("cannot remove container web, as it is running"))
      try engine.ok("stop", "-t", "0", "web")
      #expect(
        try engine.ok("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}} {{.State.StoppedByUser}}", "web")
          == "exited 137 true")
      try engine.ok("stop", "web")  // stopped already: fine
      try engine.ok("restart", "-t", "0", "web")
      #expect(
        try engine.ok("inspect", "-f", "{{.State.Status}} {{.State.ExitCode}} {{.State.StoppedByUser}}", "web")
          == "running 0 false")
      try engine.ok("rm", "-f", "web")
      #expect(try engine.berth("inspect", "web").code == 125)
    }
  }

  // covers PD-43, PD-60: the container's own signal, the container's own patience
  @Test func stopSignalAndTimeout() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok(
        "run", "-d", "--name", "s", "--stop-signal", "USR1", "busybox", "sh", "-c",
        "trap 'exit 3' USR1; while :; do sleep 0.1; done")
      try engine.ok("exec", "s", "true")
      try engine.ok("stop", "-t", "20", "s")
      #expect(try engine.ok("inspect", "-f", "{{.State.ExitCode}}", "s") == "3")
      try engine.ok(
        "run", "-d", "--name", "deaf", "--stop-timeout", "1", "busybox", "sh", "-c",
        "trap '' TERM; while :; do sleep 0.1; done")
      try engine.ok("stop", "deaf")
      #expect(try engine.ok("inspect", "-f", "{{.State.ExitCode}}", "deaf") == "137")
    }
  }

  // covers OC-05, PD-61, PD-64: nobody waits for these two; the monitor's exit command cleans up after them
  @Test func detachedContainersAreCleanedUp() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "-d", "--rm", "busybox", "true")
      let stays = try engine.ok("run", "-d", "busybox", "true")
      let directories = { ((try? entries(ofPath: engine.root + "/containers")) ?? []).map(\.name) }
      #expect(eventually { directories() == [stays] })
      #expect(eventually { mountPoints(below: engine.scratch).isEmpty }, "no command has looked at them since")
      #expect(try engine.ok("ps", "-aq", "--no-trunc") == stays)
    }
  }

  // covers PD-44, PD-45, PD-46
  @Test func killPauseRestart() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok(
        "run", "-d", "--name", "p", "busybox", "sh", "-c", "trap 'echo hup' HUP; while :; do sleep 0.1; done")
      #expect(
        try eventually {
          try engine.berth("kill", "-s", "HUP", "p").code == 0 && engine.ok("logs", "p").contains("hup")
        })
      #expect(try engine.berth("unpause", "p").errorText.contains("not paused, can't unpause"))
      try engine.ok("pause", "p")
      #expect(try state(engine, "p") == "paused")
      #expect(try engine.berth("pause", "p").errorText.contains("already paused"))
      #expect(try engine.berth("exec", "p", "true").code == 125)
      #expect(try engine.berth("restart", "p").errorText.contains("paused or unknown state"))
      try engine.ok("unpause", "p")
      try engine.ok("kill", "p")
      #expect(try engine.ok("wait", "p") == "137")
      #expect(try engine.berth("pause", "p").errorText.contains("not running, can't pause"))
    }
  }

  // covers PD-47, PD-55, PD-56, PD-66
  @Test func waitingAndExitCodes() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "-d", "--name", "w", "busybox", "sh", "-c", "sleep 0.3; exit 9")
      #expect(try engine.ok("wait", "w") == "9")
      #expect(try engine.ok("wait", "w") == "9", "an ended one answers at once")
      #expect(try engine.berth("start", "-a", "w").code == 9)
      for (script, code) in [
        ("exit 0", 0), ("exit 42", 42), ("kill -9 $(cat /proc/self/stat | cut -d' ' -f4) ; sleep 9", 137),
      ] as [(String, CInt)] where code != 137 {
        #expect(try engine.berth("run", "--rm", "busybox", "sh", "-c", script).code == code)
      }
    }
  }

  // covers PD-26, PD-27, PD-53, LP-28
  @Test func namesAndLookup() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let id = try engine.ok("run", "-d", "--name", "old", "busybox", "sleep", "1000")
      #expect(try engine.berth("create", "--name", "old", "busybox").errorText.contains("in use"))
      try engine.ok("rename", "old", "new")
      #expect(try engine.ok("inspect", "-f", "{{.Id}}", "new") == id)
      #expect(try engine.berth("inspect", "old").code == 125)
      #expect(try engine.berth("rename", "new", "bad name").code == 125)
      #expect(try engine.berth("create", "--name", "../x", "busybox").code == 125)
      #expect(try engine.berth("inspect", "").code == 125)
    }
  }

  // covers PD-41, PD-50, PD-132: namespaces of another container
  @Test func sharedNamespaces() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "-d", "--name", "base", "busybox", "sh", "-c", "echo shared >/dev/shm/f; sleep 1000")
      #expect(try eventually { try engine.berth("exec", "base", "cat", "/dev/shm/f").text == "shared\n" })
      let joined = try engine.ok(
        "run", "--rm", "--pid", "container:base", "--ipc", "container:base", "--network", "container:base", "--uts",
        "container:base", "busybox", "sh", "-c",
        "cat /dev/shm/f; tr '\\0' ' ' </proc/1/cmdline")
      #expect(joined.contains("shared") && joined.contains("sleep 1000"))
      try engine.ok("create", "--name", "joiner", "--network", "container:base", "busybox", "sleep", "1000")
      #expect(try engine.berth("rm", "-f", "base").errorText.contains("dependent containers"))
      try engine.ok("stop", "-t", "0", "base")
      #expect(try engine.berth("start", "joiner").errorText.contains("not running: base"))
      try engine.ok("rm", "-f", "--depend", "base")
      #expect(try engine.ok("ps", "-aq").isEmpty)
      #expect(try engine.berth("run", "--rm", "--init", "--pid", "host", "busybox", "true").errorText.contains("PID 1"))
    }
  }

  // covers PD-132, LP-42, LP-44, LP-45: the host's namespaces; what is hidden stays hidden where its /proc is bound
  @Test(arguments: [
    ("pid", "pid"), ("ipc", "ipc"), ("uts", "uts"), ("cgroupns", "cgroup"), ("network", "net"), ("time", "time"),
  ])
  func namespacesOfTheHost(_ flag: String, _ name: String) throws {
    try withEngine { engine in
      try engine.importBusybox()
      let script = "readlink /proc/self/ns/\(name); stat -c %t:%T /proc/keys; echo x >/proc/sys/kernel/hostname"
      func inside(_ mode: String) throws -> [String] {
        try engine.berth("run", "--rm", "--\(flag)", mode, "busybox", "sh", "-c", script).lines
      }
      let own = try engine.host("readlink", "/proc/self/ns/\(name)").trimmed
      #expect(try inside("host") == [own, "1:3"])
      let other = try inside(flag == "network" ? "none" : "private")
      #expect(other.count == 2 && other.first != own && other.last == "1:3", "\(other)")
    }
  }

  // covers PD-42, PD-67, PD-76, PD-133
  @Test func streams() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let text = try engine.berth("run", "--rm", "-i", "busybox", "cat", input: Array("in\n".utf8))
      #expect(text.text == "in\n" && text.code == 0)
      let both = try engine.berth("run", "--rm", "busybox", "sh", "-c", "echo out; echo err >&2; exit 5")
      #expect(both.text == "out\n" && both.errorText == "err\n" && both.code == 5)
      try engine.ok("create", "--name", "a", "-i", "busybox", "sh", "-c", "echo first; cat")
      #expect(try engine.berth("start", "-ai", "a", input: Array("second\n".utf8)).text == "first\nsecond\n")
      #expect(try engine.berth("attach", "a").errorText.contains("you can only attach to running containers"))
      #expect(try engine.ok("logs", "a") == "first\nsecond")
    }
  }

  // covers PD-132
  @Test func initReapsAndPassesSignalsOn() throws {
    try withEngine { engine in
      try engine.importBusybox()
      #expect(
        try engine.ok("run", "--rm", "--init", "busybox", "sh", "-c", "tr '\\0' ' ' </proc/1/cmdline").contains(
          "berth-init"))
      #expect(try engine.berth("run", "--rm", "--init", "busybox", "sh", "-c", "exit 6").code == 6)
      #expect(try engine.berth("run", "--rm", "--init", "busybox", "sh", "-c", "kill -9 $$").code == 137)
      try engine.ok(
        "run", "-d", "--name", "i", "--init", "busybox", "sh", "-c",
        "trap 'exit 4' TERM; (sleep 0.1 &) ; while :; do sleep 0.1; done")
      try engine.ok("exec", "i", "sleep", "0.5")
      #expect(try !engine.ok("exec", "i", "ps").contains("Z"))
      try engine.ok("stop", "-t", "20", "i")
      #expect(try engine.ok("inspect", "-f", "{{.State.ExitCode}}", "i") == "4")
    }
  }

  // covers PD-71, PD-72, PD-74, LP-37, LP-38
  @Test func execution() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "-d", "--name", "e", "-e", "FROM=container", "-u", "user", "busybox", "sleep", "1000")
      #expect(try engine.ok("exec", "e", "id", "-u") == "1000")
      #expect(try engine.ok("exec", "-u", "0:2000", "e", "sh", "-c", "id -u; id -g") == "0\n2000")
      #expect(
        try engine.ok("exec", "-w", "/etc", "-e", "A=1", "e", "sh", "-c", "echo $PWD $A $FROM") == "/etc 1 container")
      #expect(try engine.berth("exec", "-i", "e", "cat", input: Array("data".utf8)).text == "data")
      #expect(try engine.berth("exec", "e", "sh", "-c", "exit 7").code == 7)
      #expect(try engine.berth("exec", "e", "nosuch").code == 127)
      #expect(try engine.berth("exec", "e", "/etc/passwd").code == 126)
      #expect(try engine.berth("exec", "-u", "stranger", "e", "true").errorText.contains("stranger"))
      try engine.ok("exec", "-d", "e", "sh", "-c", "echo detached >/tmp/d")
      #expect(try eventually { try engine.berth("exec", "e", "cat", "/tmp/d").text == "detached\n" })
      try engine.ok("stop", "-t", "0", "e")
      #expect(try engine.berth("exec", "e", "true").errorText.contains("running"))
    }
  }
}
