package import CSys
import Glibc

/// One read(2): the bytes read, 0 at the end.
package func read(_ fd: borrowing OwnedFD, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
  try read(fd.borrowed, into: buffer)
}
package func read(_ fd: CInt, into buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
  try check(csys_read(fd, buffer.baseAddress, buffer.count))
}

/// One write(2): it may write less than given.
package func write(_ fd: CInt, _ bytes: UnsafeRawBufferPointer) throws(Errno) -> Int {
  try check(csys_write(fd, bytes.baseAddress, bytes.count))
}

/// Writes all bytes, over short writes and signals.
package func writeAll(_ fd: CInt, _ bytes: UnsafeRawBufferPointer) throws(Errno) {
  var rest = bytes
  while !rest.isEmpty {
    let part = UnsafeRawBufferPointer(rest)
    let written = try uninterrupted { () throws(Errno) in try write(fd, part) }
    rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
  }
}
package func writeAll(_ fd: borrowing OwnedFD, _ text: String) throws(Errno) { try writeAll(fd.borrowed, text) }
package func writeAll(_ fd: borrowing OwnedFD, _ bytes: [UInt8]) throws(Errno) { try writeAll(fd.borrowed, bytes) }
package func writeAll(_ fd: CInt, _ bytes: [UInt8]) throws(Errno) {
  let result: Result<Void, Errno> = bytes.withUnsafeBytes { raw in
    do throws(Errno) { return .success(try writeAll(fd, raw)) } catch { return .failure(error) }
  }
  try result.get()
}
package func writeAll(_ fd: CInt, _ text: String) throws(Errno) { try writeAll(fd, Array(text.utf8)) }

/// Reads to the end.
/// - Parameter limit: bytes; one more fails with `EFBIG`, so that no file can fill the memory.
package func readAll(_ fd: borrowing OwnedFD, limit: Int = 64 << 20) throws(Errno) -> [UInt8] {
  var bytes: [UInt8] = []
  let raw = fd.borrowed
  var size = 4 << 10
  while true {  // most files are small; a long one is asked for its size, and where it does not say, the room doubles
    let known = bytes
    var got = 0
    bytes = Array(unsafeUninitializedCapacity: size) { room, count in
      count = known.count
      known.withUnsafeBytes { UnsafeMutableRawBufferPointer(room).copyMemory(from: $0) }
      repeat {
        got = csys_read(raw, room.baseAddress! + count, room.count - count)
        count += max(got, 0)
      } while got == -Int(EINTR) || got > 0 && count < room.count
    }
    try check(got)
    if bytes.count > limit { throw Errno(rawValue: EFBIG) }
    if got == 0 { return bytes }
    size = max(bytes.count * 2, min(Int((try? status(fd))?.st_size ?? 0), limit) + 1)
  }
}
package func readFile(_ path: String, limit: Int = 64 << 20) throws(Errno) -> [UInt8] {
  let fd = try open(path, O_RDONLY)
  return try readAll(fd, limit: limit)
}
/// A small text file, such as one of /proc; bytes that are not UTF-8 are repaired.
package func readText(_ path: String, limit: Int = 16 << 20) throws(Errno) -> String {
  String(decoding: try readFile(path, limit: limit), as: UTF8.self)
}

/// Replaces a file as a whole: temporary name, write, (fsync), rename. A reader sees the old or the new bytes.
/// - Parameter durable: fsync the file before and its directory after the rename.
package func replaceFile(_ path: String, with bytes: [UInt8], mode: mode_t = 0o644, durable: Bool) throws(Errno) {
  let temporary = path + ".new-\(getpid())"
  do throws(Errno) {
    let fd = try open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode: mode)
    try writeAll(fd, bytes)
    if durable { try check(csys_fsync(fd.borrowed)) }
  } catch {
    _ = csys_unlinkat(AT_FDCWD, temporary, 0)
    throw error
  }
  try rename(temporary, to: path)
  if durable { try syncDirectory(parentPath(of: path)) }
}

/// Makes renames and creations in a directory survive a power cut.
package func syncDirectory(_ path: String) throws(Errno) {
  let fd = try open(path, O_RDONLY | O_DIRECTORY)
  try check(csys_fsync(fd.borrowed))
}

package func parentPath(of path: String) -> String {
  guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return "." }
  return slash == path.startIndex ? "/" : String(path[..<slash])
}
/// What stands after the last `/`; empty where nothing does.
package func fileName(of path: String) -> String {
  guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return path }
  return String(path[path.utf8.index(after: slash)...])
}
