import CSys
import Glibc
import JSON
import Problems
import Sys

/// Where errors, warnings and, with `--debug`, the steps go: standard error, and the file of `--log`, as text or JSON.
struct Log {
  enum Format: String { case text, json }
  enum Level: String, CaseIterable {
    case debug, info, warning, error

    /// As `--log-level` takes it, whatever the case.
    init?(word: String) {
      switch word.lowercased() {
      case "trace", "debug": self = .debug
      case "info": self = .info
      case "warn", "warning": self = .warning
      case "error", "fatal", "panic": self = .error
      default: return nil
      }
    }
    /// Its place among all, the least first.
    var rank: Int {
      switch self {
      case .debug: 0
      case .info: 1
      case .warning: 2
      case .error: 3
      }
    }
  }

  /// What the lines are about; it becomes known on the way.
  final class Subject {
    var command = ""
    var container = ""
  }

  var path: String?
  var format = Format.text
  /// What is less is not written.
  var threshold = Level.warning
  var isDebug: Bool {
    get { threshold == .debug }
    set { threshold = newValue ? .debug : .warning }
  }
  let about = Subject()

  /// One step of the way; the text is made only where somebody reads it.
  func debug(_ message: @autoclosure () -> String) {
    if isDebug { write(.debug, message()) }
  }

  /// - Returns: false for a word that is no level.
  mutating func setLevel(_ word: String) -> Bool {
    guard let level = Level(word: word) else { return false }
    threshold = level
    return true
  }

  /// The last line of a command. Source: capability line LX-08.
  func conclude(_ how: String, milliseconds: Int64) {
    if threshold.rank <= Level.info.rank { write(.info, "cmd \(how)", [("duration", "\(milliseconds)ms")]) }
  }

  func write(_ level: Level, _ message: String, _ details: [(name: String, value: String)] = []) {
    if level.rank < threshold.rank { return }
    var isKept = false
    if let path, let fd = try? Self.file(path) {
      isKept = (try? writeAll(fd, line(level, message, details))) != nil
    }
    // What no log takes must not get lost.
    if level == .error || !isKept {
      let isMachine = path == nil && (format == .json || level == .debug)
      try? writeAll(2, isMachine ? line(level, message, details) : "berth-runtime: \(message)\n")
    }
  }

  /// One file for all: appended to, the owner's alone. Source: capability line LX-07.
  private static func file(_ path: String) throws(Errno) -> OwnedFD {
    let flags = O_WRONLY | O_CREAT | O_APPEND
    do throws(Errno) { return try open(path, flags, mode: 0o600) } catch {
      guard error == .notFound else { throw error }
      try makeDirectories(parentPath(of: path), mode: 0o750)
      return try open(path, flags, mode: 0o600)
    }
  }

  private func line(_ level: Level, _ message: String, _ details: [(name: String, value: String)]) -> String {
    var object = JSON.Object()
    object["level"] = .string(level.rawValue)
    object["msg"] = .string(message)
    object["time"] = .string(Timestamp.now())
    for (name, value) in [("cmd", about.command), ("cid", about.container)] + details where !value.isEmpty {
      object[name] = .string(value)
    }
    if format == .json {
      object["pid"] = JSON(getpid())
      return JSON.object(object).text() + "\n"
    }
    let names =
      ["time", "level", "msg"] + object.members.map(\.name).filter { !["time", "level", "msg"].contains($0) }
    let words = names.map { name in
      let text = object[name]?.string ?? ""
      return name + "=" + (name == "level" || name == "cmd" || name == "duration" ? text : JSON.string(text).text())
    }
    return words.joined(separator: " ") + "\n"
  }
}
