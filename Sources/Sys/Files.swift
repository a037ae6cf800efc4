package import CSys
import Glibc

/// Status of an open file. Source: fstat(2).
package func status(_ fd: borrowing OwnedFD) throws(Errno) -> stat {
  var result = stat()
  try check(csys_fstatat(fd.borrowed, "", &result, CInt(CSYS_AT_EMPTY_PATH)))
  return result
}
/// Status of a host path. Source: stat(2), lstat(2).
package func status(_ path: String, followingLinks: Bool = true) throws(Errno) -> stat {
  var result = stat()
  try check(path.withCString { csys_fstatat(AT_FDCWD, $0, &result, followingLinks ? 0 : AT_SYMLINK_NOFOLLOW) })
  return result
}
package func status(at directory: borrowing OwnedFD, _ name: String) throws(Errno) -> stat {
  var result = stat()
  try check(csys_fstatat(directory.borrowed, name, &result, AT_SYMLINK_NOFOLLOW))
  return result
}
extension stat {
  package var isDirectory: Bool { st_mode & S_IFMT == S_IFDIR }
  package var isRegular: Bool { st_mode & S_IFMT == S_IFREG }
  package var isSymlink: Bool { st_mode & S_IFMT == S_IFLNK }
}

package func isDirectory(_ path: String) -> Bool { (try? status(path))?.isDirectory == true }
package func exists(_ path: String) -> Bool { (try? status(path)) != nil }

package func makeDirectory(_ path: String, mode: mode_t = 0o755) throws(Errno) {
  try check(path.withCString { csys_mkdirat(AT_FDCWD, $0, mode) })
}
/// Makes a host directory and its missing parents; one that is there already is fine.
package func makeDirectories(_ path: String, mode: mode_t = 0o755) throws(Errno) {
  do throws(Errno) { try makeDirectory(path, mode: mode) } catch {
    switch error {
    case .exists: return
    case .notFound where parentPath(of: path) != path:
      try makeDirectories(parentPath(of: path), mode: mode)
      do throws(Errno) { try makeDirectory(path, mode: mode) } catch  where error == .exists {}
    default: throw error
    }
  }
}

package func rename(_ from: String, to: String, flags: CUnsignedInt = 0) throws(Errno) {
  try check(from.withCString { from in to.withCString { csys_renameat2(AT_FDCWD, from, AT_FDCWD, $0, flags) } })
}
package func unlink(_ path: String) throws(Errno) {
  try check(path.withCString { csys_unlinkat(AT_FDCWD, $0, 0) })
}
package func readLink(_ path: String) throws(Errno) -> String { try readLink(AT_FDCWD, path) }
package func readLink(_ directory: CInt, _ path: String) throws(Errno) -> String {
  var result = 0
  let text = String(unsafeUninitializedCapacity: 4096) { buffer in
    result = path.withCString {
      csys_readlinkat(
        directory, $0,
        UnsafeMutableRawPointer(buffer.baseAddress!)
          .assumingMemoryBound(to: CChar.self), buffer.count)
    }
    return max(result, 0)
  }
  try check(result)
  return text
}

/// One name of a directory. Source: getdents64(2).
package struct DirectoryEntry: Sendable {
  package let name: String
  /// `DT_DIR`, `DT_REG`, `DT_LNK`, ... or `DT_UNKNOWN`.
  package let type: UInt8
}

/// The names in a directory, without `.` and `..`, in the kernel's order.
package func entries(of directory: borrowing OwnedFD) throws(Errno) -> [DirectoryEntry] {
  var result: [DirectoryEntry] = []
  var buffer = [UInt8](repeating: 0, count: 8 << 10)
  let raw = directory.borrowed
  while true {
    let got = try check(buffer.withUnsafeMutableBytes { csys_getdents64(raw, $0.baseAddress, $0.count) })
    if got == 0 { return result }
    var offset = 0
    while offset < got {  // struct linux_dirent64: ino 8, off 8, reclen 2, type 1, name
      let length = Int(buffer[offset + 16]) | Int(buffer[offset + 17]) << 8
      let name = buffer[(offset + 19)..<(offset + length)].prefix { $0 != 0 }
      let text = String(decoding: name, as: UTF8.self)
      if text != "." && text != ".." { result.append(DirectoryEntry(name: text, type: buffer[offset + 18])) }
      offset += length
    }
  }
}
package func entries(ofPath path: String) throws(Errno) -> [DirectoryEntry] {
  let fd = try open(path, O_RDONLY | O_DIRECTORY)
  return try entries(of: fd)
}
