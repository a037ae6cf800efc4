import Glibc
import Problems

/// An integer flag's value. - Throws: `.invalid` naming the flag, the text and the range.
func number(_ text: String, _ flag: String, _ range: ClosedRange<Int>) throws(Problem) -> Int {
  guard let value = Int(text) else {
    throw Problem(code: .invalid, message: "\(flag): \"\(text)\" is not a whole number")
  }
  guard range.contains(value) else {
    let bounds =
      range.upperBound >= Int(Int32.max) ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
    throw Problem(code: .invalid, message: "\(flag): \(value) is out of range: \(bounds)")
  }
  return value
}

/// `a,b` is two values, as in podman's `strings` flags.
func commaList(_ text: String) -> [String] { text.split(separator: ",").map(String.init) }

func choice(_ flag: String, _ text: String, _ words: [String]) -> Problem {
  Problem(code: .invalid, message: "\(flag): \"\(text)\" is none of \(words.joined(separator: ", "))")
}

/// A path as seen from the caller's directory, made absolute.
func absolutePath(_ path: String) -> String {
  if path.hasPrefix("/") || path.isEmpty { return path }
  guard let directory = getcwd(nil, 0) else { return path }
  defer { free(directory) }
  return String(cString: directory) + "/" + path
}
