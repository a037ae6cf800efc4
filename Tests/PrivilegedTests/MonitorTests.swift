import CSys
import Glibc
import JSON
import MonitorProtocol
import Problems
import Sys
import TestKit
import Testing

@Suite(.serialized, .needs(.root), .needs(.installed), .needs(.program("crun")), .needs(.program("runc")))
struct MonitorTests {
  /// covers PD-42, PD-56, PD-79, LP-25
  @Test(arguments: MonitorRuntime.allCases) func nothingIsLost(_ runtime: MonitorRuntime) throws {
    let script = "echo out; echo err >&2; sleep 0.1; printf part; exit 7"
    try withMonitored(runtime, ["sh", "-c", script]) { container in
      let socket = try container.createAttached()
      let pid = container.pid
      #expect(pid > 1)
      #expect(try readText(container.configuration.pidFile).trimmed == "\(pid)")
      try container.start()
      let received = try attach(socket)
      #expect(received.text == "out\npart")
      #expect(received.errorText == "err\n")
      let record = try container.exitRecord()
      #expect(record?.code == 7)
      #expect(record.map { .exited($0) } == received.outcome)
      #expect(try container.logged().sorted() == ["err:err", "out:out", "out:part"])
      #expect(eventually { !exists(container.configuration.attachSocket!) })
    }
  }

  /// covers LX-50: the signal that ended the container is known.
  @Test(arguments: MonitorRuntime.allCases) func signalsAreReported(_ runtime: MonitorRuntime) throws {
    try withMonitored(runtime, ["sleep", "1000"]) { container in
      let pid = try container.create()
      try container.start()
      try check(csys_kill(pid, SIGKILL))
      let record = try container.exitRecord()
      #expect(record?.code == 137)
      #expect(record?.signal == SIGKILL)
      #expect(record?.oom == false)
    }
  }

  /// covers PD-66 (codes): the runtime's words become a problem with the right code.
  @Test(arguments: MonitorRuntime.allCases) func failuresHaveCodes(_ runtime: MonitorRuntime) throws {
    let cases: [([String], Problem.Code)] = [
      (["absent-command"], .commandNotFound), (["/absent/command"], .commandNotFound), (["/etc"], .cannotExecute),
    ]
    for (command, code) in cases {
      try withMonitored(runtime, command) { container in
        let problem = #expect(throws: Problem.self) { _ = try container.create() }
        #expect(problem?.code == code, "\(problem as Any)")
        #expect(problem?.message.contains(command[0]) == true || code == .cannotExecute, "\(problem as Any)")
        #expect(!exists(container.configuration.exitFile))
      }
    }
  }

  @Test func aMissingRuntimeIsNotAMissingCommand() throws {
    try withMonitored(.crun, ["true"]) { container in
      container.configuration.runtime = "/absent/runtime"
      let problem = #expect(throws: Problem.self) { _ = try container.create() }
      #expect(problem?.code == .unavailable)
      #expect(problem?.message.contains("/absent/runtime") == true)
    }
  }

  /// covers PD-79: every line is there, in files that keep to the limit.
  @Test(arguments: [MonitorConfiguration.Log.Driver.k8sFile, .jsonFile])
  func logsRotate(_ driver: MonitorConfiguration.Log.Driver) throws {
    let script = "i=0; while [ $i -lt 3000 ]; do echo line $i; i=$((i+1)); done"
    try withMonitored(.berth, ["sh", "-c", script], log: driver) { container in
      container.configuration.log.maxSizeBytes = 150_000
      try container.create()
      try container.start()
      #expect(try container.exitRecord()?.code == 0)
      let path = container.configuration.log.path
      #expect(try status(path).st_size <= 150_000)
      #expect(try status(path + ".1").st_size <= 150_000)
      let lines = try container.logged()
      #expect(lines.last == "out:line 2999")
      #expect(lines == (3000 - lines.count..<3000).map { "out:line \($0)" })
      #expect(lines.count > 1000)
    }
  }

  /// covers PD-79: a full disk loses log, never the container.
  @Test func aFullDiskDoesNotStopTheContainer() throws {
    let script = "i=0; while [ $i -lt 20000 ]; do echo line $i; i=$((i+1)); done; exit 3"
    try withMonitored(.berth, ["sh", "-c", script]) { container in
      let small = container.directory + "/small"
      try makeDirectories(small)
      try check(csys_mount("none", small, "tmpfs", 0, "size=64k"))
      defer { _ = csys_umount2(small, CInt(MNT_DETACH)) }
      container.configuration.log.path = small + "/ctr.log"
      let socket = try container.createAttached()
      try container.start()
      let received = try attach(socket)
      #expect(received.text.hasSuffix("line 19999\n"))
      #expect(try container.exitRecord()?.code == 3)
      #expect(container.notes.split(separator: "\n").count { $0.contains("output is lost") } == 1, "\(container.notes)")
      for line in try readText(small + "/ctr.log").split(separator: "\n") {
        #expect(LogEntry(k8sLine: Array(line.utf8)) != nil, "half an entry stays: \(line)")
      }
    }
  }

  /// covers PD-61: the exit command runs after the exit file is there, detached.
  @Test func theExitCommandSeesTheExitFile() throws {
    try withMonitored(.berth, ["true"]) { container in
      let seen = container.directory + "/seen"
      container.configuration.exitCommand = [
        "/bin/sh", "-c", "cp \(container.configuration.exitFile) \(seen).new; mv \(seen).new \(seen)", container.id,
      ]
      try container.create()
      try container.start()
      #expect(eventually { exists(seen) })
      #expect(try ExitRecord.read(seen) == container.exitRecord())
    }
  }

  /// covers PD-76: descriptors from 3 on reach the container.
  @Test(arguments: MonitorRuntime.allCases) func descriptorsArePassedOn(_ runtime: MonitorRuntime) throws {
    try withMonitored(runtime, ["sh", "-c", "cat <&3; cat <&4"]) { container in
      let first = try temporaryFile()
      let second = try temporaryFile()
      try writeAll(first, "three\n")
      try writeAll(second, "four\n")
      lseek(first.borrowed, 0, SEEK_SET)
      lseek(second.borrowed, 0, SEEK_SET)
      let socket = try container.createAttached(preserved: [first.borrowed, second.borrowed])
      try container.start()
      let received = try attach(socket)
      #expect(received.text == "three\nfour\n", "\(received.errorText)")
    }
  }

  /// covers PD-56 (dead monitor): the container outlives it, clients and readers notice.
  @Test(arguments: MonitorRuntime.allCases) func aKilledMonitorIsNoticed(_ runtime: MonitorRuntime) throws {
    try withMonitored(runtime, ["sh", "-c", "echo hello; sleep 1000"]) { container in
      let socket = try container.createAttached()
      let pid = container.pid
      try container.start()
      #expect(eventually { (try? container.logged()) == ["out:hello"] })
      let monitor = try #require(container.monitorPid)
      let pidfd = OwnedFD(adopting: try check(csys_pidfd_open(monitor, 0)))
      try check(csys_kill(monitor, SIGKILL))
      #expect(try attach(socket).outcome == .disconnected)
      var options = LogReader.Options()
      options.follow = true
      var count = 0
      let end = LogReader.End(exitFile: container.configuration.exitFile, monitor: pidfd.borrowed)
      try LogReader(container.configuration.log, options: options).read(end: end) { _ throws(Problem) in
        count += 1
        return true
      }
      #expect(count == 1)
      #expect(csys_kill(pid, 0) == 0)
      let problem = #expect(throws: Problem.self) {
        _ = try AttachSession.connect(container.configuration.attachSocket!)
      }
      #expect(problem?.code == .notFound)
      try check(csys_kill(pid, SIGKILL))
      #expect(!exists(container.configuration.exitFile))
    }
  }

  /// The engine may die at any time: the monitor goes on.
  @Test func aLostEngineChangesNothing() throws {
    try withMonitored(.berth, ["sh", "-c", "sleep 0.3; echo after; exit 4"]) { container in
      let socket = try container.createAttached()
      try container.start()
      _ = consume socket
      #expect(try container.exitRecord()?.code == 4)
      #expect(try container.logged() == ["out:after"])
    }
  }

  /// A kill for memory is told in the exit record and by the oom file.
  @Test(arguments: MonitorRuntime.allCases) func killsForMemoryAreSeen(_ runtime: MonitorRuntime) throws {
    let script = "x=aaaaaaaa; while :; do x=$x$x; done"
    try withMonitored(runtime, ["sh", "-c", script], memoryLimit: 16 << 20) { container in
      try container.create()
      try container.start()
      let record = try container.exitRecord()
      #expect(record?.oom == true)
      #expect(record?.code == 137)
      #expect(exists(container.configuration.oomFile!))
    }
  }
}
