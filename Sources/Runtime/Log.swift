import CSys
import Glibc
import JSON
import Problems
import Sys

/// Where errors, warnings and, with `--debug`, the steps go: standard error, and the file of `--log`, as text or JSON.
struct Log {
  enum Format: String { case text, json }
  enum Level: String, CaseIterable { case debug, info, warning, error }

  var path: String?
  var format = Format.text
  var isDebug = false

  /// One step of the way; the text is made only where somebody reads it.
  func debug(_ message: @autoclosure () -> String) {
    if isDebug { write(.debug, message()) }
  }

  func write(_ level: Level, _ message: String) {
    let line: String
    switch format {
    case .json:
      let object: JSON = [
        "level": .string(level.rawValue), "msg": .string(message), "time": .string(Timestamp.now()),
      ]
      line = object.text() + "\n"
    case .text:
      line = "time=\(JSON.string(Timestamp.now()).text()) level=\(level.rawValue) msg=\(JSON.string(message).text())\n"
    }
    if let path {
      // A log that cannot be opened must not hide the error itself, which standard error gets below.
      if let fd = try? open(path, O_WRONLY | O_CREAT | O_APPEND, mode: 0o644) { try? writeAll(fd, line) }
    }
    if level == .error || path == nil {
      let isMachine = path == nil && (format == .json || level == .debug)
      try? writeAll(2, isMachine ? line : "berth-runtime: \(message)\n")
    }
  }
}
