import CSys
import Glibc
import MonitorProtocol
import Sys

/// The log on disk: whole entries are appended, and it is begun anew when it is too large.
///
/// A disk that is full, or a file that fails otherwise, loses entries but never stops the container.
struct LogFile: ~Copyable {
  enum Limit { static let secondsBetweenNotes = 600 }
  private var fd: OwnedFD
  private let path: String
  /// Bytes; nil is no limit.
  private let sizeMax: Int?
  private var size: Int
  /// When lost output was told last, in seconds: a disk that is full now and then is no reason to fill it with notes.
  private var toldAt: Int?

  /// Opens or makes the file; what it holds stays.
  init(_ path: String, sizeMax: Int64?) throws(Errno) {
    let file = try LogFile.open(path)
    size = Int(try status(file).st_size)
    fd = file
    self.path = path
    self.sizeMax = sizeMax.flatMap { $0 > 0 ? Int($0) : nil }
  }
  private static func open(_ path: String) throws(Errno) -> OwnedFD {
    try Sys.open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o600)
  }

  /// Appends entries; each ends with a newline.
  /// - Returns: an error that has to be told; nil where all is well, or was told not long ago.
  mutating func append(_ entries: UnsafeRawBufferPointer) -> Errno? {
    guard let sizeMax else { return write(entries) }
    var rest = entries
    var failure: Errno?
    while !rest.isEmpty {
      var count = rest.count
      if size + count > sizeMax {
        count = LogFile.wholeEntries(rest, atMost: sizeMax - size)
        if count == 0 && size > 0 {
          let error = rotate()
          failure = failure ?? error
          if size == 0 { continue }
          count = rest.count  // the old file could not be replaced: better too large than lost
        }
        if count == 0 { count = LogFile.firstEntry(rest) }
      }
      let error = write(UnsafeRawBufferPointer(rebasing: rest[..<count]))
      failure = failure ?? error
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
    }
    return failure
  }

  /// Bytes of the entries that end within the first `limit` bytes.
  private static func wholeEntries(_ bytes: UnsafeRawBufferPointer, atMost limit: Int) -> Int {
    guard limit > 0 else { return 0 }
    return (bytes.prefix(limit).lastIndex(of: 10) ?? -1) + 1
  }
  private static func firstEntry(_ bytes: UnsafeRawBufferPointer) -> Int {
    guard let newline = memchr(bytes.baseAddress!, 10, bytes.count) else { return bytes.count }
    return UnsafeRawPointer(newline) - bytes.baseAddress! + 1
  }

  private mutating func write(_ bytes: UnsafeRawBufferPointer) -> Errno? {
    do throws(Errno) {
      try writeAll(fd.borrowed, bytes)
      size += bytes.count
      return nil
    } catch {
      _ = csys_ftruncate(fd.borrowed, size)  // no half entry stays behind
      let moment = time(nil)
      if let toldAt, moment - toldAt < Limit.secondsBetweenNotes { return nil }
      toldAt = moment
      return error
    }
  }

  /// Keeps the full file as `path.1` and begins a new one.
  private mutating func rotate() -> Errno? {
    do throws(Errno) {
      try rename(path, to: path + ".1")
      fd = try LogFile.open(path)
      size = 0
      return nil
    } catch {
      return error
    }
  }
}
