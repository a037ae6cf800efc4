import CSys
import Glibc
import Problems
import Rootless
import Sys

/// Layers with owners as a container's user namespace numbers them: the same files on disk, seen through mounts whose
/// owners the kernel maps. It costs the same for a small image and a large one.
struct MappedLayers: ~Copyable {
  let directory: String

  private init(_ directory: String) { self.directory = directory }

  /// Mounts `sources` below `directory`, read-only, mapped.
  /// - Returns: nil where the kernel does not map owners there: a file system without support (EINVAL), or one that
  ///   belongs to the machine, in an ordinary user's namespace (EPERM).
  static func mount(_ sources: [(name: String, path: String)], at directory: String, _ maps: UserNamespace)
    throws(Problem) -> MappedLayers?
  {
    let namespace = try maps.open()
    let result = MappedLayers(directory)
    for (name, path) in sources {
      let target = "\(directory)/\(name)"
      let tree = try doing("open \(path)") { () throws(Errno) in
        OwnedFD(adopting: try check(csys_open_tree(AT_FDCWD, path, UInt32(CSYS_OPEN_TREE_CLONE))))
      }
      let code = csys_mount_setattr(
        tree.borrowed, "", UInt32(CSYS_AT_EMPTY_PATH), mapped | readOnly, 0, 0, UInt64(namespace.borrowed))
      if code == -EPERM || code == -EINVAL || code == -EOPNOTSUPP {
        try result.unmount()
        return nil
      }
      try doing("mount \(path) with mapped owners") { () throws(Errno) in
        try check(code)
        try makeDirectories(target, mode: 0o700)
        let flags = UInt32(CSYS_MOVE_MOUNT_F_EMPTY_PATH)
        try check(csys_move_mount(tree.borrowed, "", AT_FDCWD, target, flags))
      }
    }
    return result
  }
  /// MOUNT_ATTR_IDMAP and MOUNT_ATTR_RDONLY: Swift does not import <linux/mount.h>.
  private static let mapped: UInt64 = 0x0010_0000
  private static let readOnly: UInt64 = 1

  func path(_ name: String) -> String { "\(directory)/\(name)" }

  /// An overlay that is mounted keeps what it needs.
  func unmount() throws(Problem) { try Self.unmount(directory) }

  /// Also what a killed command left. Nothing there is fine.
  static func unmount(_ directory: String) throws(Problem) {
    for name in ["layers", "skeleton"] where exists("\(directory)/\(name)") {
      try OverlayMount.unmount("\(directory)/\(name)")
    }
  }
}
