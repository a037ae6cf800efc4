import CSys
import Cgroups
import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

extension Session {
  private enum Limit {
    /// As runc: once in five seconds.
    static let intervalMilliseconds: Int64 = 5000
  }

  /// Prints what the container uses, as JSON lines of runc's shape: once with `--stats`, else every `--interval` and
  /// at every out-of-memory kill, until the container ends.
  func events(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    let (flags, id) = try flags(rest, ["stats", "interval="])
    let interval = try flags["interval"].map { (text) throws(Problem) in try GoDuration.milliseconds(text) }
    guard interval != 0 else { throw Problem(code: .invalid, message: "--interval must be longer than nothing") }
    let record = try store.load(id)
    guard let pidfd = try record.pidfd() else {
      throw Problem(code: .conflict, message: "container with id \(id) is not running")
    }
    if flags.has("stats") { return show(try statistics(of: record)) }
    var watch = try OutOfMemoryWatch(record.cgroup)
    let step = interval ?? Limit.intervalMilliseconds
    var next = monotonicMilliseconds() + step
    while true {
      var polls = [pollfd(fd: pidfd.borrowed, events: Int16(POLLIN), revents: 0)] + watch.polls
      let left = CInt(clamping: max(0, next - monotonicMilliseconds()))
      _ = try doing("wait for events of \(id)") { () throws(Errno) in
        try uninterrupted { () throws(Errno) in try check(csys_poll(&polls, CUnsignedInt(polls.count), left)) }
      }
      if polls.count > 1, polls[1].revents != 0, watch.take() { _ = show(["type": "oom", "id": .string(id)]) }
      if polls[0].revents != 0 { return 0 }
      if monotonicMilliseconds() >= next {
        _ = show(try statistics(of: record))
        next += step
      }
    }
  }

  private func show(_ event: JSON) -> CInt { RuntimeProgram.show(event.text() + "\n") }

  private func statistics(of record: ContainerRecord) throws(Problem) -> JSON {
    let data = StatisticsReport(record.cgroup.statistics()).json
    return ["type": "stats", "id": .string(record.id), "data": data]
  }
}
