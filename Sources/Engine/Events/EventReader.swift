import CSys
import Glibc
import JSON
import Problems
import Sys

/// Reads an event log that others append to and put aside meanwhile.
///
/// A writer that opened the log just before it was put aside still appends to that file: it is read on, until the next
/// one has been put aside.
final class EventReader {
  private let log: EventLog
  private var before: EventFile?
  private var current: EventFile?

  /// - Parameter fromStart: false leaves out what is there already.
  init(_ log: EventLog, fromStart: Bool) throws(Errno) {
    self.log = log
    current = try EventFile(log.path, fromStart: fromStart)
    guard let aside = try EventFile(log.pathAside, fromStart: fromStart) else { return }
    // The same file, where it was put aside between the two.
    if aside.identity != current?.identity { before = aside }
  }

  /// Shows what has come since the last call. - Parameter show: false ends the reading.
  /// - Returns: whether it may go on.
  func readOn(_ show: (EngineEvent) throws(Problem) -> Bool) throws(Problem) -> Bool {
    if let before, try !before.read(show) { return false }
    let newest = try doing("open \(log.path)") { () throws(Errno) in try EventFile(log.path, fromStart: true) }
    if let newest, newest.identity != current?.identity {
      if let current, try !current.read(show) { return false }
      before = current ?? before
      current = newest
    }
    if let current, try !current.read(show) { return false }
    return true
  }
}

/// One file of the log, and how far it has been read.
private final class EventFile {
  struct Identity: Equatable {
    var device: dev_t
    var inode: ino_t
  }
  let identity: Identity
  private let path: String
  private let file: OwnedFD
  /// The beginning of a line whose end is not there yet.
  private var rest: [UInt8] = []
  private static let chunkBytes = 64 << 10

  /// nil where it is not there.
  init?(_ path: String, fromStart: Bool) throws(Errno) {
    do throws(Errno) { file = try open(path, O_RDONLY | O_NOFOLLOW) } catch  where error == .notFound { return nil }
    self.path = path
    let found = try status(file)
    identity = Identity(device: found.st_dev, inode: found.st_ino)
    if !fromStart { lseek(file.borrowed, 0, SEEK_END) }
  }

  func read(_ show: (EngineEvent) throws(Problem) -> Bool) throws(Problem) -> Bool {
    while true {
      let chunk = try doing("read \(path)") { () throws(Errno) in try nextChunk() }
      if chunk.isEmpty { return true }
      var lines = chunk.split(separator: 10, omittingEmptySubsequences: false)
      let last = lines.removeLast()
      for line in lines {
        rest += line
        let whole = rest
        rest.removeAll(keepingCapacity: true)
        guard !whole.isEmpty, let json = try? JSON.parse(whole), let event = EngineEvent(json: json) else { continue }
        if try !show(event) { return false }
      }
      // Longer than any event: not ours, and nothing to keep in memory.
      if rest.count <= 2 * EventLog.Limit.lineBytesMax { rest += last }
    }
  }

  private func nextChunk() throws(Errno) -> [UInt8] {
    var failure: Errno?
    let bytes = [UInt8](unsafeUninitializedCapacity: Self.chunkBytes) { room, count in
      do throws(Errno) { count = try Sys.read(file, into: UnsafeMutableRawBufferPointer(room)) } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }
}
