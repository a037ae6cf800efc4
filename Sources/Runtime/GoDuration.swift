import Glibc
import Problems

/// Durations as runc's users write them: "100ms", "1m30s", "1.5h".
enum GoDuration {
  private static let units: [(name: String, milliseconds: Double)] = [
    ("ns", 1e-6), ("us", 1e-3), ("µs", 1e-3), ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000),
  ]

  /// - Returns: whole milliseconds, at least 1 where the duration is not 0.
  static func milliseconds(_ text: String) throws(Problem) -> Int64 {
    var rest = text[...]
    var sum = 0.0
    if rest == "0" { return 0 }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber || $0 == "." }
      rest = rest.dropFirst(digits.count)
      let unit = rest.prefix { $0.isLetter }
      rest = rest.dropFirst(unit.count)
      guard let number = Double(digits), let scale = units.first(where: { $0.name == unit })?.milliseconds else {
        throw refusal(text)
      }
      sum += number * scale
    }
    guard !text.isEmpty, sum < 1e15 else { throw refusal(text) }
    return sum == 0 ? 0 : max(1, Int64(sum))
  }
  private static func refusal(_ text: String) -> Problem {
    Problem(code: .invalid, message: "\"\(text)\" is no duration such as 5s or 100ms")
  }
}
