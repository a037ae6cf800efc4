import CSys
import Glibc
import Sys

/// Descriptors of directories beneath the layer's own: most entries share their parent with the one before.
final class DirectoryCache {
  private final class Directory {
    let fd: OwnedFD
    init(_ fd: consuming OwnedFD) { self.fd = fd }
  }
  static let countMax = 64
  let root: OwnedFD
  private var directories: [[UInt8]: Directory] = [:]
  private var last: (path: [UInt8], fd: CInt)?
  private var stale = false

  init(root: consuming OwnedFD) { self.root = root }

  /// A directory, opened `O_PATH`; nothing that an archive wrote can lead the look-up out of the layer.
  ///
  /// - Parameters:
  ///   - path: parts without `..`, joined by slashes; empty is the layer's own directory.
  ///   - making: makes what is missing, root's and 0755, as other tools do.
  /// - Returns: a descriptor that is valid until the next call of this object.
  func descriptor(of path: [UInt8], making: Bool) throws(Errno) -> CInt {
    if path.isEmpty { return root.borrowed }
    if stale { clear() }
    if let last, last.path == path { return last.fd }
    if let known = directories[path] {
      last = (path, known.fd.borrowed)
      return known.fd.borrowed
    }
    let opened = try open(path, making: making)
    if directories.count >= DirectoryCache.countMax { clear() }
    let directory = Directory(opened)
    directories[path] = directory
    last = (path, directory.fd.borrowed)
    return directory.fd.borrowed
  }

  /// Source: openat2(2), `RESOLVE_IN_ROOT`: symlinks inside the layer lead where they would in a container.
  private func open(_ path: [UInt8], making: Bool) throws(Errno) -> OwnedFD {
    let resolve = UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    let flags = UInt64(O_PATH_ | O_DIRECTORY)
    let result = csys_openat2(root.borrowed, cString(path), flags, 0, resolve)
    if result != -ENOENT || !making { return OwnedFD(adopting: try check(result)) }
    let slash = path.lastIndex(of: UInt8(ascii: "/"))
    let parent = try descriptor(of: slash.map { Array(path[..<$0]) } ?? [], making: true)
    let base = cString(slash.map { path[($0 + 1)...] } ?? path[...])
    try check(csys_mkdirat(parent, base, 0o755))
    return OwnedFD(adopting: try check(csys_openat(parent, base, O_PATH_ | O_DIRECTORY | O_NOFOLLOW, 0)))
  }

  /// Opens a directory for reading, which attributes need.
  func openForAttributes(_ path: [UInt8]) throws(Errno) -> OwnedFD {
    if path.isEmpty { return try root.duplicate() }
    let parent = try descriptor(of: path, making: true)
    return OwnedFD(adopting: try check(csys_openat(parent, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)))
  }

  /// After a name went that may have been a directory or a symlink on some path: the next call looks anew.
  func forget() { stale = true }

  private func clear() {
    stale = false
    directories.removeAll(keepingCapacity: true)
    last = nil
  }
}
