import Glibc
package import Problems

extension LogTime {
  /// A bound that a user gave: RFC 3339 with or without zone (then local time), parts of it (`2026-11-21`,
  /// `2026-11-21T04:00`), seconds since 1970 with or without a fraction, or an age such as `10m` or `1h30m`.
  ///
  /// - Parameter now: what an age counts back from.
  /// - Throws: `.invalid` for anything else.
  package init(_ text: String, now: LogTime = .now) throws(Problem) {
    let bytes = Array(text.utf8)
    if let time = LogTime.seconds(bytes) ?? LogTime.date(bytes) {
      self = time
    } else if let age = LogTime.duration(bytes) {
      self.init(nanoseconds: now.nanoseconds.subtractingReportingOverflow(age).partialValue)
    } else {
      throw Problem(
        code: .invalid, message: "no time: \(text)", hint: "use RFC 3339, seconds since 1970, or an age such as 10m")
    }
  }

  /// A log entry's time, as any of our drivers or others write it; nil where it is none.
  package init?(rfc3339 bytes: some Collection<UInt8>) {
    guard let time = LogTime.date(Array(bytes)) else { return nil }
    self = time
  }

  /// `1136073600` or `1136073600.000000001`.
  static func seconds(_ bytes: [UInt8]) -> LogTime? {
    var reader = DigitReader(bytes: bytes)
    guard let whole = reader.number(digits: 1...11) else { return nil }
    let fraction = reader.fraction() ?? 0
    guard reader.isAtEnd else { return nil }
    let (seconds, overflow) = Int64(whole).multipliedReportingOverflow(by: 1_000_000_000)
    return overflow ? nil : LogTime(nanoseconds: seconds &+ fraction)
  }

  static func date(_ bytes: [UInt8]) -> LogTime? {
    var reader = DigitReader(bytes: bytes)
    guard let year = reader.number(digits: 4...4), reader.skip("-"), let month = reader.number(digits: 2...2),
      reader.skip("-"), let day = reader.number(digits: 2...2), (1...12).contains(month), (1...31).contains(day),
      (1678...2261).contains(year)  // what 64 bits of nanoseconds hold
    else { return nil }
    var parts = (hour: 0, minute: 0, second: 0, nanoseconds: Int64(0))
    if reader.skip("T") || reader.skip("t") || reader.skip(" ") {
      guard let hour = reader.number(digits: 2...2), hour < 24 else { return nil }
      parts.hour = hour
      if reader.skip(":") {
        guard let minute = reader.number(digits: 2...2), minute < 60 else { return nil }
        parts.minute = minute
        if reader.skip(":") {
          guard let second = reader.number(digits: 2...2), second <= 60 else { return nil }
          parts.second = second
          parts.nanoseconds = reader.fraction() ?? 0
        }
      }
    }
    let dayCount = days(year: year, month: month, day: day)
    let utc = dayCount * 86_400 + Int64(parts.hour * 3600 + parts.minute * 60 + parts.second)
    guard let offset = zone(&reader, utc: utc), reader.isAtEnd else { return nil }
    return LogTime(nanoseconds: (utc - offset) * 1_000_000_000 + parts.nanoseconds)
  }

  /// Seconds east of UTC: `Z`, `+02:00`, or nothing, which is this machine's zone at that time.
  private static func zone(_ reader: inout DigitReader, utc: Int64) -> Int64? {
    if reader.skip("Z") || reader.skip("z") { return 0 }
    let sign: Int64
    if reader.skip("+") {
      sign = 1
    } else if reader.skip("-") {
      sign = -1
    } else {
      guard reader.isAtEnd else { return nil }
      var time = time_t(utc)
      var local = tm()
      localtime_r(&time, &local)
      return Int64(local.tm_gmtoff)
    }
    guard let hours = reader.number(digits: 2...2), reader.skip(":") || true,
      let minutes = reader.number(digits: 2...2)
    else { return nil }
    return sign * Int64(hours * 3600 + minutes * 60)
  }

  /// Nanoseconds of `1h30m`, `1.5h`, `300ms`, `90s`. Source: Go, time.ParseDuration.
  static func duration(_ bytes: [UInt8]) -> Int64? {
    let units: [(String, Double)] = [
      ("ns", 1), ("us", 1e3), ("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9), ("d", 86_400e9),
    ]
    var reader = DigitReader(bytes: bytes)
    var total = 0.0
    guard !bytes.isEmpty else { return nil }
    while !reader.isAtEnd {
      guard let whole = reader.number(digits: 1...15) else { return nil }
      let value = Double(whole) + Double(reader.fraction() ?? 0) / 1e9
      let word = String(decoding: reader.letters(), as: UTF8.self)
      guard let unit = units.first(where: { $0.0 == word }) else { return nil }
      total += value * unit.1
    }
    return total < 9e18 ? Int64(total) : nil
  }
}

/// Reads digits and signs from the front of a text.
private struct DigitReader {
  let bytes: [UInt8]
  var place = 0

  var isAtEnd: Bool { place == bytes.count }

  mutating func skip(_ character: Unicode.Scalar) -> Bool {
    guard place < bytes.count, bytes[place] == UInt8(ascii: character) else { return false }
    place += 1
    return true
  }
  mutating func number(digits: ClosedRange<Int>) -> Int? {
    let start = place
    var value = 0
    while place < bytes.count, place - start < digits.upperBound, (48...57).contains(bytes[place]) {
      value = value * 10 + Int(bytes[place] - 48)
      place += 1
    }
    return place - start >= digits.lowerBound ? value : nil
  }
  /// Nanoseconds of `.123`; more than nine digits are cut.
  mutating func fraction() -> Int64? {
    guard skip(".") else { return nil }
    var value: Int64 = 0
    var digits = 0
    while place < bytes.count, (48...57).contains(bytes[place]) {
      if digits < 9 {
        value = value * 10 + Int64(bytes[place] - 48)
        digits += 1
      }
      place += 1
    }
    while digits < 9 {
      value *= 10
      digits += 1
    }
    return value
  }
  mutating func letters() -> [UInt8] {
    let start = place
    while place < bytes.count, bytes[place] >= 0x61, bytes[place] <= 0x7a || bytes[place] >= 0x80 { place += 1 }
    return Array(bytes[start..<place])
  }
}
