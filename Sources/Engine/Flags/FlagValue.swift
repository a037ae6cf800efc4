import Glibc
import JSON
public import Problems
import Sys

/// Readers of single values, for flags that are not a type of their own. A problem names the flag and the value.
public enum FlagValue {
  /// "64m", "1g", "512" (bytes), "1.5G", "10KiB": powers of 1024.
  public static func bytes(_ text: String, flag: String) throws(Problem) -> Int64 {
    let digits = text.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let unit = text.dropFirst(digits.count).lowercased()
    guard let number = Double(digits), let shift = unitShifts[unit], number.isFinite else {
      throw invalid(text, flag, "want a number of bytes with an optional unit b, k, m, g, t or p")
    }
    let bytes = number * Double(Int64(1) << shift)
    guard bytes < Double(Int64.max) else { throw invalid(text, flag, "larger than any memory") }
    return Int64(bytes)
  }
  private static let unitShifts: [String: Int64] = [
    "": 0, "b": 0, "k": 10, "kb": 10, "kib": 10, "m": 20, "mb": 20, "mib": 20, "g": 30, "gb": 30, "gib": 30,
    "t": 40, "tb": 40, "tib": 40, "p": 50, "pb": 50, "pib": 50,
  ]

  /// As `bytes`, and -1.
  public static func bytesOrUnlimited(_ text: String, flag: String) throws(Problem) -> Int64 {
    text == "-1" ? -1 : try bytes(text, flag: flag)
  }

  /// "1.5" CPUs in billionths.
  public static func nanoCPUs(_ text: String, flag: String) throws(Problem) -> Int64 {
    guard let cpus = Double(text), cpus.isFinite, cpus > 0, cpus < 100_000 else {
      throw invalid(text, flag, "want a number of CPUs such as 1.5")
    }
    return Int64((cpus * 1e9).rounded())
  }

  /// A signal's name or number.
  public static func signal(_ text: String, flag: String) throws(Problem) -> Int32 {
    guard let number = SignalName.number(of: text) else {
      throw invalid(text, flag, "want a signal such as SIGTERM, TERM or 15")
    }
    return number
  }

  /// "", a JSON list of strings, or one word.
  public static func entrypoint(_ text: String) throws(Problem) -> [String] {
    if text.isEmpty { return [] }
    guard text.hasPrefix("[") else { return [text] }
    guard let words = (try? JSON.parse(text))?.strings else {
      throw invalid(text, "--entrypoint", "want one word or a JSON list of strings")
    }
    return words
  }

  /// "name=value".
  public static func pair(_ text: String, flag: String) throws(Problem) -> (name: String, value: String) {
    guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
      throw invalid(text, flag, "want NAME=VALUE")
    }
    return (String(text[..<equals]), String(text[text.index(after: equals)...]))
  }

  /// "key=value" with an optional value, as `--label` takes it.
  public static func label(_ text: String, flag: String) throws(Problem) -> (name: String, value: String) {
    guard text.contains("=") else {
      guard !text.isEmpty else { throw invalid(text, flag, "want KEY[=VALUE]") }
      return (text, "")
    }
    return try pair(text, flag: flag)
  }

  /// A file mode creation mask: octal, at most 0777. Source: capability line PD-123.
  /// A length of time, "250ms", "5s" or "1m30s"; a number alone is milliseconds. - Returns: milliseconds, at least 1.
  public static func milliseconds(_ text: String, flag: String) throws(Problem) -> Int {
    guard let length = Timestamp.duration(text) ?? Timestamp.duration(text + "ms") else {
      throw invalid(text, flag, "want a length of time such as 250ms, 5s or 1m30s")
    }
    return max(1, Int(length / 1_000_000))
  }
  static func umask(_ text: String, flag: String) throws(Problem) -> UInt32 {
    guard let mask = UInt32(text, radix: 8), mask <= 0o777, !text.hasPrefix("+") else {
      throw invalid(text, flag, "invalid umask string: want an octal number up to 0777")
    }
    return mask
  }

  /// "0-3,5": CPUs or memory nodes as the kernel's cpuset lists them.
  static func cpuList(_ text: String, flag: String) throws(Problem) -> [ClosedRange<UInt32>] {
    var list: [ClosedRange<UInt32>] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { UInt32($0) }
      guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last else {
        throw invalid(text, flag, "want a list such as 0-2,4")
      }
      list.append(first...last)
    }
    return list
  }

  static func invalid(_ text: String, _ flag: String, _ reason: String) -> Problem {
    Problem(code: .invalid, message: "\(flag) \"\(text)\": \(reason)")
  }
}

extension ListFilter {
  /// `--filter KEY=VALUE`.
  public init(flag text: String) throws(Problem) {
    let pair = try FlagValue.pair(text, flag: "--filter")
    // `label!=x` is the negation of a label: the sign belongs to the key.
    self.init(key: pair.name, value: pair.value)
  }
}
