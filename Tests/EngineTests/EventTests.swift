import Glibc
import JSON
import Problems
import Testing

@testable import Engine

// covers PD-82: the log of events, what stands in it, and what readers make of it
@Suite struct EventTests {
  private func withLog(bytesMax: off_t = EventLog.Limit.bytesMax, _ body: (EventLog) throws -> Void) throws {
    var template = Array("/tmp/berth-events-XXXXXX".utf8CString)
    let directory = String(cString: try #require(mkdtemp(&template)))
    var log = EventLog(directory: directory)
    log.bytesMax = bytesMax
    defer {
      for path in [log.path, log.pathAside, directory + "/lock"] { _ = unlink(path) }
      rmdir(directory)
    }
    try body(log)
  }
  private func event(_ name: String, _ kind: EngineEvent.Kind = .volume, _ status: EngineEvent.Status = .create)
    -> EngineEvent
  { EngineEvent(kind, status, name: name) }
  private func append(_ text: String, to path: String) throws {
    let file = try #require(fopen(path, "a"))
    fputs(text, file)
    fclose(file)
  }
  private func names(_ reader: EventReader) throws -> [String] {
    var names: [String] = []
    _ = try reader.readOn { event in
      names.append(event.name)
      return true
    }
    return names
  }
  private func size(_ path: String) -> off_t {
    var found = stat()
    return stat(path, &found) == 0 ? found.st_size : -1
  }

  @Test func eachEventIsReadBackAsItWasWritten() throws {
    for kind in EngineEvent.Kind.allCases {
      for status in EngineEvent.Status.allCases {
        var event = EngineEvent(kind, status, id: "ab", name: "n")
        #expect(EngineEvent(json: event.json) == event)
        (event.image, event.network, event.exitCode, event.attributes) = ("i", "w", 0, ["a": "b"])
        #expect(EngineEvent(json: event.json) == event)
      }
    }
    for text in ["{}", "[]", #"{"Type":"pod","Status":"create","Time":"2026-01-01T00:00:00Z"}"#] {
      #expect(EngineEvent(json: try JSON.parse(text)) == nil)
    }
  }

  @Test func membersAreThoseOfPodman() {
    var event = EngineEvent(.container, .died, id: "ab", name: "web")
    (event.time, event.exitCode, event.image, event.attributes) = (0, 3, "i", ["x": "y"])
    event.time = 1_700_000_000_000_000_000
    #expect(
      event.json.text()
        == #"{"ContainerExitCode":3,"ID":"ab","Image":"i","Name":"web","Status":"died","#
        + #""Time":"2023-11-14T22:13:20.000000000Z","Type":"container","Attributes":{"x":"y"}}"#)
    event = EngineEvent(.network, .connect, id: "ab", name: "web")
    (event.time, event.network) = (1_700_000_000_000_000_000, "n1")
    #expect(
      event.json.text()
        == #"{"ID":"ab","Name":"web","network":"n1","Status":"connect","#
        + #""Time":"2023-11-14T22:13:20.000000000Z","Type":"network","Attributes":null}"#)
  }

  @Test func noNameForgesALine() throws {
    try withLog { log in
      var forged = event("a\n{\"Type\":\"volume\",\"Status\":\"remove\",\"Time\":\"2026-01-01T00:00:00Z\"}\nb")
      forged.attributes = ["l\n{}": "\n"]
      try log.append([forged])
      #expect(EventLog.bytes(of: [forged]).count { $0 == 10 } == 2)
      #expect(try names(EventReader(log, fromStart: true)) == [forged.name])
    }
  }

  @Test func attributesThatAreTooLongAreLeftOut() throws {
    try withLog { log in
      var long = event("long")
      long.attributes = ["l": .string(String(repeating: "x", count: EventLog.Limit.lineBytesMax))]
      try log.append([long])
      #expect(size(log.path) < 1000)
      #expect(try names(EventReader(log, fromStart: true)) == ["long"])
    }
  }

  @Test func aTornLineEndsWithTheNextOne() throws {
    try withLog { log in
      try log.append([event("a")])
      try append(#"{"Name":"torn","Status":"cre"#, to: log.path)
      let reader = try EventReader(log, fromStart: true)
      #expect(try names(reader) == ["a"])
      try log.append([event("b"), event("c")])
      #expect(try names(reader) == ["b", "c"])
      try append("no JSON\n\u{0}\n" + String(repeating: "x", count: 3 * EventLog.Limit.lineBytesMax), to: log.path)
      try log.append([event("d")])
      #expect(try names(reader) == ["d"])
      #expect(try names(EventReader(log, fromStart: true)) == ["a", "b", "c", "d"])
    }
  }

  @Test func aReaderMayBeginAtTheEnd() throws {
    try withLog { log in
      let early = try EventReader(log, fromStart: false)
      #expect(try names(early) == [])
      try log.append([event("a")])
      let late = try EventReader(log, fromStart: false)
      try log.append([event("b")])
      #expect(try names(early) == ["a", "b"])
      #expect(try names(late) == ["b"])
      #expect(try names(late) == [])
    }
  }

  @Test func theLogIsBoundedAndItsReaderSeesAll() throws {
    try withLog(bytesMax: 2000) { log in
      try log.append([event("0")])
      let reader = try EventReader(log, fromStart: true)
      var seen = try names(reader)
      for number in 1...100 {
        try log.append([event("\(number)")])
        if number % 5 == 0 { seen += try names(reader) }
        #expect(size(log.path) < 2200 && size(log.pathAside) < 2200)
      }
      #expect(seen == (0...100).map { "\($0)" })
      let kept = try names(EventReader(log, fromStart: true))
      #expect(kept == (0...100).map { "\($0)" }.suffix(kept.count) && kept.count > 15)
    }
  }

  @Test func aLateWriterIsHeard() throws {
    try withLog(bytesMax: 500) { log in
      try log.append([event("a")])
      let reader = try EventReader(log, fromStart: true)
      let late = try #require(fopen(log.path, "a"))
      while size(log.pathAside) < 0 { try log.append([event("b")]) }
      try log.append([event("c")])
      #expect(Set(try names(reader)) == ["a", "b", "c"])
      fputs(String(decoding: EventLog.bytes(of: [event("late")]), as: UTF8.self), late)
      fclose(late)
      #expect(try names(reader) == ["late"])
    }
  }

  @Test(arguments: [
    (["type=container"], [0, 1, 2]), (["event=died"], [1]), (["event=die"], [1]), (["status=create"], [0, 4]),
    (["event=create", "event=died"], [0, 1, 4]), (["event=create", "type=volume"], [4]),
    (["container=web"], [0, 1]), (["container=ab"], [0, 1]), (["container=we"], []), (["container=n1"], []),
    (["image=busybox"], [3]), (["image=ee"], [3]), (["volume=v"], [4]), (["network=n1"], [5]),
    (["label=x"], [0, 1]), (["label=x=y"], [0]), (["label=x=z", "label=x=y"], [0, 1]), (["label=q"], []),
    ([], [0, 1, 2, 3, 4, 5]),
  ]) func filters(_ texts: [String], _ wanted: [Int]) throws {
    var events = [
      EngineEvent(.container, .create, id: "abcd", name: "web"),
      EngineEvent(.container, .died, id: "abcd", name: "web"),
      EngineEvent(.container, .start, id: "cdef", name: "db"), EngineEvent(.image, .pull, id: "eeff", name: "busybox"),
      EngineEvent(.volume, .create, name: "v"), EngineEvent(.network, .connect, id: "abcd", name: "web"),
    ]
    (events[0].attributes, events[1].attributes) = (["x": "y"], ["x": "z"])
    events[5].network = "n1"
    let filter = try EventFilter(texts.map { text throws in try ListFilter(flag: text) })
    #expect(events.indices.filter { filter.matches(events[$0]) } == wanted)
  }

  @Test(arguments: [
    ("event=checkpoint", Problem.Code.invalid), ("type=pod", .invalid), ("pod=p", .unsupported), ("name=x", .invalid),
    ("container=", .invalid), ("label==x", .invalid),
  ]) func refusedFilters(_ text: String, _ code: Problem.Code) throws {
    let problem = #expect(throws: Problem.self) { try EventFilter([try ListFilter(flag: text)]) }
    #expect(
      problem?.code == code && problem?.message.contains(text.prefix { $0 != "=" }) == true,
      "\(String(describing: problem))")
  }

  @Test func backends() throws {
    #expect(try EventsBackend("file") == .file && EventsBackend("none") == .none)
    #expect(#expect(throws: Problem.self) { try EventsBackend("journald") }?.code == .unsupported)
    #expect(#expect(throws: Problem.self) { try EventsBackend("") }?.code == .invalid)
  }
}
