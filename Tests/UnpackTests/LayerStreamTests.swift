import CSys
import Digests
import Glibc
import JSON
import Problems
import Sys
import TestKit
import Testing
import UnpackProtocol

@testable import Unpack

private func read(_ bytes: [UInt8], _ compression: UnpackCompression = .auto, limit: Int64 = 1 << 30) throws -> (
  plain: [UInt8], layer: UnpackedLayer
) {
  let file = try temporaryFile()
  try writeAll(file, bytes)
  lseek(file.borrowed, 0, SEEK_SET)
  let stream = try LayerStream(input: file.borrowed, compression: compression, limitBytes: limit)
  var plain: [UInt8] = []
  while true {
    let piece = try stream.next()
    if piece.isEmpty { break }
    plain += piece
  }
  return (plain, try stream.finish(entries: 0))
}

private let sample = Array("hello, layer\n".utf8)

@Test func plainStream() throws {
  for count in [0, 1, 5, 262_144, 262_145, 3_000_000] {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let (plain, layer) = try read(bytes)
    #expect(plain == bytes)
    #expect(layer.diffID == Digest(of: bytes))
    #expect(layer.compressedDigest == layer.diffID)
    #expect(layer.bytes == Int64(count))
  }
}

// covers LP-14
@Test func gzipStream() throws {
  for count in [0, 1, 65_536, 262_144, 3_000_000] {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 13) }
    let packed = storedGzip(bytes)
    let (plain, layer) = try read(packed)
    #expect(plain == bytes)
    #expect(layer.diffID == Digest(of: bytes))
    #expect(layer.compressedDigest == Digest(of: packed))
    #expect(layer.compressedBytes == Int64(packed.count))
  }
}

@Test func gzipMembers() throws {
  let parts = (0..<50).map { number in (0..<(number * 977)).map { UInt8(truncatingIfNeeded: $0 + number) } }
  #expect(try read(parts.flatMap { storedGzip($0) }).plain == parts.flatMap(\.self))
  // FEXTRA, FNAME and FCOMMENT
  let named = storedGzip(sample, flags: 4 | 8 | 16, extra: [2, 0, 1, 2] + Array("name\u{0}comment\u{0}".utf8))
  #expect(try read(named + storedGzip(sample)).plain == sample + sample)
}

@Test func damagedGzip() {
  let good = storedGzip(sample)
  for (what, bytes) in [
    ("sum", good.dropLast(8) + [1, 2, 3, 4] + good.suffix(4)), ("length", good.dropLast(4) + [9, 0, 0, 0]),
    ("method", [0x1f, 0x8b, 7] + good.dropFirst(3)), ("header sum", [0x1f, 0x8b, 8, 2] + good.dropFirst(4)),
    ("data", good.prefix(20) + [0xff] + good.dropFirst(21)), ("block", good.prefix(10) + [7] + good.dropFirst(11)),
    ("tail", good + Array("garbage that is no gzip".utf8)), ("second member", good + good.prefix(12)),
  ] as [(String, [UInt8])] {
    let problem = #expect(throws: Problem.self, "\(what)") { try read(bytes) }
    #expect(problem?.code == .invalid, "\(what)")
    #expect(problem?.message.contains("gzip") == true, "\(what): \(problem?.message ?? "")")
  }
  for count in 2..<good.count {
    #expect(throws: Problem.self, "\(count) bytes") { try read(Array(good.prefix(count))) }
  }
}

@Test func mutatedGzip() {
  var random = Seeded(99)
  let good = storedGzip(sample + sample)
  for _ in 0..<300 {
    var bytes = good
    for _ in 0..<3 {
      bytes[Int.random(in: 2..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
    }
    _ = try? read(bytes)
  }
}

@Test func otherPackersAreNamed() {
  for (magic, word) in [(Array("BZh91AY".utf8), "bzip2"), ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 1], "xz")]
    as [([UInt8], String)]
  {
    let problem = #expect(throws: Problem.self) { try read(magic) }
    #expect(problem?.message.contains(word) == true)
  }
  #expect(throws: Problem.self) { try read(sample, .zstd) }
  #expect(throws: Problem.self) { try read(sample, .gzip) }
}

@Test func limitOfBytes() throws {
  let bytes = [UInt8](repeating: 7, count: 1 << 20)
  #expect(throws: Problem.self) { try read(storedGzip(bytes), limit: 1 << 19) }
  #expect(throws: Problem.self) { try read(bytes, limit: 1 << 19) }
  #expect(try read(bytes, limit: 1 << 20).plain.count == 1 << 20)
}

@Test func protocolRoundTrip() throws {
  var options = UnpackOptions()
  options.compression = .zstd
  options.limitBytes = 5
  options.limitEntries = 6
  options.sync = true
  #expect(try UnpackOptions(parsing: options.arguments) == options)
  for bad in [
    ["--compression", "lz4"], ["--limit-bytes"], ["--limit-bytes", "-1"], ["--limit-entries", "x"], ["--root"],
  ] {
    #expect(throws: Problem.self) { try UnpackOptions(parsing: bad) }
  }
  let digest = Digest(of: sample)
  let layer = UnpackedLayer(compressedDigest: digest, compressedBytes: 1, diffID: digest, bytes: 2, entries: 3)
  guard case .unpacked(layer)? = UnpackAnswer(json: UnpackAnswer.unpacked(layer).json) else {
    Issue.record("no round trip")
    return
  }
  guard case .failed(let problem)? = UnpackAnswer(json: UnpackAnswer.failed(Problem(code: .invalid, message: "x")).json)
  else {
    Issue.record("no round trip")
    return
  }
  #expect(problem.code == .invalid)
  #expect(problem.message == "x")
  #expect(UnpackAnswer(json: ["diffID": "sha256:x"]) == nil)
}
