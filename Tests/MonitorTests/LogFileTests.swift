import CSys
import Glibc
import Sys
import Testing

@testable import Monitor

@Suite struct LogFileTests {
  private func withDirectory<R>(_ body: (String) throws -> R) throws -> R {
    let directory = "/tmp/berth-logfile-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    try makeDirectories(directory)
    defer { try? removeTree(directory) }
    return try body(directory)
  }
  private func append(_ file: inout LogFile, _ text: String) -> Errno? {
    Array(text.utf8).withUnsafeBytes { file.append($0) }
  }

  // covers PD-79 (max size)
  @Test func rotationKeepsWholeEntries() throws {
    try withDirectory { directory in
      let path = directory + "/log"
      var file = try LogFile(path, sizeMax: 25)
      #expect(append(&file, "123456789\nabcdefghi\n") == nil)  // 20 bytes
      #expect(append(&file, "second 89\nthird 789\nfourth 89\n") == nil)
      #expect(try readText(path) == "fourth 89\n" || readText(path) == "third 789\nfourth 89\n")
      #expect(try status(path).st_size <= 25)
      #expect(try status(path + ".1").st_size <= 25)
      #expect(append(&file, String(repeating: "x", count: 100) + "\n") == nil)  // larger than the limit: alone
      #expect(try readText(path).utf8.count == 101)
    }
  }

  @Test func whatIsThereStaysAndCounts() throws {
    try withDirectory { directory in
      let path = directory + "/log"
      try replaceFile(path, with: Array("old\n".utf8), durable: false)
      var file = try LogFile(path, sizeMax: nil)
      #expect(append(&file, "new\n") == nil)
      #expect(try readText(path) == "old\nnew\n")
    }
  }

  @Test func aFailingFileIsToldOnce() throws {
    var file = try LogFile("/dev/full", sizeMax: nil)
    #expect(append(&file, "a\n") == .noSpace)
    #expect(append(&file, "b\n") == nil)
  }
}
