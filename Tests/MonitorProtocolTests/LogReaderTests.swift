import Glibc
import MonitorProtocol
import Problems
import Sys
import Testing

// covers PD-80, LP-36
@Suite struct LogReaderTests {
  private func withLog<R>(_ text: String?, rotated: String? = nil, _ body: (String) throws -> R) throws -> R {
    let directory = "/tmp/berth-log-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    try makeDirectories(directory)
    defer { try? removeTree(directory) }
    let path = directory + "/ctr.log"
    if let text { try replaceFile(path, with: Array(text.utf8), durable: false) }
    if let rotated { try replaceFile(path + ".1", with: Array(rotated.utf8), durable: false) }
    return try body(path)
  }
  private func entries(
    _ path: String, _ driver: MonitorConfiguration.Log.Driver = .k8sFile, _ options: LogReader.Options = .init(),
    end: LogReader.End = .init()
  ) throws -> [LogEntry] {
    var result: [LogEntry] = []
    try LogReader(.init(driver: driver, path: path), options: options).read(end: end) { entry throws(Problem) in
      result.append(entry)
      return true
    }
    return result
  }
  private func texts(_ entries: [LogEntry]) -> [String] { entries.map { String(decoding: $0.text, as: UTF8.self) } }
  private func line(_ second: Int, _ text: String, stream: String = "stdout", tag: String = "F") -> String {
    "2026-11-21T04:00:0\(second).000000000+00:00 \(stream) \(tag) \(text)\n"
  }

  @Test func partsOfLinesAreJoinedStreamByStream() throws {
    let log =
      line(1, "he", tag: "P") + line(2, "err", stream: "stderr") + line(3, "l", tag: "P") + line(4, "lo") + line(5, "")
      + line(6, "$ ", tag: "P")
    let read = try withLog(log) { try entries($0) }
    #expect(texts(read) == ["err", "hello", "", "$ "])
    #expect(read.map(\.isError) == [true, false, false, false])
    #expect(read.map(\.endsLine) == [true, true, true, false])
    #expect(read[1].time == LogTime(rfc3339: "2026-11-21T04:00:01Z".utf8))
    let printed = String(decoding: read[1].bytes(timestamps: true), as: UTF8.self)
    #expect(printed == "2026-11-21T04:00:01.000000000Z hello\n")
    #expect(String(decoding: read[3].bytes(timestamps: false), as: UTF8.self) == "$ ")
  }

  @Test func jsonLinesAreRead() throws {
    let log = """
      {"log":"a\\"b\\n","stream":"stdout","time":"2026-11-21T04:00:01Z"}
      {"log":"par","stream":"stderr","time":"2026-11-21T04:00:02Z"}
      {"log":"t\\n","stream":"stderr","attrs":{"x":"y"},"time":"2026-11-21T04:00:03Z"}

      """
    let read = try withLog(log) { try entries($0, .jsonFile) }
    #expect(texts(read) == ["a\"b", "part"])
    #expect(read.map(\.isError) == [false, true])
  }

  @Test(arguments: [
    "", "\n\n\n", "x", "no time stdout F x\n", "2026-11-21T04:00:00Z stdin F x\n", "2026-11-21T04:00:00Z stdout X x\n",
    "2026-11-21T04:00:00Z stdout\n", "2026-11-21T04:00:00Z stdout FF x\n", "\0\u{1}\u{7f}\n",
    "2026-11-21T04:00:00Z stdout F no newline yet",
  ]) func hostileLinesAreLeftOut(_ log: String) throws {
    let read = try withLog(log + (log.isEmpty ? "" : "\n") + line(1, "good")) { try entries($0) }
    #expect(texts(read).last == "good")
    #expect(texts(read).count <= 2)
  }

  @Test func aLineLargerThanAllLimitsIsLeftOut() throws {
    let long = String(repeating: "x", count: 5 << 20)
    #expect(texts(try withLog(long + "\n" + line(1, "good")) { try entries($0) }) == ["good"])
    #expect(texts(try withLog(line(1, "a") + long) { try entries($0) }) == ["a"])
  }

  @Test func endlessPartsAreDeliveredInPieces() throws {
    let part = line(1, String(repeating: "y", count: 16 << 10), tag: "P")
    let read = try withLog(String(repeating: part, count: 200) + line(2, "end")) { try entries($0) }
    #expect(read.count > 1)
    #expect(read.allSatisfy { $0.text.count <= LogReader.Limit.lineBytesMax + (16 << 10) })
    #expect(read.reduce(0) { $0 + $1.text.count } == 200 * (16 << 10) + 3)
    #expect(read.map(\.continuesLine) == [false] + Array(repeating: true, count: read.count - 1))
    #expect(read.last?.endsLine == true)
  }

  @Test(arguments: [
    (0, []), (1, ["l9"]), (3, ["l7", "l8", "l9"]), (7, ["l3", "l4", "l5", "l6", "l7", "l8", "l9"]),
    (100, (1...9).map { "l\($0)" }),
  ])
  func tailCountsOverTheRotation(_ count: Int, _ wanted: [String]) throws {
    var options = LogReader.Options()
    options.tail = count
    let old = (1...4).map { line($0, "l\($0)") }.joined()
    let new = (5...9).map { line($0, "l\($0)") }.joined()
    #expect(texts(try withLog(new, rotated: old) { try entries($0, .k8sFile, options) }) == wanted)
  }

  @Test func tailOfALargeLogCountsJoinedLines() throws {
    var options = LogReader.Options()
    options.tail = 2
    var log = ""
    for index in 0..<20_000 { log += line(1, "line \(index)") }
    for index in 0..<3 { log += line(2, "a\(index)", tag: "P") + line(3, "b\(index)", tag: "P") + line(4, "c") }
    #expect(texts(try withLog(log) { try entries($0, .k8sFile, options) }) == ["a1b1c", "a2b2c"])
  }

  @Test func sinceAndUntilBoundTheTime() throws {
    var options = LogReader.Options()
    options.since = LogTime(rfc3339: "2026-11-21T04:00:03Z".utf8)
    options.until = LogTime(rfc3339: "2026-11-21T04:00:05Z".utf8)
    let log = (1...9).map { line($0, "l\($0)") }.joined()
    #expect(texts(try withLog(log) { try entries($0, .k8sFile, options) }) == ["l3", "l4", "l5"])
  }

  @Test func aMissingFileIsEmptyAndReadingChangesNothing() throws {
    #expect(try withLog(nil) { try entries($0) }.isEmpty)
    #expect(throws: Problem.self) { try entries("/x", .none) }
    try withLog(line(1, "a")) { path in
      let before = try readFile(path)
      _ = try entries(path)
      #expect(try readFile(path) == before)
    }
  }

  @Test func followingEndsWithTheExitFileAndSeesRotations() throws {
    try withLog(line(1, "first")) { path in
      let exit = parentPath(of: path) + "/exit"
      let writer = Spawn(
        "/bin/sh",
        [
          "-c",
          """
          sleep 0.1; printf '%s' '\(line(2, "second"))' >>\(path); sleep 0.1
          mv \(path) \(path).1; printf '%s' '\(line(3, "third"))' >\(path); sleep 0.1
          printf '%s' '\(line(4, "last", tag: "P"))' >>\(path); echo '{"code":0}' >\(exit).new; mv \(exit).new \(exit)
          """,
        ], environment: ["PATH=/usr/bin:/bin"])
      let child = try writer.start()
      var options = LogReader.Options()
      options.follow = true
      let read = try entries(path, .k8sFile, options, end: .init(exitFile: exit))
      #expect(texts(read) == ["first", "second", "third", "last"])
      _ = try child.wait()
    }
  }

  @Test func followingStopsWhenTheReaderHasEnough() throws {
    try withLog(line(1, "a") + line(2, "b")) { path in
      var options = LogReader.Options()
      options.follow = true
      var seen = 0
      try LogReader(.init(driver: .k8sFile, path: path), options: options).read { _ throws(Problem) in
        seen += 1
        return false
      }
      #expect(seen == 1)
    }
  }
}
