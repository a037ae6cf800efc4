import CSys
import Glibc
package import Problems
import Sys

/// Reads a container's log, the file before the last rotation included. It never changes a file; a log that is not
/// there is an empty one.
package struct LogReader {
  package struct Options: Sendable {
    /// Entries from this time on.
    package var since: LogTime?
    /// Entries up to this time.
    package var until: LogTime?
    /// The last lines only, counted before `since` and `until`; nil is all.
    package var tail: Int?
    /// Waits for more until the container has ended.
    package var follow = false

    package init() {}
  }

  /// When following is over: nothing more will be written.
  package struct End {
    /// The exit file: the monitor writes it after the last entry.
    package var exitFile: String?
    /// A pidfd of the monitor (not of the container, which ends earlier): for one that died.
    package var monitor: CInt?

    package init(exitFile: String? = nil, monitor: CInt? = nil) {
      self.exitFile = exitFile
      self.monitor = monitor
    }
  }

  package enum Limit {
    /// Bytes of a joined line, and of an entry: longer ones are delivered in parts, or are no entries of ours.
    package static let lineBytesMax = 1 << 20
    static let chunkBytes = 256 << 10
  }

  private let log: MonitorConfiguration.Log
  private let options: Options

  package init(_ log: MonitorConfiguration.Log, options: Options = Options()) {
    self.log = log
    self.options = options
  }

  /// Reads all entries in their order.
  ///
  /// - Parameter body: gets each entry; false ends the reading.
  /// - Throws: `.unsupported` with driver none, which keeps nothing; what `body` throws; the disk's errors.
  package func read(end: End = End(), _ body: (LogEntry) throws(Problem) -> Bool) throws(Problem) {
    if log.driver == .none {
      throw Problem(code: .unsupported, message: "the log driver none keeps no logs")
    }
    let follower = try options.follow ? LogFollower(log.path, end: end) : nil
    var joiner = LogJoiner(lineBytesMax: Limit.lineBytesMax)
    var goesOn = true
    func deliver(_ entry: LogEntry) throws(Problem) {
      if !goesOn || options.since.map({ entry.time < $0 }) == true { return }
      if let until = options.until, entry.time > until {
        if options.follow { goesOn = false }
        return
      }
      goesOn = try body(entry)
    }
    var current = try readPast(&joiner, deliver)
    while goesOn, options.follow {
      // First look whether it is over, then read: what was written before the end is not missed.
      let isOver = follower!.isOver
      current = try readNew(current, &joiner, deliver)
      for entry in joiner.flush() { try deliver(entry) }
      if isOver || !goesOn { return }
      if try !follower!.wait(until: options.until) { return }
    }
    for entry in joiner.flush() { try deliver(entry) }
  }

  /// What is there now; answers the newest file, and how far it was read.
  private func readPast(
    _ joiner: inout LogJoiner, _ deliver: (LogEntry) throws(Problem) -> Void
  ) throws(Problem) -> LogScanner? {
    var newest = try LogScanner.open(log.path, log.driver)
    let rotated = try LogScanner.open(log.path + ".1", log.driver)
    if let rotated, rotated.inode == newest?.inode { newest = try LogScanner.open(log.path, log.driver) }
    let scanners = [rotated, newest].compactMap { $0 }
    guard let tail = options.tail, tail >= 0 else {
      for index in scanners.indices {
        try scanners[index].scan { (part) throws(Problem) in
          if let entry = joiner.take(part) { try deliver(entry) }
        }
      }
      return newest == nil ? nil : scanners.last
    }
    var wanted = tail
    for index in scanners.indices.reversed() { wanted -= try scanners[index].seek(lastLines: wanted) }
    var last = LogRing(capacity: tail)
    for index in scanners.indices {
      try scanners[index].scan { (part) throws(Problem) in
        if let entry = joiner.take(part) { last.append(entry) }
      }
    }
    for entry in joiner.flush() { last.append(entry) }
    for entry in last.entries { try deliver(entry) }
    return newest == nil ? nil : scanners.last
  }

  /// What has come since; over rotations.
  private func readNew(
    _ current: LogScanner?, _ joiner: inout LogJoiner, _ deliver: (LogEntry) throws(Problem) -> Void
  ) throws(Problem) -> LogScanner? {
    var joining = joiner
    defer { joiner = joining }
    func scanAll(_ scanner: LogScanner) throws(Problem) {
      try scanner.scan { (part) throws(Problem) in
        if let entry = joining.take(part) { try deliver(entry) }
      }
    }
    let newest = try LogScanner.open(log.path, log.driver)
    if let current { try scanAll(current) }
    guard let newest, newest.inode != current?.inode else { return current }
    // Rotated, perhaps more than once: what we had is finished; a whole file between is read as well.
    if let current, let between = try LogScanner.open(log.path + ".1", log.driver) {
      if between.inode != current.inode && between.inode != newest.inode { try scanAll(between) }
    }
    try scanAll(newest)
    return newest
  }
}

/// The last entries, the others forgotten.
private struct LogRing {
  private var slots: [LogEntry] = []
  private var next = 0
  private let capacity: Int

  init(capacity: Int) { self.capacity = capacity }

  mutating func append(_ entry: LogEntry) {
    if capacity == 0 { return }
    if slots.count < capacity {
      slots.append(entry)
    } else {
      slots[next] = entry
      next = (next + 1) % capacity
    }
  }
  var entries: [LogEntry] { Array(slots[next...] + slots[..<next]) }
}
