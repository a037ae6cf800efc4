import Glibc
import Problems
import Sys

/// The `berth` program: finds the command, reads its flags, runs it, words its failure.
package enum Program {
  /// - Returns: the exit status.
  package static func run(_ arguments: [String]) -> Int32 {
    umask(0o022)  // the root of a container must not be closed to its users because this user's files are
    let output = StandardOutput()
    defer { output.flush() }
    do throws(Problem) {
      return try start(arguments, output)
    } catch {
      output.flush()
      report(error)
      return error.exitStatus
    }
  }

  private static func start(_ arguments: [String], _ output: StandardOutput) throws(Problem) -> Int32 {
    var root: Berth
    switch try FlagReader.read(Berth.self, arguments.dropFirst(), path: Berth.about.name) {
    case .help:
      output.write(Documentation.help(of: Berth.self))
      return 0
    case .command(let read): root = read
    }
    if root.showsVersion {
      output.write("berth version \(Version.text)\n")
      return 0
    }
    let context = Context(engineOptions: root.engineOptions, output: output, arguments: arguments)
    var rest = root.given[...]
    var type: any Command.Type = Berth.self
    var path = [Berth.about.name]
    while !type.children.isEmpty {
      guard let word = rest.popFirst() else {
        output.write(Documentation.help(of: type))
        return 0
      }
      if word == "--help" || word == "-h" || word == "help" && type == Berth.self {
        output.write(Documentation.help(of: try target(of: rest, in: type, path)))
        return 0
      }
      if word.hasPrefix("-") {
        throw UsageProblem(message: "unknown flag: \(word)").problem(of: path.joined(separator: " "))
      }
      type = try child(word, of: type, path)
      path.append(word)
    }
    return try execute(type, rest, path: path.joined(separator: " "), context)
  }

  private static func child(_ word: String, of type: any Command.Type, _ path: [String]) throws(Problem)
    -> any Command.Type
  {
    if let found = type.children.first(where: { $0.names.contains(word) }) { return found }
    let name = path.joined(separator: " ")
    throw Problem(code: .invalid, message: "unknown command \"\(word)\" for \"\(name)\"", hint: "See '\(name) --help'")
  }

  /// `berth help container ls`.
  private static func target(
    of words: ArraySlice<String>, in type: any Command.Type, _ path: [String]
  ) throws(Problem) -> any Command.Type {
    var type = type
    var path = path
    for word in words where !type.children.isEmpty {
      type = try child(word, of: type, path)
      path.append(word)
    }
    return type
  }

  private static func execute<C: Command>(
    _ type: C.Type, _ arguments: ArraySlice<String>, path: String, _ context: Context
  ) throws(Problem) -> Int32 {
    switch try FlagReader.read(type, arguments, path: path) {
    case .help:
      context.output.write(Documentation.help(of: type))
      return 0
    case .command(let command):
      do throws(Problem) {
        return try command.run(context)
      } catch {
        throw error.code == .invalid && error.hint == nil && error.isAboutUsage ? error.hinting(path) : error
      }
    }
  }

  static func report(_ problem: Problem) { try? writeAll(2, problem.description + "\n") }
}

extension Problem {
  /// The flags' own readers name the flag first: "--memory: …".
  fileprivate var isAboutUsage: Bool { message.hasPrefix("--") || message.hasPrefix("-") }
  fileprivate func hinting(_ path: String) -> Problem {
    var copy = self
    copy.hint = "See '\(path) --help'"
    return copy
  }
}
