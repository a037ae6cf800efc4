import Testing

@testable import DBus

private func hex(_ bytes: [UInt8]) -> String {
  bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
}

@Suite struct DBusMessageTests {
  private func call() -> DBusMessage {
    let unit = DBusType.structure([.string, .variant])
    var message = DBusMessage.call(
      "Start", of: "a.B", on: "/c", at: nil,
      [.string("u"), .array(of: unit, [.structure([.string("P"), .variant(.array(of: .uint32, [.uint32(7)]))])])])
    message.serial = 3
    return message
  }

  @Test func goldenBytesOfACall() {
    #expect(
      hex(call().bytes) == """
        6c 01 00 01 24 00 00 00 03 00 00 00 3c 00 00 00 \
        01 01 6f 00 02 00 00 00 2f 63 00 00 00 00 00 00 \
        02 01 73 00 03 00 00 00 61 2e 42 00 00 00 00 00 \
        03 01 73 00 05 00 00 00 53 74 61 72 74 00 00 00 \
        08 01 67 00 06 73 61 28 73 76 29 00 00 00 00 00 \
        01 00 00 00 75 00 00 00 14 00 00 00 00 00 00 00 \
        01 00 00 00 50 00 02 61 75 00 00 00 04 00 00 00 07 00 00 00
        """)
  }

  @Test func whatIsWrittenIsRead() throws {
    let (message, size) = try #require(try DBusMessage.parse(call().bytes[...]))
    #expect(message == call() && size == call().bytes.count)
    // A message that stands in the middle of others has its own alignment.
    let padded = [UInt8](repeating: 0, count: 3) + call().bytes + [1, 2, 3]
    #expect(try DBusMessage.parse(padded[3...])?.message == call())
  }
  @Test func partsAreWaitedFor() throws {
    let bytes = call().bytes
    for count in 0..<bytes.count { #expect(try DBusMessage.parse(bytes[..<count]) == nil) }
  }

  /// All kinds of values, and none of an array.
  @Test func valuesRoundTrip() throws {
    let values: [DBusValue] = [
      .byte(1), .boolean(true), .int32(-2), .uint32(3), .int64(-4), .uint64(.max), .string("ä"), .objectPath("/a"),
      .signature("a{sv}"), .array(of: .uint64, []), .array(of: .byte, [.byte(9)]),
      .structure([.byte(1), .uint64(2), .variant(.variant(.string("")))]),
      .array(of: .dictionaryEntry(.string, .variant), [.dictionaryEntry(.string("k"), .variant(.boolean(false)))]),
    ]
    var message = DBusMessage(.methodReturn)
    message.replySerial = 9
    message.body = values
    #expect(try DBusMessage.parse(message.bytes[...])?.message == message)
  }

  @Test func theOtherByteOrder() throws {
    let bytes: [UInt8] =
      [UInt8(ascii: "B"), 2, 0, 1, 0, 0, 0, 4, 0, 0, 0, 7, 0, 0, 0, 15, 5, 1, 0x75, 0, 0, 0, 0, 3]
      + [8, 1, 0x67, 0, 1, 0x75, 0, 0, 0, 0, 0, 42]
    let message = try #require(try DBusMessage.parse(bytes[...])?.message)
    #expect(message.replySerial == 3 && message.serial == 7 && message.body == [.uint32(42)])
  }

  @Test func aKindThatNobodyKnowsIsNoError() throws {
    var bytes = call().bytes
    bytes[1] = 99
    #expect(try DBusMessage.parse(bytes[...])?.message.kind == .signal)
  }

  @Test(arguments: [(0, UInt8(ascii: "x")), (3, 2), (6, 0xff), (14, 0xff), (18, 0x7a)])
  func brokenHeadersAreRefused(_ place: Int, _ value: UInt8) {
    var bytes = call().bytes
    bytes[place] = value
    #expect(throws: DBusError.self) { _ = try DBusMessage.parse(bytes[...]) }
  }

  @Test(arguments: ["(", "()", "a", "{s", "{sv", "z", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaas", "(s"])
  func brokenSignaturesAreRefused(_ text: String) {
    #expect(throws: DBusError.self) { _ = try SignatureReader.types(text) }
  }
  @Test func signaturesAreRead() throws {
    #expect(try SignatureReader.types("sa(sv)a(sa(sv))").map(\.signature) == ["s", "a(sv)", "a(sa(sv))"])
    #expect(try SignatureReader.types("").isEmpty)
  }

  /// A peer may send anything: an error, an answer or a wish for more, but never a trap or an endless loop.
  @Test func anyBytesAreBorne() {
    var generator = SystemRandomNumberGenerator()
    let good = call().bytes
    var refused = 0
    for round in 0..<20_000 {
      var bytes = good
      if round % 2 == 0 {
        for _ in 0...(round % 5) { bytes[Int.random(in: 0..<bytes.count)] = .random(in: 0...255, using: &generator) }
      } else {
        bytes = good.prefix(12) + (0..<(round % 200)).map { _ in UInt8.random(in: 0...255, using: &generator) }
      }
      do { _ = try DBusMessage.parse(bytes[...]) } catch { refused += 1 }
    }
    #expect(refused > 1000)
  }

  @Test(
    arguments: [
      ("unix:path=/run/user/1000/bus", "/run/user/1000/bus"), ("unix:path=/a%20b,guid=1", "/a b"),
      ("unix:abstract=/x;unix:path=/y", "/y"), ("tcp:host=localhost", nil), ("", nil), ("unix:guid=1", nil),
    ] as [(String, String?)])
  func addresses(_ text: String, _ path: String?) { #expect(DBusAddress.unixPath(text) == path) }
}
