import CSys
import Glibc
import Sys

/// What hides names of lower layers. Sources: image-spec, layer.md, "Whiteouts"; kernel, overlayfs.rst.
extension LayerWriter {
  /// Hides one name: a character device 0:0. A name that this layer itself has is not hidden, but if it is a
  /// directory, it no longer shows what lower layers have in it.
  func hide(_ name: EntryName) throws(Errno) {
    let base = cString(name.base)
    let parent = try directories.descriptor(of: name.parent, making: true)
    let made = csys_mknodat(parent, base, S_IFCHR, 0)
    if made != -EEXIST {
      try check(made)
      return
    }
    var there = stat()
    try check(csys_fstatat(parent, base, &there, AT_SYMLINK_NOFOLLOW))
    if there.isDirectory { try hideBelow(name.path) }
  }

  /// Makes a directory opaque, as an overlay with `userxattr` reads it.
  func hideBelow(_ path: [UInt8]) throws(Errno) {
    let directory = try directories.openForAttributes(path)
    try check(csys_fsetxattr(directory.borrowed, "user.overlay.opaque", "y", 1, 0))
  }
}
