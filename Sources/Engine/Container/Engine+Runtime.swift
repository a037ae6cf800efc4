import CSys
import Glibc
import MonitorProtocol
import Problems
import StateStore
import Sys

/// The OCI runtime of one container, by its command line.
struct RuntimeProgram {
  let path: String
  /// Before the subcommand: the user's flags, then `--root`.
  let arguments: [String]
  let environment: [String]

  /// A subcommand under way.
  struct Call: ~Copyable {
    fileprivate let child: ChildProcess
    fileprivate let errors: OwnedFD
    fileprivate let name: String

    /// Waits for its end. - Throws: its own words.
    consuming func finish() throws(Problem) {
      let name = name
      let outcome = try doing("run the OCI runtime") { () throws(Errno) in
        let text = try readAll(errors, limit: 1 << 20)
        return (text, try child.wait())
      }
      guard outcome.1 != .exited(code: 0) else { return }
      throw RuntimeProgram.problem(outcome.0, outcome.1, name)
    }
  }

  func run(_ command: String, _ rest: String...) throws(Problem) {
    try begin([command] + rest).finish()
  }
  /// Starts a subcommand such as `start`, `delete`, `pause`.
  func begin(_ list: [String]) throws(Problem) -> Call {
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

/// What a runtime printed, as a cause.
struct RuntimeWords: Error, CustomStringConvertible {
  let text: String
  var description: String {
    for prefix in ["berth-runtime: ", "error: "] where text.hasPrefix(prefix) {
      return String(text.dropFirst(prefix.count))
    }
    return text
  }
}

extension Engine {
  func runtime(of config: ContainerConfig) throws(Problem) -> RuntimeProgram {
    RuntimeProgram(
      path: try programs.runtime(config.options.runtime),
      arguments: options.runtimeArguments + ["--root", paths.runtimeState],
      environment: helperEnvironment)
  }

  /// What monitors, runtimes and the exit command see of the environment: where this engine's things are, no more.
  var helperEnvironment: [String] {
    var result = [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "BERTH_ROOT=\(paths.root)",
      "BERTH_RUNROOT=\(paths.runroot)",
    ]
    if let caller = environmentVariable(callerVariable) { result.append("\(callerVariable)=\(caller)") }
    if let libexec = options.libexec { result.append("BERTH_LIBEXEC=\(libexec)") }
    return result
  }
}

extension RuntimeWords {
  /// A runtime gives no codes but exit statuses and words. - Parameter exitCode: of the runtime.
  func problem(_ exitCode: Int32) -> Problem {
    let words = description
    func has(_ part: String) -> Bool { Self.contains(words, part) }
    if exitCode == 127 || has("executable file not found") || (has("exec") && has("No such file or directory"))
      || has("no such file or directory") && has("exec: ")
    {
      return Problem(code: .commandNotFound, message: words)
    }
    if exitCode == 126 || has("exec") && (has("ermission denied") || has("xec format error") || has("is a directory")) {
      return Problem(code: .cannotExecute, message: words)
    }
    return Problem(code: .unavailable, message: words)
  }
  private static func contains(_ text: String, _ part: String) -> Bool {
    let text = Array(text.utf8), part = Array(part.utf8)
    guard part.count <= text.count else { return false }
    return (0...(text.count - part.count)).contains { text[$0..<($0 + part.count)].elementsEqual(part) }
  }
}
