import CSys
import Cgroups
import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

/// The program `berth-runtime`: reads the command line, does one thing, says what went wrong.
package enum RuntimeProgram {
  package static let version = "0.1.0"
  /// The newest specification that is understood in full.
  static let specVersion = "1.3.0"

  package static func main() -> Never {
    let words = CommandLine.arguments
    signal(SIGPIPE, SIG_IGN)  // a hook need not read its input
    var log = Log()
    let start = monotonicMilliseconds()
    do throws(Problem) {
      let status = try run(words, &log)
      log.conclude("completed", milliseconds: monotonicMilliseconds() - start)
      exit(status)
    } catch {
      log.write(.error, error.sentence + (error.hint.map { " (\($0))" } ?? ""))
      log.conclude("failed", milliseconds: monotonicMilliseconds() - start)
      exit(error.code == .commandNotFound || error.code == .cannotExecute ? error.exitStatus : 1)
    }
  }

  private static let globalGrammar =
    Settings.grammar + ["systemd-cgroup", "debug", "help|h", "version|v", "cgroup-manager=", "criu="]

  private static func run(_ words: [String], _ log: inout Log) throws(Problem) -> CInt {
    var rest: ArraySlice<String> = []
    let flags = try Flags(words.dropFirst(), Flags.Grammar(globalGrammar), stopsAtFirst: true, rest: &rest)
    let settings = try Settings(flags)
    log.path = settings["LOG"]
    log.isDebug = flags.has("debug")
    let usage = Usage(calledAs: words.first ?? "")
    if let format = settings["LOG_FORMAT"] {
      guard let format = Log.Format(rawValue: format) else {
        throw Problem(code: .invalid, message: "the log format is text or json, not \"\(format)\"")
      }
      log.format = format
    }
    if !log.isDebug, let word = settings["LOG_LEVEL"], !log.setLevel(word) {
      log.write(.warning, "log level \"\(word)\" is none of debug, info, warning, error: warning is used")
    }
    if flags.has("version") { return show("\(usage.program) version \(version)\nspec: \(specVersion)\n") }
    guard let command = rest.popFirst(), !flags.has("help"), command != "help" else { return show(usage.text) }
    if let word = rest.first, word == "-h" || word == "--help" {
      guard let text = usage.text(of: command) else {
        throw Problem(code: .invalid, message: "No help topic for '\(command)'")
      }
      return show(text)
    }
    log.about.command = command
    let root = settings["ROOT"] ?? RecordStore.defaultRoot
    let session = Session(
      store: RecordStore(root: root.hasPrefix("/") ? root : currentDirectory() + "/" + root), log: log, words: words,
      driver: try driver(flags), settings: settings, criu: flags["criu"])
    return try session.run(command, rest)
  }

  private static func driver(_ flags: Flags) throws(Problem) -> CgroupDriver {
    guard let name = flags["cgroup-manager"] else { return flags.has("systemd-cgroup") ? .systemd : .cgroupfs }
    guard let driver = CgroupDriver(rawValue: name) else {
      throw Problem(
        code: .invalid, message: "--cgroup-manager is cgroupfs, systemd or disabled, not \"\(name)\"")
    }
    return driver
  }

  static func show(_ text: String) -> CInt {
    try? writeAll(1, text)
    return 0
  }
  private static func currentDirectory() -> String {
    guard let path = getcwd(nil, 0) else { return "" }
    defer { free(path) }
    return String(cString: path)
  }
}
