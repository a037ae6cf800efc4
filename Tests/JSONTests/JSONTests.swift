import JSON
import TestKit
import Testing

@Suite struct JSONTests {
  @Test(arguments: [
    "null", "true", "[1,2.5,-0,1e3]", #"{"a":{"b":[]},"c":"d"}"#, #""\u0000\u001f\"\\""#, "18446744073709551615",
    #""é😀""#,
  ])
  func survivesARoundTrip(_ text: String) throws {
    let value = try JSON.parse(text)
    #expect(try JSON.parse(value.bytes()) == value)
    #expect(try JSON.parse(value.bytes(indent: 2)) == value)
  }

  @Test(arguments: [
    ("", 0), ("{", 1), ("[1,]", 3), ("{\"a\" 1}", 5), ("01", 1), ("-", 0), ("1.", 2), ("1e", 2), ("nul", 3),
    ("[1] x", 4),
    ("\"\u{1}\"", 1), (#""\x""#, 3), (#""\ud800""#, 7), (#""\ud800\u0041""#, 13), ("{'a':1}", 1), ("//", 0),
  ])
  func refuses(_ text: String, _ offset: Int) {
    #expect { _ = try JSON.parse(text) } throws: { ($0 as? JSON.ParseError)?.offset == offset }
  }

  @Test func refusesTextThatIsNotUTF8() {
    #expect(throws: JSON.ParseError.self) { _ = try JSON.parse([0x22, 0xff, 0x22]) }
    #expect(throws: JSON.ParseError.self) { _ = try JSON.parse([0x22, 0x5c, 0x6e, 0xc0, 0x80, 0x22]) }
  }

  @Test func depthIsLimited() {
    let deep = String(repeating: "[", count: 100_000)
    #expect { _ = try JSON.parse(deep) } throws: { "\($0)".contains("nested deeper than 128") }
  }

  @Test func numbersKeepTheirText() throws {
    let value = try JSON.parse("[9223372036854775807, 1e3, 1.5, -1, 99999999999999999999]")
    let numbers = try #require(value.array)
    #expect(numbers[0].integer(Int64.self) == .max)
    #expect(numbers[1].integer(Int.self) == 1000)
    #expect(numbers[2].integer(Int.self) == nil)
    #expect(numbers[3].integer(UInt.self) == nil)
    #expect(numbers[4].integer(Int64.self) == nil)
  }

  @Test func objectsKeepTheirOrderAndTheLastDuplicate() throws {
    let value = try JSON.parse(#"{"b":1,"a":2,"b":3}"#)
    #expect(value.text() == #"{"b":3,"a":2}"#)
  }

  @Test func largeObjectsStayQuick() throws {
    let text = "{" + (0..<20_000).map { "\"k\($0)\":\($0)" }.joined(separator: ",") + "}"
    var object = try #require(try JSON.parse(text).object)
    #expect(object["k19999"]?.integer(Int.self) == 19_999)
    object["k0"] = nil
    #expect(object["k0"] == nil && object["k1"]?.integer(Int.self) == 1 && object.members.count == 19_999)
  }

  /// Damaged texts never trap: they parse or they throw.
  @Test func damagedTextsAreHandled() {
    let seed = Array(#"{"a":[1,-2.5e+7,"x\u00e9\ud83d\ude00\n"],"b":{"c":null,"d":true},"e":""}"#.utf8)
    var generator = Seeded(7)
    for _ in 0..<20_000 {
      var bytes = seed
      for _ in 0..<Int.random(in: 1...4, using: &generator) {
        let place = Int.random(in: 0..<bytes.count, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: bytes[place] = UInt8.random(in: 0...255, using: &generator)
        case 1: bytes.remove(at: place)
        default: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: place)
        }
      }
      if let value = try? JSON.parse(bytes) { #expect((try? JSON.parse(value.bytes())) == value) }
    }
  }
}
