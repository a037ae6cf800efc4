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
