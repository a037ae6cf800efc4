import CSys
import Glibc
import Problems
import Sys

extension LayerWriter {
  /// Runs `body`; its errno becomes a problem that names the entry and the step.
  @discardableResult
  static func step<R: ~Copyable>(
    _ entry: TarEntry, _ what: String, _ body: () throws(Errno) -> R
  ) throws(Problem) -> R {
    do throws(Errno) { return try body() } catch {
      throw Problem(code: code(error), message: "entry \(shown(entry.name)): \(what)", cause: error)
    }
  }
  static func checked<R>(_ entry: TarEntry, _ body: () throws(TarFault) -> R) throws(Problem) -> R {
    do throws(TarFault) { return try body() } catch { throw fault(entry, error.reason) }
  }
  static func fault(_ entry: TarEntry, _ reason: String) -> Problem {
    Problem(code: .invalid, message: "entry \(shown(entry.name)): \(reason)")
  }

  /// Whose fault an error is: the archive's (`invalid`) or the world's (`unavailable`).
  private static func code(_ error: Errno) -> Problem.Code {
    switch error.rawValue {
    case ENOENT, ENOTDIR, EISDIR, EEXIST, EXDEV, ELOOP, ENAMETOOLONG, EINVAL, EPERM, EMLINK, EFBIG, ENOTEMPTY, E2BIG,
      ERANGE:
      .invalid
    default: .unavailable
    }
  }

  static func times(_ entry: TarEntry) -> [timespec] {
    let time = timespec(tv_sec: Int(entry.modified.seconds), tv_nsec: Int(entry.modified.nanoseconds))
    return [time, time]
  }

  /// Source: linux/kdev_t.h, `new_encode_dev`.
  static func device(_ major: UInt32, _ minor: UInt32) -> dev_t {
    dev_t(major) << 8 | dev_t(minor & 0xff) | dev_t(minor & ~0xff) << 12
  }

  /// Copies the entry's data, or its pieces to their places.
  static func copyData(_ entry: TarEntry, from reader: TarReader, to file: CInt) throws(Problem) {
    guard let sparse = entry.sparse else {
      while true {
        let bytes = try reader.data()
        if bytes.isEmpty { return }
        try step(entry, "write") { () throws(Errno) in try writeAll(file, bytes) }
      }
    }
    var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
    for piece in sparse.pieces {
      var done: Int64 = 0
      while done < piece.length {
        if bytes.isEmpty { bytes = try reader.data() }
        let count = Int(min(Int64(bytes.count), piece.length - done))
        let part = UnsafeRawBufferPointer(rebasing: bytes[..<count])
        let written = try step(entry, "write") { () throws(Errno) -> Int in
          try uninterrupted { () throws(Errno) -> Int in
            try check(csys_pwrite(file, part.baseAddress, part.count, Int(piece.offset + done)))
          }
        }
        bytes = UnsafeRawBufferPointer(rebasing: bytes[written...])
        done += Int64(written)
      }
    }
    try step(entry, "set the size") { () throws(Errno) in try check(csys_ftruncate(file, Int(sparse.realSize))) }
  }

  /// Sets `security.capability`, `user.*` and ACLs; what belongs to the overlay is refused, the rest is the host's.
  static func setAttributes(_ entry: TarEntry, _ fd: CInt) throws(Problem) {
    for attribute in entry.attributes {
      let name = attribute.name
      if name.hasPrefix("user.overlay.") || name.hasPrefix("trusted.overlay.") {
        throw fault(entry, "the extended attribute \(shown(name.utf8)) belongs to the overlay, not to an image")
      }
      guard name == "security.capability" || name.hasPrefix("user.") || name.hasPrefix("system.posix_acl_") else {
        continue
      }
      let result = attribute.value.withUnsafeBytes { csys_fsetxattr(fd, name, $0.baseAddress, $0.count, 0) }
      if result == -EOPNOTSUPP { continue }  // the file system has none
      try step(entry, "set the extended attribute \(shown(name.utf8))") { () throws(Errno) in try check(result) }
    }
  }
}
