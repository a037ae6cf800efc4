import CSys
import Glibc
import Problems
import Sys

/// Reads the entries of one log file from where it stopped last.
final class LogScanner {
  private let fd: OwnedFD
  private let path: String
  private let driver: MonitorConfiguration.Log.Driver
  let inode: UInt64
  /// Where the first byte that no entry was made of stands.
  private var offset: Int64 = 0

  /// nil where there is no such file.
  static func open(
    _ path: String, _ driver: MonitorConfiguration.Log.Driver
  ) throws(Problem) -> LogScanner? {
    let raw = csys_open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC, 0)
    if raw == -ENOENT || raw == -ENOTDIR { return nil }
    let fd = OwnedFD(adopting: try doing("open log \(path)") { () throws(Errno) in try check(raw) })
    let inode = try doing("look at log \(path)") { () throws(Errno) in UInt64(try status(fd).st_ino) }
    return LogScanner(fd, path: path, driver: driver, inode: inode)
  }
  private init(
    _ fd: consuming OwnedFD, path: String, driver: MonitorConfiguration.Log.Driver, inode: UInt64
  ) {
    self.fd = fd
    self.path = path
    self.driver = driver
    self.inode = inode
  }

  /// Gives every whole entry from here to the end; what is no entry is left out.
  func scan(_ body: (LogEntry) throws(Problem) -> Void) throws(Problem) {
    var buffer = [UInt8](repeating: 0, count: LogReader.Limit.chunkBytes)
    var filled = 0
    while true {
      let got = try read(&buffer, at: filled, from: offset + Int64(filled))
      if got == 0 { return }
      filled += got
      var place = 0
      while let end = newline(buffer, from: place, to: filled) {
        if let entry = parse(buffer[place..<end]) { try body(entry) }
        place = end + 1
      }
      offset += Int64(place)
      buffer.replaceSubrange(0..<(filled - place), with: buffer[place..<filled])
      filled -= place
      if filled == buffer.count {
        if filled < LogReader.Limit.lineBytesMax {
          buffer.append(contentsOf: [UInt8](repeating: 0, count: filled))
        } else {
          try skipLine(from: offset + Int64(filled))  // no entry is as long as this
          filled = 0
        }
      }
    }
  }

  private func skipLine(from start: Int64) throws(Problem) {
    var buffer = [UInt8](repeating: 0, count: LogReader.Limit.chunkBytes)
    offset = start
    while true {
      let got = try read(&buffer, at: 0, from: offset)
      if got == 0 { return }
      if let end = newline(buffer, from: 0, to: got) {
        offset += Int64(end) + 1
        return
      }
      offset += Int64(got)
    }
  }

  private func newline(_ buffer: [UInt8], from start: Int, to end: Int) -> Int? {
    buffer.withUnsafeBytes { bytes in
      memchr(bytes.baseAddress! + start, 10, end - start).map { UnsafeRawPointer($0) - bytes.baseAddress! }
    }
  }

  private func parse(_ line: ArraySlice<UInt8>) -> LogEntry? {
    driver == .jsonFile ? LogEntry(jsonLine: line) : LogEntry(k8sLine: line)
  }

  private func read(_ buffer: inout [UInt8], at place: Int, from position: Int64) throws(Problem) -> Int {
    let raw = fd.borrowed
    let result = buffer.withUnsafeMutableBytes {
      csys_pread(raw, $0.baseAddress! + place, $0.count - place, Int(position))
    }
    return try doing("read log \(path)") { () throws(Errno) in try check(result) }
  }

  /// Goes to a place with at least this many line ends behind it (and more: parts of lines may be mixed), or to the
  /// beginning.
  /// - Returns: how many of the wanted lines this file holds.
  func seek(lastLines wanted: Int) throws(Problem) -> Int {
    let size = try doing("look at log \(path)") { () throws(Errno) in Int64(try status(fd).st_size) }
    if wanted <= 0 {
      offset = size
      return 0
    }
    let enough = wanted.multipliedReportingOverflow(by: 2)
    let limit = enough.overflow ? Int.max : enough.partialValue
    var buffer = [UInt8](repeating: 0, count: LogReader.Limit.chunkBytes)
    var lines = 0
    var position = size
    while position > 0 {
      let start = max(0, position - Int64(buffer.count))
      let count = Int(position - start)
      let got = try read(&buffer, at: 0, from: start)
      for index in stride(from: min(count, got) - 1, through: 0, by: -1) where buffer[index] == 10 {
        // A newline at the very end closes the last entry; each other one stands before an entry.
        if start + Int64(index) + 1 < size, endsLine(buffer, entryFrom: index + 1, to: got) { lines += 1 }
        if lines > limit {
          offset = start + Int64(index) + 1
          return wanted
        }
      }
      position = start
    }
    offset = 0
    return min(lines + 1, wanted)
  }

  /// Whether the entry at `start` ends its line; one that goes beyond the chunk counts as such.
  private func endsLine(_ buffer: [UInt8], entryFrom start: Int, to end: Int) -> Bool {
    if driver == .jsonFile {
      guard let newline = newline(buffer, from: start, to: end) else { return true }
      return LogEntry(jsonLine: buffer[start..<newline])?.endsLine ?? false
    }
    var spaces = 0
    for index in start..<end {
      if spaces == 2 { return buffer[index] == UInt8(ascii: "F") }
      if buffer[index] == 0x20 { spaces += 1 }
      if buffer[index] == 10 { return false }
    }
    return true
  }
}
