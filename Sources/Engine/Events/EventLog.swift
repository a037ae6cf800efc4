import CSys
import Glibc
import JSON
import Sys

/// The events of one engine, a line of JSON each, in the directory that a reboot clears.
///
/// Every command appends by itself, without a lock: what one write(2) appends, the kernel keeps together. What a killed
/// writer left of a line ends at the line break that the next one begins with.
struct EventLog {
  enum Limit {
    /// A log that has grown past this is put aside for a new one, and the one put aside before it goes.
    static let bytesMax: off_t = 1 << 20
    /// An event that would be longer goes without its attributes, which are a user's own.
    static let lineBytesMax = 64 << 10
  }
  let directory: String
  var bytesMax = Limit.bytesMax
  var path: String { directory + "/events.log" }
  /// The log before this one.
  var pathAside: String { path + ".1" }

  static func bytes(of events: [EngineEvent]) -> [UInt8] {
    var bytes: [UInt8] = []
    for event in events {
      var line = event.json.bytes()
      if line.count > Limit.lineBytesMax {
        var short = event
        short.attributes = .null
        line = short.json.bytes()
      }
      bytes.append(10)
      bytes += line
      bytes.append(10)
    }
    return bytes
  }

  func append(_ events: [EngineEvent]) throws(Errno) {
    let bytes = Self.bytes(of: events)
    let file = try openToAppend()
    let raw = file.borrowed
    let written = bytes.withUnsafeBytes { csys_write(raw, $0.baseAddress, $0.count) }
    try check(written)
    if written < bytes.count { throw Errno(rawValue: ENOSPC) }
    if lseek(raw, 0, SEEK_CUR) > bytesMax { try rotate() }
  }

  private func openToAppend() throws(Errno) -> OwnedFD {
    let flags = O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW
    do throws(Errno) { return try open(path, flags, mode: 0o600) } catch  where error == .notFound {
      try prepare()
      return try open(path, flags, mode: 0o600)
    }
  }

  /// Makes the directory, so that it can be watched.
  func prepare() throws(Errno) { try makeDirectories(directory, mode: 0o700) }

  /// Of several that find the log too long, one renames it; nobody waits.
  private func rotate() throws(Errno) {
    do throws(Errno) {
      let lock = try FileLock(directory + "/lock", waiting: false)
      if try status(path).st_size > bytesMax { try rename(path, to: pathAside) }
      _ = consume lock
    } catch  where error == .wouldBlock || error == .notFound {}
  }
}
