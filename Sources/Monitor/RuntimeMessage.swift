import JSON
import Problems
import Sys

/// What an OCI runtime said when it failed.
enum RuntimeMessage {
  enum Limit {
    /// Bytes kept of a runtime's standard error.
    static let bytesMax = 64 << 10
  }

  /// The failure in the runtime's words, with the code that fits.
  ///
  /// - Parameters:
  ///   - output: its standard error: plain text, `level=error msg="..."` (runc) or JSON lines (`--log-format json`).
  ///   - exitCode: its exit code; 126 and 127 mean what they mean to a shell.
  static func problem(_ output: [UInt8], exitCode: Int32, runtime: String) -> Problem {
    let text = String(decoding: output, as: UTF8.self)
    let lines = text.split(whereSeparator: \.isNewline).compactMap { Line(String($0)) }
    guard let line = lines.last(where: \.isError) ?? lines.last else {
      let code: Problem.Code = exitCode == 127 ? .commandNotFound : exitCode == 126 ? .cannotExecute : .unavailable
      return Problem(code: code, message: "\(runtime) failed without a word, exit code \(exitCode)")
    }
    // Some begin with their own name, which says nothing to the user.
    let name = fileName(of: runtime) + ": "
    let message = line.message.hasPrefix(name) ? String(line.message.dropFirst(name.count)) : line.message
    return Problem(code: code(of: message, exitCode: exitCode), message: message)
  }

  /// One line, without level and time.
  private struct Line {
    var message: String
    var isError: Bool

    init?(_ text: String) {
      if text.hasPrefix("{"), let json = try? JSON.parse(text), let message = json["msg"]?.string {
        self.message = message
        isError = Line.isError(json["level"]?.string ?? "error")
      } else if let message = Line.field("msg", of: text) {
        self.message = message
        isError = Line.isError(Line.field("level", of: text) ?? "error")
      } else {
        message = Line.withoutTime(text)
        if message.hasPrefix("error: ") { message.removeFirst(7) }
        isError = !message.hasPrefix("hint: ") && !message.lowercased().hasPrefix("warning")
      }
      if message.isEmpty { return nil }
    }

    private static func isError(_ level: String) -> Bool { level == "error" || level == "fatal" || level == "panic" }

    /// The value of `name=value` or `name="quoted \" value"` in logfmt.
    private static func field(_ name: String, of line: String) -> String? {
      guard line.hasPrefix("time=") || line.hasPrefix("level=") else { return nil }
      var words = line[...]
      while let equals = words.firstIndex(of: "=") {
        let key = words[..<equals].drop { $0 == " " }
        var value = ""
        var place = words.index(after: equals)
        let isQuoted = place < words.endIndex && words[place] == "\""
        if isQuoted { place = words.index(after: place) }
        while place < words.endIndex, words[place] != (isQuoted ? "\"" : " ") {
          if isQuoted && words[place] == "\\" { place = words.index(after: place) }
          if place == words.endIndex { break }
          value.append(words[place])
          place = words.index(after: place)
        }
        if key == name { return value }
        words = place < words.endIndex ? words[words.index(after: place)...] : ""
      }
      return nil
    }

    /// crun begins each line with `2026-11-21T04:00:00.000000Z: ` where standard error is no terminal.
    private static func withoutTime(_ text: String) -> String {
      guard let end = text.firstIndex(of: " "), text[..<end].hasSuffix("Z:"), text.first?.isNumber == true else {
        return text
      }
      return String(text[text.index(after: end)...])
    }
  }

  /// Runtimes give no codes, only words: this is the one place that reads them.
  static func code(of message: String, exitCode: Int32) -> Problem.Code {
    if exitCode == 127 { return .commandNotFound }
    if exitCode == 126 { return .cannotExecute }
    let text = message.lowercased()
    func has(_ words: String...) -> Bool { words.contains { contains(text, $0) } }
    if has("exec: ", "executable", "exec container process", "execve", "exec user process", "exec `", "exec \"") {
      if has("not found in", "no such file or directory", "executable file not found") { return .commandNotFound }
      if has("permission denied", "exec format error", "is a directory", "not executable", "operation not permitted") {
        return .cannotExecute
      }
    }
    if has("already exists", "in use") { return .conflict }
    if has("does not exist", "no such container") { return .notFound }
    if has("permission denied", "operation not permitted") { return .denied }
    if has("not supported", "unsupported", "not implemented") { return .unsupported }
    if has("invalid", "unable to find user", "no such file or directory", "must be", "unknown") { return .invalid }
    return .unavailable
  }

  /// A plain search: the standard library has none for strings without further modules.
  private static func contains(_ text: String, _ part: String) -> Bool {
    let text = Array(text.utf8), part = Array(part.utf8)
    guard part.count <= text.count else { return false }
    return (0...(text.count - part.count)).contains { text[$0..<($0 + part.count)].elementsEqual(part) }
  }
}
