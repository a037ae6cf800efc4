import CSys
import Glibc
import ImageSpec
import Problems
import Sys

/// The files of an archive or layout that somebody else made: opened beneath its directory, and only regular ones.
struct ArchiveFiles: ~Copyable {
  private let directory: OwnedFD
  /// For messages.
  let label: String

  enum Limit {
    /// Bytes of `manifest.json`, `index.json` and other documents.
    static let documentBytesMax = 16 << 20
  }

  init(path: String, label: String) throws(Problem) {
    self.label = label
    directory = try doing("open \(label)") { () throws(Errno) in try Sys.open(path, O_RDONLY | O_DIRECTORY) }
  }

  /// Opens a regular file by its path in the archive; symlinks inside are followed, none leads out.
  func open(_ path: String) throws(Problem) -> OwnedFD {
    let message = "open \(quoted(path)) of \(label)"
    return try doing(message, hint: "the archive is incomplete or damaged") { () throws(Errno) in
      // O_PATH first: opening a device or a pipe could already do something.
      let place = try openBeneath(directory, path, O_PATH_)
      guard try status(place).isRegular else { throw .invalid }
      return try Sys.open("/proc/self/fd/\(place.borrowed)", O_RDONLY)
    }
  }

  func has(_ path: String) -> Bool { (try? openBeneath(directory, path, O_PATH_)) != nil }

  /// A whole document.
  func read(_ path: String, limit: Int = Limit.documentBytesMax) throws(Problem) -> [UInt8] {
    let file = try open(path)
    return try doing("read \(quoted(path)) of \(label)") { () throws(Errno) in try readAll(file, limit: limit) }
  }
}
