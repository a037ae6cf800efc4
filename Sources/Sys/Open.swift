package import CSys
import Glibc

/// `O_TMPFILE` and `O_PATH` are macros that Swift does not import.
package let O_PATH_: CInt = 0o10000000
package let O_TMPFILE_: CInt = 0o20200000

/// Opens a path of the host. Source: open(2).
package func open(_ path: String, _ flags: CInt, mode: mode_t = 0) throws(Errno) -> OwnedFD {
  OwnedFD(adopting: try check(path.withCString { csys_open($0, flags, mode) }))
}

/// Source: openat(2); for trusted directories only, see `openBeneath`.
package func open(at directory: borrowing OwnedFD, _ path: String, _ flags: CInt, mode: mode_t = 0) throws(Errno)
  -> OwnedFD
{
  let raw = directory.borrowed
  return OwnedFD(adopting: try check(path.withCString { csys_openat(raw, $0, flags, mode) }))
}

/// Opens `path` inside `root`; no component, `..` or symlink can lead out of it.
///
/// - Parameter path: relative to `root`; a leading `/` fails with `EXDEV`.
/// - Throws: `.crossDevice` for an escape, `.notFound`, ...
/// - Source: openat2(2), `RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS`; Linux 5.6+.
package func openBeneath(_ root: borrowing OwnedFD, _ path: String, _ flags: CInt, mode: mode_t = 0) throws(Errno)
  -> OwnedFD
{
  let resolve = UInt64(RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS)
  return try openResolving(root.borrowed, path, flags, mode, resolve)
}

/// Opens `path` as a process whose root is `root` would: absolute paths and symlinks start there, `..` stops there.
///
/// - Source: openat2(2), `RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS`; Linux 5.6+.
package func openInRoot(_ root: borrowing OwnedFD, _ path: String, _ flags: CInt, mode: mode_t = 0) throws(Errno)
  -> OwnedFD
{
  try openInRoot(root.borrowed, path, flags, mode: mode)
}
/// As above, for a directory that somebody else owns.
package func openInRoot(_ root: CInt, _ path: String, _ flags: CInt, mode: mode_t = 0) throws(Errno) -> OwnedFD {
  let resolve = UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
  return try openResolving(root, path, flags, mode, resolve)
}

/// openat2 answers `EAGAIN` when a rename elsewhere made `..` undecidable: a few tries, then the error.
private func openResolving(
  _ raw: CInt, _ path: String, _ flags: CInt, _ mode: mode_t, _ resolve: UInt64
) throws(Errno) -> OwnedFD {
  var result = -EAGAIN
  for _ in 0..<64 where result == -EAGAIN || result == -EINTR {
    result = path.withCString { csys_openat2(raw, $0, UInt64(UInt32(bitPattern: flags)), UInt64(mode), resolve) }
  }
  if result == -EINTR { throw .wouldBlock }
  return OwnedFD(adopting: try check(result))
}
