import Glibc
import Sys
import TestKit
import Testing

/// What review said twice: the rules of the house, read off the sources.
@Suite struct HouseTests {
  private static let root: String = {
    var path = #filePath
    for _ in 0..<3 { path = parentPath(of: path) }
    return path
  }()

  private func files(_ directory: String) throws -> [(name: String, text: String)] {
    var result: [(String, String)] = []
    for entry in try entries(ofPath: directory) {
      let path = "\(directory)/\(entry.name)"
      if entry.type == UInt8(DT_DIR) {
        result += try files(path)
      } else if [".swift", ".c", ".h"].contains(where: { path.hasSuffix($0) }) {
        result.append((String(path.dropFirst(Self.root.utf8.count + 1)), try readText(path)))
      }
    }
    return result
  }
  private func sources() throws -> [(name: String, text: String)] { try files(Self.root + "/Sources") }

  @Test func filesHaveOneJob() throws {
    for file in try sources() + files(Self.root + "/Tests") {
      let lines = file.text.utf8.count { $0 == 10 }
      #expect(lines <= 500, "\(file.name): \(lines) lines; split it by concern")
    }
  }

  @Test func functionsHaveOneJob() throws {
    for file in try sources() where file.name.hasSuffix(".swift") {
      let lines = file.text.split(separator: "\n", omittingEmptySubsequences: false)
      var start: (line: Int, indent: Substring)?
      for (number, line) in lines.enumerated() {
        #expect(line.count <= 120, "\(file.name):\(number + 1): \(line.count) columns")
        let indent = line.prefix { $0 == " " }
        if let open = start, line == open.indent + "}" {
          #expect(
            number - open.line < 60, "\(file.name):\(open.line + 1): a function of \(number - open.line + 1) lines")
          start = nil
        } else if start == nil, line.contains("func "), line.hasSuffix("{") {
          start = (number, indent)
        }
      }
    }
  }

  @Test func bannedWords() throws {
    let banned = [
      ("fatalError(", "throw a Problem, or precondition with the value in its message"),
      ("try!", "name the error"), ("as!", "decide with as?"),
      ("TODO", "open an issue"), ("FIXME", "open an issue"),
    ]
    for file in try sources() where file.name.hasSuffix(".swift") {
      for (word, reason) in banned { #expect(!file.text.contains(word), "\(file.name): \(word): \(reason)") }
      let proof = "/// `@unchecked Sendable`: "
      #expect(
        !file.text.contains(": @unchecked Sendable") || file.text.contains(proof),
        "\(file.name): @unchecked Sendable: prove it in a sentence that begins with it, or use Mutex")
    }
  }

  @Test func theLowLevelProgramsStayLight() throws {
    let light = [
      "Runtime", "Monitor", "MonitorProtocol", "Seccomp", "Cgroups", "RuntimeSpec", "JSON", "Sys",
      "Problems", "Unpack", "DNSRecords", "NameService",
    ]
    for file in try sources() where light.contains(where: { file.name.hasPrefix("Sources/\($0)/") }) {
      for module in ["Foundation", "FoundationEssentials", "Dispatch", "ArgumentParser"] {
        #expect(
          !file.text.contains("import \(module)\n"), "\(file.name): \(module) costs every start (DESIGN.md, part 1)")
      }
      #expect(!file.text.contains(" async "), "\(file.name): one thread, so that it may unshare and clone at any point")
    }
  }

  @Test func everyModuleHasAPage() throws {
    for module in try entries(ofPath: Self.root + "/Sources") {
      let files = try entries(ofPath: "\(Self.root)/Sources/\(module.name)").map(\.name)
      #expect(!files.contains("Placeholder.swift"), "\(module.name) holds a placeholder")
      if files.contains("main.swift") || files.contains("module.modulemap") { continue }
      let page = try readText("\(Self.root)/Sources/\(module.name)/README.md")
      #expect(page.utf8.count > 200, "Sources/\(module.name)/README.md: job, imports, invariants, what it refuses")
    }
  }

  @Test func noPathOfOneMachine() throws {
    let places = ["/ho" + "me/runner", "/ro" + "ot/."]
    for file in try sources() + files(Self.root + "/Tests") {
      for place in places { #expect(!file.text.contains(place), "\(file.name): \(place)") }
    }
  }
}
