import Glibc

/// Lengths of time and sizes as podman words them.
enum HumanText {
  /// "About a minute". Source: docker/go-units, HumanDuration.
  static func duration(seconds: Int64) -> String {
    let minutes = seconds / 60
    let hours = (seconds + 1800) / 3600
    return switch seconds {
    case ..<1: "Less than a second"
    case 1: "1 second"
    case ..<60: "\(seconds) seconds"
    case ..<120: "About a minute"
    case ..<3600: "\(minutes) minutes"
    default:
      switch hours {
      case ...1: "About an hour"
      case ..<48: "\(hours) hours"
      case ..<(24 * 7 * 2): "\(hours / 24) days"
      case ..<(24 * 30 * 2): "\(hours / 24 / 7) weeks"
      case ..<(24 * 365 * 2): "\(hours / 24 / 30) months"
      default: "\(seconds / 3600 / 24 / 365) years"
      }
    }
  }

  /// "2 minutes ago". - Parameters: nanoseconds since 1970.
  static func age(of time: Int64, now: Int64) -> String {
    duration(seconds: max(0, now - time) / 1_000_000_000) + " ago"
  }

  /// Three digits and a decimal unit: "1.98MB". Source: docker/go-units, HumanSizeWithPrecision(3).
  static func size(_ bytes: Int64, separator: String = "") -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    var unit = 0
    var scale: Int64 = 1
    while unit < units.count - 1, bytes >= scale * 1000 || threeDigits(bytes, scale) == "1000" {
      unit += 1
      scale *= 1000
    }
    return threeDigits(bytes, scale) + separator + units[unit]
  }

  /// `bytes / scale` with three significant digits and no zeros at the end.
  private static func threeDigits(_ bytes: Int64, _ scale: Int64) -> String {
    if scale == 1 { return String(bytes) }
    // In thousandths first; a scale of 1000 or more keeps this exact enough for three digits.
    let thousandths = (Double(bytes) / Double(scale) * 1000).rounded(.down)
    let step: Double = thousandths < 10_000 ? 10 : thousandths < 100_000 ? 100 : 1000
    let rounded = Int64((Double(bytes) / Double(scale) * 1000 / step).rounded(.toNearestOrEven) * step)
    var text = String(rounded / 1000)
    var fraction = String(rounded % 1000)
    fraction = String(repeating: "0", count: 3 - fraction.count) + fraction
    while fraction.last == "0" { fraction.removeLast() }
    if !fraction.isEmpty { text += "." + fraction }
    return text
  }

  /// "2026-11-21 04:48:51.733220033 +0000 UTC": Go's own form of a time, in UTC.
  static func goTime(_ nanoseconds: Int64) -> String {
    time(nanoseconds, between: " ", zone: " +0000 UTC")
  }

  /// RFC 3339 with as many digits as there are.
  static func rfc3339(_ nanoseconds: Int64) -> String { time(nanoseconds, between: "T", zone: "Z") }

  private static func time(_ nanoseconds: Int64, between: String, zone: String) -> String {
    let (seconds, part) = floorDivision(nanoseconds, by: 1_000_000_000)
    var clock = time_t(seconds)
    var parts = tm()
    gmtime_r(&clock, &parts)
    func two(_ number: CInt) -> String { number < 10 ? "0\(number)" : "\(number)" }
    var text = "\(Int(parts.tm_year) + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))\(between)"
    text += "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    if part > 0 {
      var fraction = String(part)
      fraction = String(repeating: "0", count: 9 - fraction.count) + fraction
      while fraction.last == "0" { fraction.removeLast() }
      text += "." + fraction
    }
    return text + zone
  }

  private static func floorDivision(_ number: Int64, by divisor: Int64) -> (Int64, Int64) {
    let rest = ((number % divisor) + divisor) % divisor
    return ((number - rest) / divisor, rest)
  }

  /// Nanoseconds since 1970.
  static func now() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }

  /// At most `count` characters, then "...".
  static func cut(_ text: String, to count: Int) -> String {
    text.count > count + 3 ? text.prefix(count) + "..." : text
  }
}
