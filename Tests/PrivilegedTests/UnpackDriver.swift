import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// What one run of the installed `berth-unpack` answered.
struct UnpackOutcome {
  /// As a shell shows it: 0, 1, or 128 + signal.
  let exitCode: CInt
  let answer: JSON
  var error: String { answer["error"]?.string ?? "" }
  var code: String { answer["code"]?.string ?? "" }
}

/// A directory with the layer's own, `diff`, and things beside it that no archive may touch.
struct UnpackScratch {
  let path: String
  var layer: String { path + "/work/diff" }

  func unpack(_ bytes: [UInt8], _ arguments: String...) throws -> UnpackOutcome {
    let input = try temporaryFile()
    try writeAll(input, bytes)
    lseek(input.borrowed, 0, SEEK_SET)
    return try unpack(from: input, arguments)
  }
  func unpack(from input: borrowing OwnedFD, _ arguments: [String] = []) throws -> UnpackOutcome {
    let directory = try open(layer, O_RDONLY | O_DIRECTORY)
    let answer = try temporaryFile()
    var spawn = Spawn(Installed.unpack, arguments, environment: [])
    spawn.descriptors = [input.borrowed, -1, 2, directory.borrowed, answer.borrowed]
    let child = try spawn.start()
    let status = try child.wait()
    return UnpackOutcome(exitCode: status.shellCode, answer: (try? JSON.parse(try rewound(answer))) ?? .null)
  }

  /// The archive must be refused with these words, as the archive's fault.
  func refuses(
    _ bytes: [UInt8], _ words: String, _ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let input = try temporaryFile()
    try writeAll(input, bytes)
    lseek(input.borrowed, 0, SEEK_SET)
    let outcome = try unpack(from: input, arguments)
    #expect(outcome.exitCode == 1, sourceLocation: sourceLocation)
    #expect(outcome.code == "invalid", "\(outcome.error)", sourceLocation: sourceLocation)
    #expect(outcome.error.contains(words), "\(outcome.error)", sourceLocation: sourceLocation)
  }
  /// The archive must be unpacked.
  func accepts(_ bytes: [UInt8], _ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) throws {
    let input = try temporaryFile()
    try writeAll(input, bytes)
    lseek(input.borrowed, 0, SEEK_SET)
    let outcome = try unpack(from: input, arguments)
    #expect(outcome.exitCode == 0, "\(outcome.error)", sourceLocation: sourceLocation)
  }
  func emptyLayer() throws {
    try removeTree(layer)
    try makeDirectory(layer)
  }
  func status(_ name: String) throws -> stat { try Sys.status(layer + "/" + name, followingLinks: false) }
  func text(_ name: String) throws -> String { try readText(layer + "/" + name) }
  func exists(_ name: String) -> Bool { (try? status(name)) != nil }
}

/// Runs `body`; afterwards everything beside the layer must be as it was.
func withUnpackScratch(_ name: String = #function, _ body: (UnpackScratch) throws -> Void) throws {
  try withScratch(name) { path in
    let scratch = UnpackScratch(path: path)
    try makeDirectories(scratch.layer)
    try makeDirectories(path + "/secret/directory")
    for file in ["secret/file", "secret/directory/file", "passwd", "work/passwd"] {
      try replaceFile("\(path)/\(file)", with: Array("untouched".utf8), durable: false)
    }
    let before = try listing(path)
    try body(scratch)
    #expect(try listing(path) == before, "something outside the layer changed")
  }
}

/// Names, types, owners, modes, link counts, sizes, times and contents of all but the layer itself.
private func listing(_ path: String) throws -> [String] {
  var result: [String] = []
  func visit(_ relative: String) throws {
    if relative.hasPrefix("/work/diff/") { return }
    let status = try Sys.status(path + relative, followingLinks: false)
    var line = "\(relative) \(status.st_mode) \(status.st_uid) \(status.st_gid)"
    if relative == "/work/diff" || relative == "/work" {
      result.append(relative)
    } else {
      line += " \(status.st_nlink) \(status.st_size) \(status.st_mtim.tv_sec).\(status.st_mtim.tv_nsec)"
      if status.isRegular { line += try readText(path + relative) }
      result.append(line)
    }
    if !status.isDirectory || relative == "/work/diff" { return }
    for entry in try entries(ofPath: path + relative).sorted(by: { $0.name < $1.name }) {
      try visit(relative + "/" + entry.name)
    }
  }
  try visit("")
  return result
}
