import CSys
import Glibc
import JSON
import MonitorProtocol
import Problems
import Sys
import TestKit
import Testing

@Suite(.serialized, .needs(.root), .needs(.installed), .needs(.program("crun")), .needs(.program("runc")))
struct MonitorAttachTests {
  /// Reads packets until `text` has come or the end.
  private func read(_ socket: borrowing OwnedFD, until text: String) throws -> String {
    var output: [UInt8] = []
    while true {
      var wanted = pollfd(fd: socket.borrowed, events: Int16(POLLIN), revents: 0)
      guard csys_poll(&wanted, 1, 10_000) > 0 else { return String(decoding: output, as: UTF8.self) + " [timeout]" }
      let bytes = try receive(socket, bytesMax: AttachPacket.Limit.packetBytesMax).bytes
      if bytes.isEmpty { return String(decoding: output, as: UTF8.self) + " [gone]" }
      if case .stdout(let part)? = AttachPacket(bytes) { output += part }
      let got = String(decoding: output, as: UTF8.self)
      if got.contains(text) { return got }
    }
  }

  /// covers PD-67, PD-69, LP-25: several clients share one terminal, and each can set its size.
  @Test(arguments: MonitorRuntime.allCases) func clientsShareATerminal(_ runtime: MonitorRuntime) throws {
    let script = "stty size; while read x; do echo \"<$x>\"; stty size; done"
    try withMonitored(runtime, ["sh", "-c", script], terminal: true) { container in
      container.configuration.stdinOpen = true
      let first = try container.createAttached()
      try post(first, .resize(rows: 33, columns: 101))
      usleep(100_000)
      try container.start()
      #expect(try read(first, until: "33 101\r\n").hasPrefix("33 101\r\n"))
      let second = try AttachSession.connect(container.configuration.attachSocket!)
      try AttachSession.resize(container.configuration.attachSocket!, rows: 40, columns: 132)
      usleep(100_000)
      try post(second, .stdin(Array("hello\n".utf8)))
      #expect(try read(first, until: "40 132\r\n") == "hello\r\n<hello>\r\n40 132\r\n")
      #expect(try read(second, until: "40 132\r\n") == "hello\r\n<hello>\r\n40 132\r\n")
      try post(second, .detach)
      try post(first, .stdin(Array("again\n".utf8)))
      #expect(try read(first, until: "<again>").contains("<again>"))
      try check(csys_kill(container.pid, SIGKILL))
      let outcome = try attach(first).outcome
      #expect(outcome == (try container.exitRecord()).map { .exited($0) })
    }
  }

  /// covers PD-68: the keys detach, what was typed before them arrives, the terminal is as it was.
  @Test(arguments: [("", "ctrl-p,ctrl-q", "\u{10}\u{11}"), ("x", "x,y", "xy")])
  func keysDetach(_ before: String, _ keys: String, _ typed: String) throws {
    try withMonitored(.berth, ["cat"], terminal: true) { container in
      container.configuration.stdinOpen = true
      let socket = try container.createAttached()
      let pid = container.pid
      try container.start()
      let master = OwnedFD(adopting: try check(csys_openpty_master()))
      let slave = OwnedFD(adopting: try check(csys_tiocgptpeer(master.borrowed, O_RDWR | O_NOCTTY)))
      var attributes = termios()
      try check(csys_tcgetattr(slave.borrowed, &attributes))
      // Typed when the terminal is raw: before, its line discipline would take ctrl-q for itself.
      let person = try TestKit.start(
        ["sh", "-c", "sleep 1; printf '%s' \"$0\"", "hey\n\(before)\(typed)"], output: master.borrowed)
      var options = AttachSession.Options()
      options.input = slave.borrowed
      options.output = slave.borrowed
      options.errors = slave.borrowed
      options.terminal = true
      options.detachKeys = try DetachKeys(keys)
      #expect(try AttachSession(socket, options: options).run() == .detached)
      _ = try person.wait()
      var after = termios()
      try check(csys_tcgetattr(slave.borrowed, &after))
      #expect(after.c_lflag == attributes.c_lflag && after.c_iflag == attributes.c_iflag)
      #expect(after.c_oflag == attributes.c_oflag)
      #expect(eventually { ((try? container.logged()) ?? []).contains("out:hey\r") })
      #expect(csys_kill(pid, 0) == 0)
    }
  }

  /// covers LP-25, PD-42: 200 MB in and out again, equal to the last byte, with backpressure on both ways.
  @Test(arguments: MonitorRuntime.allCases) func largeInputArrives(_ runtime: MonitorRuntime) throws {
    try withMonitored(runtime, ["sh", "-c", "sleep 0.5; cat"], log: .none) { container in
      container.configuration.stdinOpen = true
      container.configuration.stdinOnce = true
      var generator = SystemRandomNumberGenerator()
      var block = (0..<(1 << 20)).map { _ in UInt8.random(in: 0...255, using: &generator) }
      block[0] = 0x10  // detach keys in a file mean nothing
      block[1] = 0x11
      var input: [UInt8] = []
      input.reserveCapacity(200 << 20)
      for index in 0..<200 {
        block[2] = UInt8(index)
        input += block
      }
      let socket = try container.createAttached()
      try container.start()
      let received = try attach(socket, input: input)
      #expect(received.output == input)
      #expect(try container.exitRecord()?.code == 0)
    }
  }

  /// covers PD-42: a container that ends without reading its input: all its output and its end arrive.
  @Test(arguments: MonitorRuntime.allCases) func inputThatNobodyReads(_ runtime: MonitorRuntime) throws {
    try withMonitored(runtime, ["sh", "-c", "seq 1 20000; exit 6"]) { container in
      container.configuration.stdinOpen = true
      container.configuration.stdinOnce = true
      let socket = try container.createAttached()
      try container.start()
      let received = try attach(socket, input: [UInt8](repeating: 7, count: 8 << 20))
      #expect(received.text.hasSuffix("\n20000\n"))
      #expect(received.outcome == (try container.exitRecord()).map { .exited($0) })
    }
  }

  /// Input stays open for the next client, unless it is for one only.
  @Test(arguments: [true, false]) func inputEndsOnceOrNever(_ once: Bool) throws {
    try withMonitored(.berth, ["sh", "-c", "cat; echo end"]) { container in
      container.configuration.stdinOpen = true
      container.configuration.stdinOnce = once
      let socket = try container.createAttached()
      let pid = container.pid
      try container.start()
      try post(socket, .stdin(Array("one\n".utf8)))
      try post(socket, .stdinEnd)
      if once {
        #expect(try read(socket, until: "end") == "one\nend\n")
        #expect(try container.exitRecord()?.code == 0)
        return
      }
      #expect(try read(socket, until: "one\n") == "one\n")
      let second = try AttachSession.connect(container.configuration.attachSocket!)
      try post(second, .stdin(Array("two\n".utf8)))
      #expect(try read(second, until: "two\n") == "two\n")
      try check(csys_kill(pid, SIGKILL))
    }
  }

  /// A client that takes nothing is dropped after a while; the log has everything.
  @Test func aStuckClientIsDropped() throws {
    let script = "i=0; while [ $i -lt 30000 ]; do echo a line of some length with number $i; i=$((i+1)); done"
    try withMonitored(.berth, ["sh", "-c", script]) { container in
      try container.create()
      let stuck = try AttachSession.connect(container.configuration.attachSocket!)
      try container.start()
      #expect(try container.exitRecord(seconds: 30)?.code == 0)
      #expect(try container.logged().count == 30000)
      #expect(container.notes.contains("a client is dropped"), "\(container.notes)")
      _ = consume stuck
    }
  }

  /// covers PD-67: a client that comes at the end still learns how it ended, or that nobody is there.
  @Test func clientsAtTheEnd() throws {
    try withMonitored(.berth, ["true"]) { container in
      try container.create()
      var waiting: [OwnedFDBox] = []
      for _ in 0..<10 { waiting.append(OwnedFDBox(try AttachSession.connect(container.configuration.attachSocket!))) }
      try container.start()
      let record = try #require(try container.exitRecord())
      for box in waiting { #expect(try attach(box.take()).outcome == .exited(record)) }
      #expect(eventually { !exists(container.configuration.attachSocket!) })
    }
  }

  /// covers PD-71, PD-72, PD-74: an exec session has a monitor, an exit file and clients of its own.
  @Test(arguments: MonitorRuntime.allCases) func execSessions(_ runtime: MonitorRuntime) throws {
    try withMonitored(runtime, ["sleep", "1000"]) { container in
      let pid = try container.create()
      try container.start()
      let processFile = container.directory + "/process.json"
      let process = MonitoredContainer.process(["sh", "-c", "echo in; echo bad >&2; cat; exit 9"])
      try replaceFile(processFile, with: process.bytes(), durable: false)
      var session = container.configuration
      session.exec = .init(processFile: processFile, id: "s1")
      session.exitFile = container.directory + "/s1.exit"
      session.pidFile = container.directory + "/s1.pid"
      session.monitorPidFile = nil
      session.attachSocket = container.directory + "/s1.sock"
      session.log = .init(driver: .none)
      session.stdinOpen = true
      session.stdinOnce = true
      session.attachFD = true
      let pair = try SocketPair.make(type: CInt(SOCK_SEQPACKET.rawValue))
      let sessionPid = try MonitorLauncher.start(session, program: Installed.monitor, attach: pair.second.borrowed)
      #expect(sessionPid != pid)
      let received = try attach(pair.closingSecond(), input: Array("input".utf8))
      #expect(received.text == "in\ninput")
      #expect(received.errorText == "bad\n")
      #expect(try ExitRecord.read(session.exitFile)?.code == 9)
      #expect(csys_kill(pid, 0) == 0)

      try replaceFile(processFile, with: MonitoredContainer.process(["absent-command"]).bytes(), durable: false)
      session.attachFD = false
      let problem = #expect(throws: Problem.self) { try MonitorLauncher.start(session, program: Installed.monitor) }
      #expect(problem?.code == .commandNotFound, "\(problem as Any)")
    }
  }

  /// covers PD-80: following a log ends when the container does, with everything in it.
  @Test func followingALogEnds() throws {
    try withMonitored(.berth, ["sh", "-c", "for i in 1 2 3 4 5; do echo $i; sleep 0.05; done"]) { container in
      try container.create()
      try container.start()
      var options = LogReader.Options()
      options.follow = true
      var lines: [String] = []
      let end = LogReader.End(exitFile: container.configuration.exitFile)
      try LogReader(container.configuration.log, options: options).read(end: end) { entry throws(Problem) in
        lines.append(String(decoding: entry.text, as: UTF8.self))
        return true
      }
      #expect(lines == ["1", "2", "3", "4", "5"])
    }
  }
}

/// Descriptors in an array.
private final class OwnedFDBox {
  private var fd: OwnedFD?
  init(_ fd: consuming OwnedFD) { self.fd = consume fd }
  func take() -> OwnedFD { fd.take()! }
}
