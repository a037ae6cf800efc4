package import Problems

/// What a runtime printed, as a cause.
package struct RuntimeWords: Error, CustomStringConvertible {
  let text: String
  package init(text: String) { self.text = text }

  package var description: String {
    for prefix in ["berth-runtime: ", "error: "] where text.hasPrefix(prefix) {
      return String(text.dropFirst(prefix.count))
    }
    return text
  }
}

extension RuntimeWords {
  /// A runtime gives no codes but exit statuses and words. - Parameter exitCode: of the runtime.
  package func problem(_ exitCode: Int32) -> Problem {
    let words = description
    func has(_ part: String) -> Bool { Self.contains(words, part) }
    if exitCode == 127 || has("executable file not found") || (has("exec") && has("No such file or directory"))
      || has("no such file or directory") && has("exec: ")
    {
      return .noCommand(words)
    }
    if exitCode == 126 || has("exec") && (has("ermission denied") || has("xec format error") || has("is a directory")) {
      return .noProgram(words)
    }
    return Problem(code: .unavailable, message: words)
  }
  private static func contains(_ text: String, _ part: String) -> Bool {
    let text = Array(text.utf8), part = Array(part.utf8)
    guard part.count <= text.count else { return false }
    return (0...(text.count - part.count)).contains { text[$0..<($0 + part.count)].elementsEqual(part) }
  }
}

extension Problem {
  /// With the next step, where it is about a command that cannot be executed.
  package var withCommandHint: Problem {
    switch code {
    case .commandNotFound where hint == nil: .noCommand(sentence)
    case .cannotExecute where hint == nil: .noProgram(sentence)
    default: self
    }
  }
  /// 127.
  package static func noCommand(_ message: String) -> Problem {
    Problem(
      code: .commandNotFound, message: message,
      hint: "check the command's spelling, and that the image has it; names without / are looked up in its PATH")
  }
  /// 126.
  package static func noProgram(_ message: String) -> Problem {
    Problem(
      code: .cannotExecute, message: message,
      hint: "a command is an executable file of the container: chmod +x FILE, or run it by its interpreter: sh FILE")
  }
}
