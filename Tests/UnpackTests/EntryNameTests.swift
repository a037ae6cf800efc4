import Testing

@testable import Unpack

private func name(_ text: String) throws -> EntryName { try EntryName(Array(text.utf8)) }

@Test(arguments: [
  ("a", "", "a"), ("a/b", "a", "b"), ("./a/b/", "a", "b"), ("/etc/passwd", "etc", "passwd"), ("a//b/./c", "a/b", "c"),
  ("", "", ""), (".", "", ""), ("./", "", ""), ("/", "", ""), ("...", "", "..."), ("..a/b..", "..a", "b.."),
]) func namesAreCleaned(_ text: String, _ parent: String, _ base: String) throws {
  let name = try name(text)
  #expect(name.parent == Array(parent.utf8))
  #expect(name.base == Array(base.utf8))
}

@Test(arguments: [
  "..", "../a", "a/..", "a/../b", "/..", "./../x", "a\u{0}b", String(repeating: "x", count: 256),
  String(repeating: "x/", count: 300), String(repeating: "abcdefg/", count: 600),
]) func namesAreRefused(_ text: String) { #expect(throws: TarFault.self) { try name(text) } }

@Test func whiteouts() throws {
  #expect(try name("a/.wh.b").meaning() == .whiteout(name("a/b")))
  #expect(try name(".wh.b").meaning() == .whiteout(name("b")))
  #expect(try name("a/.wh..wh..opq").meaning() == .opaque)
  #expect(try name(".wh..wh.plnk/1.2").meaning() == .ignored)
  #expect(try name(".wh..wh.aufs").meaning() == .ignored)
  #expect(try name("a.wh.b").meaning() == .ordinary)
  #expect(try name("wh.b").meaning() == .ordinary)
}

@Test(arguments: [".wh.", ".wh..", ".wh...", "a/.wh.", "a/.wh...", "a/.wh.b/c"]) func whiteoutsAreRefused(
  _ text: String
) {
  #expect(throws: TarFault.self) { try name(text).meaning() }
}

@Test(
  arguments: [
    ("0", 0, 0), ("1", 1, 0), ("1.5", 1, 500_000_000), ("1.", 1, 0), ("1.1234567899", 1, 123_456_789), ("-1", -1, 0),
    ("-0.25", -1, 750_000_000), ("9223372036854775807", .max, 0),
  ] as [(String, Int64, Int64)]) func times(_ text: String, _ seconds: Int64, _ nanoseconds: Int64) throws
{
  #expect(try PaxRecords.time(Array(text.utf8)) == Timestamp(seconds: seconds, nanoseconds: nanoseconds))
}
@Test(arguments: ["", "-", "1.x", "x", "1-", "99999999999999999999", ".5"]) func timesAreRefused(_ text: String) {
  #expect(throws: TarFault.self) { try PaxRecords.time(Array(text.utf8)) }
}
