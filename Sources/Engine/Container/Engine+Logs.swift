import Glibc
import MonitorProtocol
public import Problems
import StateStore
import Sys

extension Engine {
  /// Writes the log to the two descriptors, stream by stream. Reading never changes it (PD-80).
  public func logs(_ name: String, _ query: LogQuery, standardOutput: CInt = 1, standardError: CInt = 2) throws(Problem)
  {
    let record = try observed(try store().containers.lookup(name))
    let config = try ContainerConfig(record)
    let log = try logConfiguration(record, config)
    var options = LogReader.Options()
    let now = LogTime(nanoseconds: Timestamp.now())
    if let since = query.since { options.since = try LogTime(since, now: now) }
    if let until = query.until { options.until = try LogTime(until, now: now) }
    options.tail = query.tail.flatMap { $0 < 0 ? nil : $0 }
    options.follow = query.follow && record.status.state.isAlive
    let color = query.color.map { Array("\u{1B}[3\($0)m".utf8) } ?? []
    let title = query.names ? record.name + " " : query.ids ? record.id.prefix(12) + " " : ""
    let prefix = color + Array(title.utf8)
    var out = LogOutput(standardOutput: standardOutput, standardError: standardError, flushesAtOnce: options.follow)
    let reader = LogReader(log, options: options)
    func show(_ end: LogReader.End) throws(Problem) {
      try reader.read(end: end) { (entry) throws(Problem) in
        var line = (entry.continuesLine ? [] : prefix) + entry.bytes(timestamps: query.timestamps)
        if !color.isEmpty, line.last == UInt8(ascii: "\n") {
          line.insert(contentsOf: Self.colorEnd, at: line.count - 1)
        }
        try out.write(line, isError: entry.isError)
        return true
      }
    }
    let exitFile = options.follow ? paths.exitFile(record.id) : nil
    if let monitor = ProcessHandle(pid: record.status.monitorPid, startTime: record.status.monitorStartTime) {
      try show(LogReader.End(exitFile: exitFile, monitor: monitor.pidfd.borrowed))
    } else {
      try show(LogReader.End(exitFile: exitFile))
    }
    try out.flush()
  }

  private static let colorEnd = Array("\u{1B}[0m".utf8)

  func logConfiguration(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem)
    -> MonitorConfiguration.Log
  {
    let settings = try LogSettings(config.options)
    let path = logPath(record.id, settings)
    switch config.options.logDriver {
    case .k8sFile: return MonitorConfiguration.Log(driver: .k8sFile, path: path)
    case .jsonFile: return MonitorConfiguration.Log(driver: .jsonFile, path: path)
    case .none: return MonitorConfiguration.Log(driver: .none)
    }
  }
}

/// Gathers what goes to one stream until the other one is due: their order stays.
private struct LogOutput {
  let standardOutput: CInt
  let standardError: CInt
  let flushesAtOnce: Bool
  private var pending: [UInt8] = []
  private var isError = false
  private static let bytesMax = 64 << 10

  init(standardOutput: CInt, standardError: CInt, flushesAtOnce: Bool) {
    self.standardOutput = standardOutput
    self.standardError = standardError
    self.flushesAtOnce = flushesAtOnce
  }

  mutating func write(_ bytes: [UInt8], isError: Bool) throws(Problem) {
    if isError != self.isError || pending.count + bytes.count > Self.bytesMax { try flush() }
    self.isError = isError
    pending.append(contentsOf: bytes)
    if flushesAtOnce { try flush() }
  }
  mutating func flush() throws(Problem) {
    if pending.isEmpty { return }
    let bytes = pending
    try doing("write the log") { () throws(Errno) in try writeAll(isError ? standardError : standardOutput, bytes) }
    pending.removeAll(keepingCapacity: true)
  }
}
