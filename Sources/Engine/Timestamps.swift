import CSys
import Glibc
import Problems

/// Points in time as nanoseconds since 1970, and their texts. Source: RFC 3339.
enum Timestamp {
  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// "2026-11-21T04:00:00.123456789Z"; Docker's zero time for 0.
  static func text(_ nanoseconds: Int64) -> String {
    if nanoseconds == 0 { return "0001-01-01T00:00:00Z" }
    var seconds = nanoseconds / 1_000_000_000
    var rest = nanoseconds % 1_000_000_000
    if rest < 0 {
      seconds -= 1
      rest += 1_000_000_000
    }
    let days = seconds >= 0 ? seconds / 86400 : -((86399 - seconds) / 86400)
    let inDay = seconds - days * 86400
    let date = civil(days)
    func two(_ n: Int64) -> String { n < 10 ? "0\(n)" : "\(n)" }
    let fraction = String(1_000_000_000 + rest).dropFirst()
    return
      "\(date.year)-\(two(date.month))-\(two(date.day))T"
      + "\(two(inDay / 3600)):\(two(inDay / 60 % 60)):\(two(inDay % 60)).\(fraction)Z"
  }

  /// RFC 3339 with optional fraction, shorter forms down to the date (UTC), or nil.
  static func parse(_ text: String) -> Int64? {
    let bytes = Array(text.utf8)
    func number(_ range: Range<Int>) -> Int64? {
      guard range.upperBound <= bytes.count, bytes[range].allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
      return bytes[range].reduce(0) { $0 * 10 + Int64($1 - 0x30) }
    }
    guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10), bytes[4] == 0x2d,
      bytes[7] == 0x2d,
      (1...12).contains(month), (1...31).contains(day), year >= 1
    else { return nil }
    var seconds = daysSince1970(year, month, day) * 86400
    var fraction: Int64 = 0
    var place = 10
    if place < bytes.count,
      bytes[place] == UInt8(ascii: "T") || bytes[place] == UInt8(ascii: "t") || bytes[place] == 0x20
    {
      guard let hour = number(11..<13), let minute = number(14..<16), bytes[13] == 0x3a, hour < 24, minute < 60 else {
        return nil
      }
      seconds += hour * 3600 + minute * 60
      place = 16
      if place < bytes.count, bytes[place] == 0x3a {
        guard let second = number(17..<19), second < 61 else { return nil }
        seconds += second
        place = 19
        if place < bytes.count, bytes[place] == 0x2e {
          let digits = bytes[(place + 1)...].prefix { (0x30...0x39).contains($0) }.prefix(20)
          guard !digits.isEmpty else { return nil }
          var scale: Int64 = 100_000_000
          for digit in digits.prefix(9) {
            fraction += Int64(digit - 0x30) * scale
            scale /= 10
          }
          place += 1 + digits.count
        }
      }
    }
    guard let offset = zone(bytes[min(place, bytes.count)...]) else { return nil }
    return (seconds - offset) * 1_000_000_000 + fraction
  }
  /// "", "Z", "+02:00" in seconds.
  private static func zone(_ bytes: ArraySlice<UInt8>) -> Int64? {
    let text = Array(bytes)
    if text.isEmpty || text == [0x5a] || text == [0x7a] { return 0 }
    guard text.count == 6, text[0] == 0x2b || text[0] == 0x2d, text[3] == 0x3a,
      let hours = Int64(String(decoding: text[1...2], as: UTF8.self)),
      let minutes = Int64(String(decoding: text[4...5], as: UTF8.self))
    else { return nil }
    return (text[0] == 0x2d ? -1 : 1) * (hours * 3600 + minutes * 60)
  }

  /// What a user says: RFC 3339, seconds since 1970 ("1700000000.5"), or a duration back from now ("1h30m").
  static func parse(user text: String, now: Int64, flag: String) throws(Problem) -> Int64 {
    if let point = parse(text) { return point }
    if let seconds = Double(text), seconds.isFinite, abs(seconds) < 9e9 { return Int64(seconds * 1e9) }
    if let back = duration(text) { return now - back }
    throw FlagValue.invalid(text, flag, "want a time such as 2026-11-21T04:00:00Z, 1700000000 or 10m")
  }

  /// Go's duration text ("1h30m", "1.5s", "300ms") in nanoseconds.
  static func duration(_ text: String) -> Int64? {
    let units: [(String, Double)] = [
      ("ns", 1), ("us", 1e3), ("µs", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 6e10), ("h", 3.6e12), ("d", 8.64e13),
    ]
    var rest = Substring(text)
    var total = 0.0
    guard !rest.isEmpty else { return nil }
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
      rest = rest.dropFirst(digits.count)
      let word = rest.prefix { !($0.isASCII && ($0.isNumber || $0 == ".")) }
      rest = rest.dropFirst(word.count)
      guard let number = Double(digits), let unit = units.first(where: { $0.0 == word }) else { return nil }
      total += number * unit.1
    }
    return total < 9e18 ? Int64(total) : nil
  }

  /// Howard Hinnant's calendar arithmetic (chrono-compatible low-level date algorithms).
  private static func daysSince1970(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
    let y = month <= 2 ? year - 1 : year
    let era = (y >= 0 ? y : y - 399) / 400
    let yearOfEra = y - era * 400
    let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
    return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468
  }
  private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let z = days + 719468
    let era = (z >= 0 ? z : z - 146096) / 146097
    let dayOfEra = z - era * 146097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let month = (5 * dayOfYear + 2) / 153
    return (
      yearOfEra + era * 400 + (month >= 10 ? 1 : 0), month < 10 ? month + 3 : month - 9,
      dayOfYear - (153 * month + 2) / 5 + 1
    )
  }
}
