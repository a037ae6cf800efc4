import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// Many times the same, and killed at any moment: nothing lost, nothing left.
/// BERTH_ENDURANCE=1 takes the counts that a release must show; otherwise a sample.
@Suite(.serialized, .needs(.root), .needs(.installed)) struct EnduranceTests {
  private let full = environmentVariable("BERTH_ENDURANCE") == "1"
  private var runsInARow: Int { full ? 1000 : 40 }
  private var runsAtOnce: Int { full ? 50 : 12 }
  private var kills: Int { full ? 200 : 24 }

  /// Containers' cgroups below every controller.
  private func cgroups(of ids: [String]) -> [String] {
    ((try? entries(ofPath: "/sys/fs/cgroup")) ?? []).flatMap { controller in
      ids.map { "/sys/fs/cgroup/\(controller.name)/berth/\($0)" }.filter(exists)
    }
  }
  private func containers(_ engine: TestEngine) throws -> [String] {
    try engine.berth("ps", "-a", "-q", "--no-trunc").lines
  }
  private func directories(_ path: String) -> [String] { ((try? entries(ofPath: path)) ?? []).map(\.name) }

  private func expectNothingLeft(_ engine: TestEngine) throws {
    #expect(try containers(engine) == [])
    #expect(directories(engine.root + "/containers") == [])
    #expect(eventually(10) { directories(engine.runroot + "/containers") == [] }, "run directory")
    #expect(eventually(10) { processes(mentioning: engine.scratch).isEmpty }, "processes")
    #expect(mountPoints(below: engine.scratch) == [])
  }

  /// covers PD-49, PD-50, PD-61: cleanup of an attached `--rm` run happens in the command itself.
  @Test func runsInARowLeaveNothing() throws {
    try withEngine { engine in
      try engine.importBusybox()
      for number in 0..<runsInARow {
        let outcome = try engine.berth(
          "run", "--rm", "--network", "none", "localhost/busybox", "sh", "-c", "echo \(number); exit \(number % 100)")
        #expect(outcome.trimmed == "\(number)" && outcome.code == CInt(number % 100), "\(outcome)")
      }
      try expectNothingLeft(engine)
    }
  }

  /// covers PD-26, PD-35: objects made at the same time by many processes.
  @Test(arguments: [false, true])
  func runsAtOnceAllSucceed(_ detached: Bool) throws {
    try withEngine { engine in
      try engine.importBusybox()
      let outputs = try (0..<runsAtOnce).map { _ in try temporaryFile().release() }
      defer { for output in outputs { _ = csys_close(output) } }
      var pids: [pid_t] = []
      for number in 0..<runsAtOnce {
        let flags = detached ? ["-d", "--name", "n\(number)"] : ["--rm"]
        let child = try engine.startBerth(
          ["run"] + flags + ["--network", "none", "localhost/busybox", "echo", "\(number)"], output: outputs[number],
          errors: outputs[number])
        pids.append(child.pid)
      }
      for (number, pid) in pids.enumerated() {
        var status: CInt = 0
        try check(csys_wait4(pid, &status, 0))
        let text = String(
          decoding: try rewound(OwnedFD(adopting: try check(csys_fcntl(outputs[number], F_DUPFD_CLOEXEC, 0)))),
          as: UTF8.self)
        #expect(ExitStatus(waitStatus: status) == .exited(code: 0), "\(number): \(text)")
        if !detached { #expect(text == "\(number)\n") }
      }
      if detached {
        for number in 0..<runsAtOnce {
          #expect(try engine.berth("wait", "n\(number)").trimmed == "0")
          #expect(try engine.berth("logs", "n\(number)").trimmed == "\(number)")
        }
        try engine.ok("container", "prune", "-f")
      }
      try expectNothingLeft(engine)
    }
  }

  /// covers PD-50, PD-166: the command is killed at a random point of run, create and rm; what was acknowledged is there,
  /// nothing is half there, and the next command repairs the rest.
  @Test func killedCommandsAreRepaired() throws {
    try withEngine { engine in
      try engine.importBusybox()
      var generator = SystemRandomNumberGenerator()
      for number in 0..<kills {
        let name = "k\(number)"
        let output = try temporaryFile()
        let verb = ["run", "create", "rm"][number % 3]
        if verb == "rm" { try engine.ok("create", "--name", name, "localhost/busybox", "true") }
        let arguments =
          switch verb {
          case "run": ["run", "--name", name, "localhost/busybox", "echo", "alive"]
          case "create": ["create", "--name", name, "localhost/busybox", "true"]
          default: ["rm", name]
          }
        let child = try engine.startBerth(arguments, output: output.borrowed)
        usleep(UInt32.random(in: 0..<40_000, using: &generator))
        try? child.signal(SIGKILL)  // it may have ended already
        _ = try child.wait()
        let acknowledged = !(try rewound(output).isEmpty)
        let found = try engine.berth("inspect", "--type", "container", name)
        if verb != "rm" && acknowledged { #expect(found.code == 0, "\(verb) had answered: \(found)") }
        if verb == "rm" && acknowledged { #expect(found.code != 0, "rm had answered: \(found)") }
        if found.code == 0 {
          #expect((try? JSON.parse(found.output)) != nil, "\(found)")
          let removed = try engine.berth("rm", "-f", "-t", "0", name)
          #expect(removed.code == 0, "\(verb), killed: \(removed)")
        }
        let again = try engine.berth("create", "--name", name, "localhost/busybox", "true")
        #expect(again.code == 0, "the name stays taken after a killed \(verb): \(again)")
        try engine.ok("rm", name)
      }
      try engine.ok("run", "--rm", "localhost/busybox", "true")
      try expectNothingLeft(engine)
    }
  }

  /// covers PD-56: the monitor is killed; the container is found dead, is not lost, and can be removed or started again.
  @Test func aKilledMonitorIsNoticed() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let id = try engine.ok("run", "-d", "--name", "web", "localhost/busybox", "sleep", "1000")
      let text = try readText("\(engine.runroot)/containers/\(id)/monitor.pid")
      let pid = try #require(pid_t(text.trimmed))
      try check(csys_kill(pid, SIGKILL))
      #expect(eventually { processes(mentioning: "berth-monitor").contains(pid) == false })
      let state = try engine.ok("inspect", "--format", "{{.State.Status}}", "web")
      #expect(["running", "exited", "stopped"].contains(state))
      try engine.ok("rm", "-f", "-t", "0", "web")
      #expect(cgroups(of: [id]) == [])
      try expectNothingLeft(engine)
    }
  }
}
