import JSON
import MonitorProtocol
import Testing

@testable import Monitor

// covers PD-79
@Suite struct LogEncoderTests {
  /// Encodes in one go, and gives the text and what was left over.
  private func encode(
    _ input: [UInt8], _ log: MonitorConfiguration.Log, isError: Bool = false, isEnd: Bool = true,
    capacity: Int = 512 << 10
  ) -> (text: [UInt8], left: Int, writes: Int) {
    let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: capacity, alignment: 16)
    defer { memory.deallocate() }
    var encoder = LogEncoder(log, output: memory)
    encoder.begin(LogTime(nanoseconds: 1_795_233_600_123_456_789), isError: isError)
    var text: [UInt8] = []
    var place = 0
    var writes = 0
    while true {
      let step = input[place...].withUnsafeBytes { encoder.encode($0, isEnd: isEnd) }
      place += step.consumed
      text += Array(encoder.take())
      writes += 1
      if !step.isFull { return (text, input.count - place, writes) }
    }
  }
  private let k8s = MonitorConfiguration.Log(driver: .k8sFile, path: "/l")
  private let json = MonitorConfiguration.Log(driver: .jsonFile, path: "/l")

  @Test(arguments: [
    ("a\n", "T stdout F a\n"), ("\n", "T stdout F \n"), ("a\nb", "T stdout F a\nT stdout P b\n"), ("", ""),
    ("\r\n", "T stdout F \r\n"), ("\0\u{1b}[0m\n", "T stdout F \0\u{1b}[0m\n"), ("\n\n", "T stdout F \nT stdout F \n"),
    ("2026-01-01T00:00:00Z stdout F fake\n", "T stdout F 2026-01-01T00:00:00Z stdout F fake\n"),
  ]) func k8sLines(_ input: String, _ output: String) {
    let time = "2026-11-21T04:00:00.123456789+00:00"
    let wanted = output.split(separator: "\n", omittingEmptySubsequences: false).map { line in
      line.hasPrefix("T ") ? time + line.dropFirst() : String(line)
    }.joined(separator: "\n")
    #expect(String(decoding: encode(Array(input.utf8), k8s).text, as: UTF8.self) == wanted)
  }

  @Test func aLineWithoutItsEndWaits() {
    let result = encode(Array("a\nrest".utf8), k8s, isEnd: false)
    #expect(result.left == 4)
    #expect(result.text.count { $0 == 10 } == 1)
  }

  @Test func longLinesAreSplit() {
    let line = [UInt8](repeating: 0x78, count: 40 << 10) + [10]
    let lines = encode(line, k8s).text.split(separator: 10)
    #expect(lines.count == 3)
    let entries = lines.compactMap { LogEntry(k8sLine: $0) }
    #expect(entries.map(\.endsLine) == [false, false, true])
    #expect(entries.reduce(0) { $0 + $1.text.count } == 40 << 10)
  }

  @Test func aFullOutputIsWrittenInBetween() {
    let input = [UInt8](repeating: 10, count: 20_000)
    let result = encode(input, k8s, capacity: 128 << 10)
    #expect(result.writes > 1)
    #expect(result.text.split(separator: 10).count == 20_000)
  }

  @Test(arguments: [
    ("a\n", "a\\n"), ("a\"\\\u{8}\u{c}\t\r\u{1}\u{7f}é😀\n", "a\\\"\\\\\\b\\f\\t\\r\\u0001\\u007fé😀\\n"),
    ("part", "part"),
  ]) func jsonLines(_ input: String, _ escaped: String) {
    let text = String(decoding: encode(Array(input.utf8), json, isError: true).text, as: UTF8.self)
    #expect(text == "{\"log\":\"\(escaped)\",\"stream\":\"stderr\",\"time\":\"2026-11-21T04:00:00.123456789Z\"}\n")
  }

  @Test func labelsAndTagAreAttributes() throws {
    let log = MonitorConfiguration.Log(driver: .jsonFile, path: "/l", tag: "t", labels: ["k": "v\""])
    let line = try JSON.parse(encode(Array("x\n".utf8), log).text)
    #expect(line["attrs"]?["k"]?.string == "v\"")
    #expect(line["attrs"]?["tag"]?.string == "t")
  }

  /// Every byte sequence is valid JSON afterwards, and UTF-8 survives, wherever a long line is split.
  @Test func anyBytesBecomeJSON() throws {
    var generator = SystemRandomNumberGenerator()
    for _ in 0..<50 {
      let bytes = (0..<3000).map { _ in UInt8.random(in: 0...255, using: &generator) }
      for line in encode(bytes, json).text.split(separator: 10) { #expect(LogEntry(jsonLine: line) != nil) }
    }
    let text = String(repeating: "é😀x", count: 9000)
    let lines = encode(Array(text.utf8) + [10], json).text.split(separator: 10)
    let joined = lines.compactMap { LogEntry(jsonLine: $0) }.reduce([]) { $0 + $1.text }
    #expect(lines.count > 1)
    #expect(joined == Array(text.utf8))
  }

  @Test func noneKeepsNothing() {
    let result = encode(Array("a\nb".utf8), .init(driver: .none))
    #expect(result.text.isEmpty && result.left == 0)
  }
}
