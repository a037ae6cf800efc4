import CSys
import Glibc

/// A point in time: nanoseconds since 1970, UTC. Source: RFC 3339.
package struct LogTime: Hashable, Comparable, Sendable {
  package var nanoseconds: Int64

  package init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

  package static var now: LogTime {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return LogTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
  }

  package static func < (a: LogTime, b: LogTime) -> Bool { a.nanoseconds < b.nanoseconds }

  /// Bytes of `2026-11-21T04:00:00.123456789`.
  package static let digitsCount = 29

  /// Writes the 29 bytes `2026-11-21T04:00:00.123456789`, without a zone.
  package func write(to output: UnsafeMutablePointer<UInt8>) {
    let seconds = nanoseconds.floored(by: 1_000_000_000)
    let days = seconds.floored(by: 86_400)
    let (year, month, day) = LogTime.civil(days: days)
    let second = Int(seconds - days * 86_400)
    func put(_ value: Int, at place: Int, digits: Int) {
      var rest = value
      for i in (0..<digits).reversed() {
        output[place + i] = UInt8(48 + rest % 10)
        rest /= 10
      }
    }
    put(year, at: 0, digits: 4)
    output[4] = UInt8(ascii: "-")
    put(month, at: 5, digits: 2)
    output[7] = UInt8(ascii: "-")
    put(day, at: 8, digits: 2)
    output[10] = UInt8(ascii: "T")
    put(second / 3600, at: 11, digits: 2)
    output[13] = UInt8(ascii: ":")
    put(second / 60 % 60, at: 14, digits: 2)
    output[16] = UInt8(ascii: ":")
    put(second % 60, at: 17, digits: 2)
    output[19] = UInt8(ascii: ".")
    put(Int(nanoseconds - seconds * 1_000_000_000), at: 20, digits: 9)
  }

  /// `2026-11-21T04:00:00.123456789` and a zone that means UTC: `Z` or `+00:00`.
  package func text(zone: String = "Z") -> String {
    let digits = [UInt8](unsafeUninitializedCapacity: LogTime.digitsCount) { buffer, count in
      write(to: buffer.baseAddress!)
      count = LogTime.digitsCount
    }
    return String(decoding: digits, as: UTF8.self) + zone
  }

  /// Year, month and day of a day counted from 1970-01-01 (proleptic Gregorian, eras of 400 years from March).
  static func civil(days: Int64) -> (year: Int, month: Int, day: Int) {
    let shifted = days + 719_468
    let era = shifted.floored(by: 146_097)
    let dayOfEra = shifted - era * 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    return (Int(year), Int(month), Int(dayOfYear - (153 * marchMonth + 2) / 5 + 1))
  }

  /// Days from 1970-01-01.
  static func days(year: Int, month: Int, day: Int) -> Int64 {
    let shiftedYear = Int64(month <= 2 ? year - 1 : year)
    let era = shiftedYear.floored(by: 400)
    let yearOfEra = shiftedYear - era * 400
    let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
    return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
  }
}

extension Int64 {
  /// Division that rounds down, below zero too.
  func floored(by divisor: Int64) -> Int64 {
    let quotient = self / divisor
    return self % divisor < 0 ? quotient - 1 : quotient
  }
}
