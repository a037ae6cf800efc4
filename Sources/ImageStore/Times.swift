import Glibc

/// Reads a time of RFC 3339, such as `2026-11-21T04:00:00.123456789+01:00`.
/// - Returns: nanoseconds since 1970; nil for anything else.
package func nanoseconds(ofTime text: String) -> Int64? {
  let bytes = Array(text.utf8)
  func number(_ from: Int, _ count: Int) -> Int? {
    guard from + count <= bytes.count else { return nil }
    var value = 0
    for byte in bytes[from..<(from + count)] {
      guard (0x30...0x39).contains(byte) else { return nil }
      value = value * 10 + Int(byte - 0x30)
    }
    return value
  }
  guard bytes.count >= 20, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"), bytes[13] == UInt8(ascii: ":"),
    bytes[16] == UInt8(ascii: ":"), let year = number(0, 4), let month = number(5, 2), let day = number(8, 2),
    let hour = number(11, 2), let minute = number(14, 2), let second = number(17, 2), (1...12).contains(month)
  else { return nil }
  var place = 19
  var fraction: Int64 = 0
  if bytes[place] == UInt8(ascii: ".") {
    place += 1
    var unit: Int64 = 100_000_000
    while place < bytes.count, (0x30...0x39).contains(bytes[place]) {
      fraction += Int64(bytes[place] - 0x30) * unit
      unit /= 10
      place += 1
    }
  }
  guard place < bytes.count else { return nil }
  var offset = 0
  switch bytes[place] {
  case UInt8(ascii: "Z"), UInt8(ascii: "z"): place += 1
  case UInt8(ascii: "+"), UInt8(ascii: "-"):
    guard let hours = number(place + 1, 2), let minutes = number(place + 4, 2) else { return nil }
    offset = (hours * 3600 + minutes * 60) * (bytes[place] == UInt8(ascii: "-") ? -1 : 1)
    place += 6
  default: return nil
  }
  guard place == bytes.count else { return nil }
  var fields = tm()
  (fields.tm_year, fields.tm_mon, fields.tm_mday) = (CInt(year - 1900), CInt(month - 1), CInt(day))
  (fields.tm_hour, fields.tm_min, fields.tm_sec) = (CInt(hour), CInt(minute), CInt(second))
  let seconds = Int64(timegm(&fields)) - Int64(offset)
  let (scaled, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
  return overflow ? nil : scaled + fraction
}

/// A time as RFC 3339 in UTC, with as many digits after the point as it needs.
package func timeText(ofNanoseconds time: Int64) -> String {
  var (seconds, rest) = (time / 1_000_000_000, time % 1_000_000_000)
  if rest < 0 { (seconds, rest) = (seconds - 1, rest + 1_000_000_000) }
  var moment = time_t(seconds)
  var fields = tm()
  gmtime_r(&moment, &fields)
  func padded(_ value: some BinaryInteger, _ width: Int) -> String {
    let text = String(value)
    return String(repeating: "0", count: max(0, width - text.count)) + text
  }
  var fraction = rest == 0 ? "" : "." + padded(rest, 9)
  while fraction.hasSuffix("0") { fraction.removeLast() }
  return padded(Int(fields.tm_year) + 1900, 4) + "-" + padded(fields.tm_mon + 1, 2) + "-" + padded(fields.tm_mday, 2)
    + "T" + padded(fields.tm_hour, 2) + ":" + padded(fields.tm_min, 2) + ":" + padded(fields.tm_sec, 2) + fraction + "Z"
}
