import CSys
import Glibc
import Problems
import Rootless
import Sys

/// Copies a directory of an image into an empty volume: owners, modes, times, links and extended attributes stay.
/// Source: capability line PD-110.
enum CopyUp {
  private enum Limit {
    /// Bytes of one read.
    static let chunkBytes = 256 << 10
    static let attributeBytes = 64 << 10
    /// Source: the kernel's overflowuid.
    static let nobody: UInt32 = 65534
  }
  /// One copy: hard links within the tree, by the inode copied first, and who owns what in the copy.
  private final class Work {
    var paths: [UInt64: String] = [:]
    /// nil leaves owners, and leaves overlayfs's own attributes out.
    let maps: UserNamespace?
    init(_ maps: UserNamespace?) { self.maps = maps }

    /// An id without a place in the map is nobody's, as the kernel shows it.
    func owner(_ found: stat) -> (uid: UInt32, gid: UInt32) {
      guard let maps else { return (found.st_uid, found.st_gid) }
      return (maps.uids.outside(found.st_uid) ?? Limit.nobody, maps.gids.outside(found.st_gid) ?? Limit.nobody)
    }
  }

  /// - Parameters:
  ///   - target: an empty directory; becomes like `source`.
  ///   - maps: the copy is a layer of its own, and belongs to the ids of this namespace.
  static func copy(_ source: borrowing OwnedFD, into target: borrowing OwnedFD, as maps: UserNamespace? = nil)
    throws(Errno)
  {
    let base = try target.duplicate()
    try copyDirectory(source, target, base: base, path: "", work: Work(maps))
  }
  static func isEmpty(_ directory: borrowing OwnedFD) throws(Errno) -> Bool { try entries(of: directory).isEmpty }

  private static func copyDirectory(
    _ source: borrowing OwnedFD, _ target: borrowing OwnedFD, base: borrowing OwnedFD, path: String, work: Work
  ) throws(Errno) {
    for entry in try entries(of: source) {
      try copyEntry(entry.name, source, target, base: base, path: path + entry.name, work: work)
    }
    try copyAttributes(from: source, to: target, work)
    try copyOwner(of: try status(source), to: target, work)
  }

  private static func copyEntry(
    _ name: String, _ source: borrowing OwnedFD, _ target: borrowing OwnedFD, base: borrowing OwnedFD, path: String,
    work: Work
  ) throws(Errno) {
    let found = try status(at: source, name)
    if found.isDirectory {
      try check(csys_mkdirat(target.borrowed, name, 0o700))
      let from = try open(at: source, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      let to = try open(at: target, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
      try copyDirectory(from, to, base: base, path: path + "/", work: work)
      return
    }
    if found.st_nlink > 1 {
      if let first = work.paths[UInt64(found.st_ino)] {
        try check(csys_linkat(base.borrowed, first, target.borrowed, name, 0))
        return
      }
      work.paths[UInt64(found.st_ino)] = path
    }
    if found.isRegular {
      let from = try open(at: source, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
      let to = try open(at: target, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
      try copyBytes(from, to)
      try copyAttributes(from: from, to: to, work)
      try copyOwner(of: found, to: to, work)
    } else {
      if found.isSymlink {
        try check(csys_symlinkat(try readLink(source.borrowed, name), target.borrowed, name))
      } else {
        try check(csys_mknodat(target.borrowed, name, found.st_mode, found.st_rdev))
        try check(csys_fchmodat(target.borrowed, name, found.st_mode & 0o7777))
      }
      let owner = work.owner(found)
      try check(csys_fchownat(target.borrowed, name, owner.uid, owner.gid, AT_SYMLINK_NOFOLLOW))
      try setTimes(found, target.borrowed, name, AT_SYMLINK_NOFOLLOW)
    }
  }

  private static func copyBytes(_ from: borrowing OwnedFD, _ to: borrowing OwnedFD) throws(Errno) {
    var buffer = [UInt8](repeating: 0, count: Limit.chunkBytes)
    let raw = from.borrowed
    while true {
      let got = try check(buffer.withUnsafeMutableBytes { csys_read(raw, $0.baseAddress, $0.count) })
      if got == 0 { return }
      try writeAll(to.borrowed, Array(buffer[..<got]))
    }
  }

  /// chown clears set-user-ID bits: the mode comes after it.
  private static func copyOwner(of found: stat, to fd: borrowing OwnedFD, _ work: Work) throws(Errno) {
    let owner = work.owner(found)
    try check(csys_fchownat(fd.borrowed, "", owner.uid, owner.gid, CInt(CSYS_AT_EMPTY_PATH)))
    try check(csys_fchmod(fd.borrowed, found.st_mode & 0o7777))
    try setTimes(found, AT_FDCWD, "/proc/self/fd/\(fd.borrowed)", 0)
  }
  private static func setTimes(_ found: stat, _ directory: CInt, _ name: String, _ flags: CInt) throws(Errno) {
    var times = [found.st_atim, found.st_mtim]
    try check(csys_utimensat(directory, name, &times, flags))
  }

  /// All; of overlayfs's own only where a layer becomes a layer. A file system that takes none is fine.
  private static func copyAttributes(from: borrowing OwnedFD, to: borrowing OwnedFD, _ work: Work) throws(Errno) {
    var list = [CChar](repeating: 0, count: Limit.attributeBytes)
    let count = csys_flistxattr(from.borrowed, &list, list.count)
    guard count > 0 else { return }
    for name in list[..<count].split(separator: 0) {
      let text = String(decoding: name.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      if work.maps == nil && text.contains(".overlay.") { continue }
      var value = [UInt8](repeating: 0, count: Limit.attributeBytes)
      let size = csys_fgetxattr(from.borrowed, text, &value, value.count)
      if size < 0 { continue }
      let result = csys_fsetxattr(to.borrowed, text, value, Int(size), 0)
      if result < 0 && result != -EOPNOTSUPP { throw Errno(rawValue: -result) }
    }
  }
}
