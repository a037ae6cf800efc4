import Problems
import TestKit
import Testing

@testable import Unpack

/// Bytes in pieces of a chosen size: chunk borders fall everywhere.
final class Pieces: ByteSource {
  private let bytes: UnsafeMutableRawBufferPointer
  private let piece: Int
  private var place = 0
  init(_ bytes: [UInt8], piece: Int = 4096) {
    self.bytes = .allocate(byteCount: max(bytes.count, 1), alignment: 8)
    self.bytes.copyBytes(from: bytes)
    count = bytes.count
    self.piece = piece
  }
  private let count: Int
  deinit { bytes.deallocate() }
  func next() throws(Problem) -> UnsafeRawBufferPointer {
    let end = min(count, place + piece)
    defer { place = end }
    return UnsafeRawBufferPointer(rebasing: bytes[place..<end])
  }
}

private func entries(_ bytes: [UInt8], piece: Int = 4096, limit: Int64 = 1 << 30) throws -> [(
  entry: TarEntry, data: [UInt8]
)] {
  let reader = TarReader(Pieces(bytes, piece: piece), limitBytes: limit)
  var result: [(TarEntry, [UInt8])] = []
  while let entry = try reader.next() {
    var data: [UInt8] = []
    while true {
      let bytes = try reader.data()
      if bytes.isEmpty { break }
      data += bytes
    }
    result.append((entry, data))
  }
  return result
}
private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

// covers PD-87
@Test(arguments: [1, 7, 511, 512, 513, 4096, 1 << 20]) func plainEntries(_ piece: Int) throws {
  let tar = TarBuilder.make {
    $0.directory("d/", mode: 0o1777)
    $0.file("d/f", "hello", mode: 0o4755, uid: 1000, gid: 2000)
    $0.file("empty")
    $0.file("block", String(repeating: "x", count: 512))
    $0.link("s", to: "d/f")
    $0.link("h", to: "d/f", hard: true)
    $0.device("null", major: 1, minor: 3)
    $0.device("disk", type: "4", major: 259, minor: 70000)
    $0.add(.init("fifo", type: "6"))
    $0.file("old-directory/")
  }
  let found = try entries(tar, piece: piece)
  #expect(
    found.map { text($0.entry.name) } == [
      "d/", "d/f", "empty", "block", "s", "h", "null", "disk", "fifo", "old-directory/",
    ])
  #expect(
    found.map(\.entry.kind) == [
      .directory, .file, .file, .file, .symlink, .hardLink, .characterDevice(major: 1, minor: 3),
      .blockDevice(major: 259, minor: 70000), .fifo, .directory,
    ])
  #expect(found[0].entry.mode == 0o1777)
  #expect(found[1].entry.mode == 0o4755)
  #expect(found[1].entry.uid == 1000)
  #expect(found[1].entry.gid == 2000)
  #expect(found[1].entry.modified == Timestamp(seconds: 1_000_000_000))
  #expect(text(found[1].data) == "hello")
  #expect(found[3].data.count == 512)
  #expect(text(found[4].entry.linkName) == "d/f")
}

@Test func prefixesAndLongNames() throws {
  let long = String(repeating: "n", count: 300)
  let tar = TarBuilder.make {
    var header = TarBuilder.Header("name")
    header.prefix = Array("some/prefix".utf8)
    $0.add(header)
    header.magic = Array("ustar  \u{0}".utf8)  // GNU keeps times there
    $0.add(header)
    header.magic = []
    $0.add(header)
    $0.long(long)
    $0.file("short")
    $0.long("target/" + long, type: "K")
    $0.link("s", to: "t")
    $0.pax([("path", "pax/é"), ("linkpath", "pax target")])
    $0.link("s", to: "t")
    $0.file("next")
  }
  let found = try entries(tar)
  #expect(found.map { text($0.entry.name) } == ["some/prefix/name", "name", "name", long, "s", "pax/é", "next"])
  #expect(text(found[4].entry.linkName) == "target/" + long)
  #expect(text(found[5].entry.linkName) == "pax target")
}

@Test func paxValues() throws {
  let tar = TarBuilder.make {
    $0.pax([("mtime", "50"), ("uid", "7")], type: "g")
    $0.pax([
      ("size", "3"), ("uid", "3000000000"), ("gid", "12"), ("mtime", "-1.25"), ("SCHILY.xattr.user.a", "v=1\n"),
      ("SCHILY.xattr.security.capability", "x"), ("comment", "no matter"), ("hdrcharset", "BINARY"),
    ])
    var header = TarBuilder.Header("f")
    header.size = TarBuilder.octal(0, 12)
    $0.add(header, data: Array("abc".utf8))
    $0.file("g")
  }
  let found = try entries(tar)
  #expect(text(found[0].data) == "abc")
  #expect(found[0].entry.uid == 3_000_000_000)
  #expect(found[0].entry.gid == 12)
  #expect(found[0].entry.modified == Timestamp(seconds: -2, nanoseconds: 750_000_000))
  #expect(found[0].entry.attributes.map(\.name) == ["user.a", "security.capability"])
  #expect(text(found[0].entry.attributes[0].value) == "v=1\n")
  #expect(found[1].entry.uid == 7)
  #expect(found[1].entry.modified == Timestamp(seconds: 50))
}

@Test func binaryNumbers() throws {
  let tar = TarBuilder.make {
    var header = TarBuilder.Header("f")
    header.uid = TarBuilder.base256(4_000_000_000, 8)
    header.size = TarBuilder.base256(3, 12)
    header.time = TarBuilder.base256(-5, 12)
    $0.add(header, data: Array("abc".utf8))
  }
  let found = try entries(tar)
  #expect(found[0].entry.uid == 4_000_000_000)
  #expect(found[0].entry.modified == Timestamp(seconds: -5))
  #expect(text(found[0].data) == "abc")
}

/// The three PAX ways and GNU's own to store a file with holes.
@Test(arguments: ["old", "0.0", "0.1", "1.0"]) func holes(_ format: String) throws {
  let tar = TarBuilder.make {
    let pieces = [(4, 3), (1000, 2), (5000, 0)]
    var data = Array("abcde".utf8)
    switch format {
    case "old":
      var header = TarBuilder.Header("f", type: "S")
      header.magic = Array("ustar  \u{0}".utf8)
      header.size = TarBuilder.octal(5, 12)
      for (number, piece) in pieces.enumerated() {
        header.patches.append((386 + 24 * number, TarBuilder.octal(piece.0, 12)))
        header.patches.append((398 + 24 * number, TarBuilder.octal(piece.1, 12)))
      }
      header.patches.append((483, TarBuilder.octal(5000, 12)))
      $0.add(header, data: data)
      return
    case "0.0":
      $0.pax(
        [("GNU.sparse.size", "5000"), ("GNU.sparse.numblocks", "3")]
          + pieces.flatMap { [("GNU.sparse.offset", "\($0.0)"), ("GNU.sparse.numbytes", "\($0.1)")] })
    case "0.1":
      $0.pax([("GNU.sparse.size", "5000"), ("GNU.sparse.map", "4,3,1000,2,5000,0"), ("GNU.sparse.name", "f")])
    default:
      $0.pax([
        ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "f"), ("GNU.sparse.realsize", "5000"),
      ])
      let map = Array("3\n4\n3\n1000\n2\n5000\n0\n".utf8)
      data = map + [UInt8](repeating: 0, count: 512 - map.count) + data
    }
    var header = TarBuilder.Header(format == "0.0" ? "f" : "GNUSparseFile.0/f")
    header.size = TarBuilder.octal(data.count, 12)
    $0.add(header, data: data)
  }
  let found = try entries(tar)
  #expect(found.count == 1)
  #expect(text(found[0].entry.name) == "f")
  #expect(found[0].entry.sparse?.realSize == 5000)
  #expect(found[0].entry.sparse?.pieces.map(\.offset) == [4, 1000, 5000])
  #expect(text(found[0].data) == "abcde")
}

/// One broken archive each, and a word of the answer.
private let broken: [(String, [UInt8], String)] = [
  ("no tar", Array(repeating: 0x41, count: 512), "octal"),
  (
    "wrong sum",
    TarBuilder.make { builder in
      var h = TarBuilder.Header("f"); h.wrongSum = true; builder.add(h)
    }, "checksum"
  ),
  ("half a header", Array(TarBuilder.make { $0.file("f") }.prefix(300)), "middle"),
  ("half the data", Array(TarBuilder.make { $0.file("f", "hello") }.prefix(514)), "middle"),
  ("no padding", Array(TarBuilder.make { $0.file("f", "hello") }.prefix(517)), "middle"),
  ("lone zeros", [UInt8](repeating: 0, count: 512) + TarBuilder.make { $0.file("f") }, "lone block"),
  (
    "negative size",
    TarBuilder.make { builder in
      var h = TarBuilder.Header("f"); h.size = TarBuilder.base256(-1, 12); builder.add(h)
    }, "negative"
  ),
  (
    "smallest size",
    TarBuilder.make { builder in
      var h = TarBuilder.Header("f"); h.size = TarBuilder.base256(.min, 12); builder.add(h)
    }, "negative"
  ),
  (
    "huge size",
    TarBuilder.make { builder in
      var h = TarBuilder.Header("f"); h.size = TarBuilder.base256(.max, 12); builder.add(h)
    }, "larger"
  ),
  (
    "95 bits",
    TarBuilder.make { builder in
      var h = TarBuilder.Header("f"); h.size = [0x80, 1] + [UInt8](repeating: 0, count: 10); builder.add(h)
    }, "too large"
  ),
  (
    "octal nonsense",
    TarBuilder.make { builder in
      var h = TarBuilder.Header("f"); h.size = Array("0000009\u{0}".utf8); builder.add(h)
    }, "octal"
  ),
  (
    "minus in octal",
    TarBuilder.make { builder in
      var h = TarBuilder.Header("f"); h.uid = Array("-000001\u{0}".utf8); builder.add(h)
    }, "octal"
  ),
  (
    "two numbers",
    TarBuilder.make { builder in
      var h = TarBuilder.Header("f"); h.mode = Array("644 755 ".utf8); builder.add(h)
    }, "octal"
  ),
  (
    "uid too large",
    TarBuilder.make { builder in
      var h = TarBuilder.Header("f"); h.uid = TarBuilder.base256(1 << 32, 8); builder.add(h)
    }, "uid"
  ),
  (
    "negative uid",
    TarBuilder.make { builder in
      var h = TarBuilder.Header("f"); h.uid = TarBuilder.base256(-1, 8); builder.add(h)
    }, "uid"
  ),
  ("type", TarBuilder.make { $0.add(.init("f", type: "Z")) }, "unknown type 'Z'"),
  ("multi-volume", TarBuilder.make { $0.add(.init("f", type: "M")) }, "unknown type 'M'"),
  (
    "device number",
    TarBuilder.make { builder in
      var h = TarBuilder.Header("f", type: "3"); h.major = TarBuilder.octal(4096, 8); builder.add(h)
    }, "device number"
  ),
  (
    "pax length",
    TarBuilder.make {
      $0.pax(raw: Array("99 path=x\n".utf8)); $0.file("f")
    }, "malformed"
  ),
  (
    "pax length 0",
    TarBuilder.make {
      $0.pax(raw: Array("0 path=x\n".utf8)); $0.file("f")
    }, "malformed"
  ),
  (
    "pax length short",
    TarBuilder.make {
      $0.pax(raw: Array("2 path=x\n".utf8)); $0.file("f")
    }, "malformed"
  ),
  (
    "pax length overflow",
    TarBuilder.make {
      $0.pax(raw: Array("99999999999999999999 a=b\n".utf8)); $0.file("f")
    }, "malformed"
  ),
  (
    "pax without end",
    TarBuilder.make {
      $0.pax(raw: Array("9 path=xy".utf8)); $0.file("f")
    }, "malformed"
  ),
  (
    "pax without key",
    TarBuilder.make {
      $0.pax(raw: Array("6 =ab\n".utf8)); $0.file("f")
    }, "no key"
  ),
  (
    "pax NUL",
    TarBuilder.make {
      $0.pax([("path", "a\u{0}b")]); $0.file("f")
    }, "NUL"
  ),
  (
    "pax negative size",
    TarBuilder.make {
      $0.pax([("size", "-1")]); $0.file("f")
    }, "no number"
  ),
  (
    "pax huge size",
    TarBuilder.make {
      $0.pax([("size", "9223372036854775807")]); $0.file("f")
    }, "larger"
  ),
  (
    "pax size overflow",
    TarBuilder.make {
      $0.pax([("size", "92233720368547758070")]); $0.file("f")
    }, "no number"
  ),
  (
    "pax uid",
    TarBuilder.make {
      $0.pax([("uid", "4294967295")]); $0.file("f")
    }, "uid"
  ),
  (
    "pax mtime",
    TarBuilder.make {
      $0.pax([("mtime", "1e9")]); $0.file("f")
    }, "mtime"
  ),
  ("pax alone", TarBuilder.make { $0.pax([("path", "x")]) }, "middle"),
  (
    "pax bomb",
    TarBuilder.make { builder in
      var h = TarBuilder.Header("x", type: "x"); h.size = TarBuilder.octal(1 << 21, 12); builder.add(h)
    }, "limit"
  ),
  (
    "long name bomb",
    TarBuilder.make { builder in
      var h = TarBuilder.Header("x", type: "L"); h.size = TarBuilder.octal(1 << 30, 12); builder.add(h)
    }, "limit"
  ),
  (
    "negative pax",
    TarBuilder.make { builder in
      var h = TarBuilder.Header("x", type: "x"); h.size = TarBuilder.base256(-512, 12); builder.add(h)
    }, "limit"
  ),
  (
    "global path",
    TarBuilder.make {
      $0.pax([("path", "/etc/passwd")], type: "g"); $0.file("f")
    }, "global"
  ),
  (
    "global size",
    TarBuilder.make {
      $0.pax([("size", "1")], type: "g"); $0.file("f")
    }, "global"
  ),
  ("sparse overlap", sparse("4,8,6,2", 10, 10), "overlap"),
  ("sparse backwards", sparse("8,2,0,2", 4, 10), "overlap"),
  ("sparse beyond", sparse("8,4", 4, 10), "overlap"),
  ("sparse overflow", sparse("9223372036854775807,4", 4, 10), "overlap"),
  ("sparse size", sparse("0,4", 4, 1 << 40), "limit"),
  ("sparse data", sparse("0,4", 5, 10), "not its data"),
  ("sparse odd", sparse("0,4,5", 4, 10), "odd"),
  ("sparse negative", sparse("0,-4", 4, 10), "no number"),
  ("sparse map endless", sparse1(String(repeating: "1", count: 512)), "map"),
  ("sparse map count", sparse1("9999999\n"), "too many"),
  ("sparse map short", sparse1("4\n0\n1\n"), "map"),
  ("old sparse endless", oldSparseWithoutEnd(), "middle"),
]
private func sparse(_ map: String, _ size: Int, _ real: Int) -> [UInt8] {
  TarBuilder.make {
    $0.pax([("GNU.sparse.size", "\(real)"), ("GNU.sparse.map", map)])
    var header = TarBuilder.Header("f")
    header.size = TarBuilder.octal(size, 12)
    $0.add(header, data: [UInt8](repeating: 1, count: size))
  }
}
private func sparse1(_ map: String) -> [UInt8] {
  TarBuilder.make {
    $0.pax([
      ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "f"), ("GNU.sparse.realsize", "5"),
    ])
    var header = TarBuilder.Header("f")
    header.size = TarBuilder.octal(512, 12)
    $0.add(header, data: Array(map.utf8) + [UInt8](repeating: 0, count: max(0, 512 - map.utf8.count)))
  }
}
private func oldSparseWithoutEnd() -> [UInt8] {
  var builder = TarBuilder()
  var header = TarBuilder.Header("f", type: "S")
  header.patches = [(482, [1]), (483, TarBuilder.octal(5, 12))]
  builder.add(header)
  return builder.bytes
}

@Test(arguments: broken.indices) func brokenArchives(_ index: Int) {
  let (name, bytes, words) = broken[index]
  let problem = #expect(throws: Problem.self, "\(name)") { try entries(bytes) }
  #expect(problem?.code == .invalid, "\(name)")
  #expect(problem?.message.contains(words) == true, "\(name): \(problem?.message ?? "")")
}

@Test func endsThatAreFine() throws {
  var builder = TarBuilder()
  builder.file("f", "x")
  #expect(try entries(builder.bytes).count == 1)  // no end mark
  #expect(try entries(builder.bytes + [UInt8](repeating: 0, count: 512)).count == 1)
  #expect(try entries(builder.finished + Array("garbage".utf8)).count == 1)
  #expect(try entries([]).count == 0)
}

/// Archives with some bytes changed are read or refused: no trap, no endless loop, no read beyond the limit.
@Test(arguments: 1...24) func mutatedArchives(_ seed: UInt64) {
  var random = Seeded(seed)
  let seeds = [mixed] + broken.map(\.1).filter { $0.count < 8192 }
  for round in 0..<400 {
    var bytes = round % 4 == 0 ? seeds.randomElement(using: &random)! : mixed
    for _ in 0..<Int.random(in: 1...8, using: &random) where !bytes.isEmpty {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<4, using: &random) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 2: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...512, using: &random)))
      default: bytes.insert(contentsOf: bytes[place..<min(bytes.count, place + 512)], at: place)
      }
    }
    if Bool.random(using: &random) { repairSums(&bytes) }
    do {
      for found in try entries(bytes, piece: Int.random(in: 1...2000, using: &random)) {
        _ = try? EntryName(found.entry.name)
      }
    } catch let problem as Problem { #expect(problem.code == .invalid) } catch { Issue.record("\(error)") }
  }
}

private let mixed = TarBuilder.make {
  $0.directory("d/")
  $0.long(String(repeating: "long/", count: 40))
  $0.file("x", "hello")
  $0.pax([("path", "p"), ("mtime", "1.5"), ("SCHILY.xattr.user.x", "y")])
  $0.file("y", "world")
  $0.link("s", to: "../../x")
  $0.link("h", to: "d", hard: true)
  $0.pax([("GNU.sparse.size", "50"), ("GNU.sparse.map", "0,1,10,4")])
  var header = TarBuilder.Header("f")
  header.size = TarBuilder.octal(5, 12)
  $0.add(header, data: Array("abcde".utf8))
  $0.file(".wh.x")
  $0.device("null", major: 1, minor: 3)
}

/// Gives every block a right sum, so that mutations reach what lies behind it.
private func repairSums(_ bytes: inout [UInt8]) {
  for start in stride(from: 0, to: bytes.count - 511, by: 512) where bytes[start + 156] != 0 {
    for place in 148..<156 { bytes[start + place] = 0x20 }
    let sum = bytes[start..<(start + 512)].reduce(0) { $0 + Int($1) }
    bytes.replaceSubrange((start + 148)..<(start + 155), with: TarBuilder.octal(sum, 7))
  }
}
