import CSys
import Glibc
package import Problems
import Sys

/// An OCI runtime, by its command line.
package struct RuntimeProgram: Sendable {
  package let path: String
  /// Before the subcommand: the user's flags, then `--root`.
  package let arguments: [String]
  /// All of the program's environment, as `NAME=value`.
  package let environment: [String]

  package init(path: String, arguments: [String], environment: [String]) {
    self.path = path
    self.arguments = arguments
    self.environment = environment
  }

  /// A subcommand under way.
  package struct Call: ~Copyable {
    fileprivate let child: ChildProcess
    fileprivate let errors: OwnedFD
    fileprivate let name: String

    /// Waits for its end. - Throws: its own words.
    package consuming func finish() throws(Problem) {
      let name = name
      let outcome = try doing("run the OCI runtime") { () throws(Errno) in
        let text = try readAll(errors, limit: 1 << 20)
        return (text, try child.wait())
      }
      guard outcome.1 != .exited(code: 0) else { return }
      throw RuntimeProgram.problem(outcome.0, outcome.1, name)
    }
  }

  package func run(_ command: String, _ rest: String...) throws(Problem) {
    try begin([command] + rest).finish()
  }
  /// Starts a subcommand such as `start`, `delete`, `pause`.
  package func begin(_ list: [String]) throws(Problem) -> Call {
    try doing("run \(path)") { () throws(Errno) in
      let pipe = try Pipe.make()
      var spawn = Spawn(path, arguments + list, environment: environment)
      spawn.descriptors = [-1, -1, pipe.writer.borrowed]
      let child = try spawn.start()
      return Call(child: child, errors: pipe.closingWriter(), name: list[0])
    }
  }

  fileprivate static func problem(_ bytes: [UInt8], _ status: ExitStatus, _ command: String) -> Problem {
    let text =
      String(decoding: bytes, as: UTF8.self).split(separator: "\n").last.map(String.init)
      ?? "exit status \(status.shellCode)"
    let words = RuntimeWords(text: text)
    // The container's command is executed by `start`: its failure is the user's, not the runtime's.
    let problem = words.problem(status.shellCode)
    if command == "start", problem.code != .unavailable { return problem }
    return Problem(code: .unavailable, message: "the OCI runtime's \(command)", cause: words)
  }
}
