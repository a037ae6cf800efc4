import Problems
import RuntimeSpec
import Testing

@testable import Runtime

struct CriuMessageTests {
  /// Examples of protobuf.dev, "Encoding".
  @Test func fieldsAreWrittenAsTheFormatSays() {
    var writer = ProtobufWriter()
    writer.put(1, UInt64(150))
    writer.put(2, "testing")
    writer.put(3) { $0.put(1, UInt64(150)) }
    #expect(
      writer.bytes == [0x08, 0x96, 0x01, 0x12, 7] + Array("testing".utf8) + [0x1a, 0x03, 0x08, 0x96, 0x01])
    var negative = ProtobufWriter()
    negative.put(1, Int32(-2))
    #expect(negative.bytes == [0x08, 0xfe] + [UInt8](repeating: 0xff, count: 8) + [0x01])
    var large = ProtobufWriter()
    large.put(16, true)
    #expect(large.bytes == [0x80, 0x01, 0x01])
  }

  @Test func whatIsWrittenIsRead() throws {
    var writer = ProtobufWriter()
    writer.put(1, Int32(-2))
    writer.put(64, "text")
    writer.put(3, UInt64.max)
    var reader = ProtobufReader(writer.bytes[...])
    var seen: [(UInt64, ProtobufReader.Value)] = []
    while let next = try reader.next() { seen.append((next.field, next.value)) }
    #expect(seen.map(\.0) == [1, 64, 3])
    #expect(seen[0].1.int32 == -2 && seen[1].1.text == "text" && seen[2].1 == .number(.max))
  }

  /// Every message that is cut off ends in an error or an earlier end, and none in a trap.
  @Test func damagedMessagesAreRefused() {
    let whole: [UInt8] = [0x08, 0x06, 0x10, 0x01, 0x2a, 0x04, 0x0a, 0x02, 0x61, 0x62]
    #expect(CriuResponse(bytes: whole)?.script == "ab")
    for count in 0..<whole.count { _ = CriuResponse(bytes: Array(whole[..<count])) }
    #expect(CriuResponse(bytes: [0x2a, 0xff, 0xff, 0xff, 0xff, 0x0f]) == nil)  // longer than what is there
    #expect(CriuResponse(bytes: [0x0b]) == nil)  // a group
    #expect(CriuResponse(bytes: [UInt8](repeating: 0x80, count: 12)) == nil)  // a number without end
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      _ = CriuResponse(bytes: (0..<Int.random(in: 0..<40)).map { _ in UInt8.random(in: 0...255, using: &random) })
    }
  }

  @Test func answersOfCRIU() {
    // type RESTORE, success, restore.pid 4711
    let restored = CriuResponse(bytes: [0x08, 0x02, 0x10, 0x01, 0x22, 0x03, 0x08, 0xe7, 0x24])
    #expect(restored?.isSuccess == true && restored?.pid == 4711 && restored?.type == CriuTask.restore.rawValue)
    // type DUMP, no success, errno 52, message "no"
    let failed = CriuResponse(bytes: [0x08, 0x01, 0x10, 0x00, 0x38, 0x34, 0x4a, 0x02, 0x6e, 0x6f])
    #expect(failed?.isSuccess == false && failed?.errno == 52 && failed?.message == "no")
  }

  @Test func flagsReachTheRequest() throws {
    let words = [
      "--tcp-established", "--file-locks", "--page-server", "10.0.0.1:99", "--manage-cgroups-mode", "strict",
    ]
    var none: ArraySlice<String> = []
    let grammar = Flags.Grammar(CheckpointSettings.checkpointGrammar)
    let flags = try Flags(words[...], grammar, stopsAtFirst: false, rest: &none)
    var request = CriuRequest(task: .dump, settings: try CheckpointSettings(flags, program: nil))
    request.externals = ["mnt[/data]:/data"]
    var options: [UInt64: [ProtobufReader.Value]] = [:]
    var reader = ProtobufReader(request.bytes[...])
    while let (field, value) = try reader.next() {
      guard field == 2, let message = value.message else { continue }
      var inner = ProtobufReader(message)
      while let (field, value) = try inner.next() { options[field, default: []].append(value) }
    }
    #expect(options[5]?.first?.bool == true && options[8]?.first?.bool == true && options[3]?.first?.bool == false)
    #expect(options[34]?.first == .number(CriuCgroupMode.strict.rawValue))
    #expect(options[37]?.first?.text == "mnt[/data]:/data")
    #expect(options[38]?.first == .number(NamespaceKind.network.cloneFlag!))
    #expect(options[26] == nil)
  }

  @Test(arguments: [
    ["--status-fd", "1"], ["--status-fd", "77", "--lazy-pages"], ["--no-pivot"], ["--manage-cgroups-mode", "some"],
    ["--page-server", "nowhere"],
    ["--parent-path", "/absolute"], ["--empty-ns", "pid"],
  ])
  func whatIsNotPossibleIsRefusedByName(words: [String]) throws {
    var none: ArraySlice<String> = []
    let grammar = Flags.Grammar(CheckpointSettings.checkpointGrammar + CheckpointSettings.restoreGrammar)
    let flags = try Flags(words[...], grammar, stopsAtFirst: false, rest: &none)
    let problem = #expect(throws: Problem.self) { try CheckpointSettings(flags, program: nil) }
    #expect(problem?.sentence.contains(words[0]) == true)
  }
}
