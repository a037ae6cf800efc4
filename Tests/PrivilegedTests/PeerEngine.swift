import Glibc
import Sys
import TestKit

/// Somebody else's engine with berth-runtime below it, set up by a script of this project in a sandbox of its own.
struct PeerEngine {
  static let scripts = parentPath(of: parentPath(of: parentPath(of: #filePath))) + "/scripts/"

  /// What one command line printed (both streams), and its exit code.
  struct Step: CustomStringConvertible {
    let text: String
    let code: Int32?
    var lines: [String] { text.split(whereSeparator: \.isNewline).map { $0.trimmed } }
    var description: String { "\(text)→ \(code.map(String.init) ?? "not run")" }
  }

  /// Runs these shell commands in turn, a failure stops none of them.
  static func run(_ script: String, _ commands: [(name: String, command: String)], seconds: Int = 120) throws
    -> [String: Step]
  {
    try withScratch(script) { scratch in
      var program = ""
      for (name, command) in commands {
        let place = "\(scratch)/\(name)"
        program += "( \(command)\n) </dev/null >\(place).text 2>&1; echo $? >\(place).code\n"
      }
      try replaceFile(scratch + "/program", with: Array(program.utf8), durable: false)
      let parent = "berth-test-\(UInt32.random(in: 0...UInt32.max))"
      let arguments = [Installed.runtime, scratch + "/engine", parent, "sh", scratch + "/program"]
      let outcome = try TestKit.run([scripts + script] + arguments, seconds: seconds)
      var steps: [String: Step] = [:]
      for (name, _) in commands {
        let code = (try? readText("\(scratch)/\(name).code")).flatMap { Int32($0.trimmed) }
        steps[name] = Step(text: (try? readText("\(scratch)/\(name).text")) ?? "\(outcome)", code: code)
      }
      return steps
    }
  }

  /// As `run`, for a script that is itself the engine and takes the container's command.
  static func command(_ script: String, _ arguments: String...) throws -> Outcome {
    try withScratch(script) { scratch in
      let parent = "berth-test-\(UInt32.random(in: 0...UInt32.max))"
      return try TestKit.run(
        [scripts + script, Installed.runtime, scratch + "/engine", parent] + arguments, seconds: 60)
    }
  }
}
