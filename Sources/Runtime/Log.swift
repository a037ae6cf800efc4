import CSys
import Glibc
import JSON
import Problems
import Sys

/// Where errors and warnings go: standard error, and the file of `--log`, as text or JSON.
struct Log {
  enum Format: String { case text, json }
  enum Level: String { case debug, info, warning, error }

  var path: String?
  var format = Format.text

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
      try? writeAll(2, path == nil && format == .json ? line : "berth-runtime: \(message)\n")
    }
  }
}
