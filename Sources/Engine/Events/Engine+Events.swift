public import Problems
import StateStore
import Sys

/// Where events are written. Source: podman(1), `--events-backend`.
enum EventsBackend: String, CaseIterable {
  case file, none

  init(_ text: String) throws(Problem) {
    if text == "journald" {
      throw Problem(
        code: .unsupported, message: "--events-backend journald is not supported", hint: "file and none are")
    }
    guard let known = EventsBackend(rawValue: text) else {
      throw FlagValue.invalid(text, "--events-backend", "want file or none")
    }
    self = known
  }
}

/// What `events` is asked for.
public struct EventQuery: Sendable {
  public var filters: [ListFilter] = []
  /// Points in time as `--since` of logs has them; with one of them, or without `follow`, past events are shown, too.
  public var since: String?
  public var until: String?
  /// Goes on with what happens, up to `until`.
  public var follow = true
  public init() {}
}

extension Engine {
  private var eventLog: EventLog { EventLog(directory: paths.runroot + "/events") }

  /// Shows events, those of the past in the order in which they were written. - Parameter show: false ends it.
  public func events(_ query: EventQuery, _ show: (EngineEvent) throws(Problem) -> Bool) throws(Problem) {
    guard eventsBackend == .file else {
      throw Problem(
        code: .invalid, message: "cannot read events with the \"\(eventsBackend.rawValue)\" backend",
        hint: "events are kept with: berth --events-backend file")
    }
    let filter = try EventFilter(query.filters)
    let now = Timestamp.now()
    var (since, until) = (Int64.min, Int64.max)
    if let text = query.since { since = try Timestamp.parse(user: text, now: now, flag: "--since") }
    if let text = query.until { until = try Timestamp.parse(user: text, now: now, flag: "--until") }
    let log = eventLog
    let reader = try doing("read \(log.path)") { () throws(Errno) in
      try log.prepare()
      return try EventReader(log, fromStart: !query.follow || query.since != nil || query.until != nil)
    }
    let watch = try DirectoryWatch(log.directory, writes: true)
    while try reader.readOn({ (event) throws(Problem) in
      if event.time < since || event.time > until || !filter.matches(event) { return true }
      return try show(event)
    }) {
      let left = until == .max ? -1 : Int(clamping: until - Timestamp.now() + 999_999) / 1_000_000
      if !query.follow || until != .max && left <= 0 { return }
      watch.wait(milliseconds: left)
    }
  }

  /// Writes down what has happened. A log that cannot be written is told once, and fails nothing.
  func tell(_ events: [EngineEvent]) {
    if eventsBackend == .none || events.isEmpty { return }
    do throws(Errno) { try eventLog.append(events) } catch {
      if warnedOfEvents { return }
      warnedOfEvents = true
      warning?(Problem(code: .init(error), message: "events are lost: write \(eventLog.path)", cause: error))
    }
  }
  func tell(_ event: EngineEvent) { tell([event]) }
  func tell(_ statuses: EngineEvent.Status..., of record: ContainerRecord, exitCode: Int32? = nil) {
    tell(statuses.map { EngineEvent($0, record, exitCode: exitCode) })
  }
}
