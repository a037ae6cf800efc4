import CSys
import Glibc
import RuntimeSpec
import Sys

extension ContainerInit {
  /// Hides paths: a directory behind an empty read-only tmpfs, anything else behind the container's /dev/null.
  func maskPaths(in root: borrowing RootFilesystem, _ placed: PlacedMounts) throws(StepFailure) {
    let paths = placed.masked
    if paths.isEmpty { return }
    var null: CInt = -1, empty: CInt = -1
    defer { for fd in [null, empty] where fd >= 0 { _ = csys_close(fd) } }
    for (number, path) in paths.enumerated() where !paths[..<number].contains(path) {
      try during(.mask, path) { () throws(Errno) in
        let target: OwnedFD
        do throws(Errno) { target = try placed.open(path, in: root) } catch
          where error == .notFound || error == .notDirectory
        { return }
        if try status(target).isDirectory {
          // Before Linux 6.15 only a mount that is in place can be cloned: the first goes up itself.
          let tree = empty < 0 ? try emptyDirectory() : try MountTree(cloning: empty)
          try tree.move(onto: target)
          if empty < 0 { empty = try tree.fd.duplicate().release() }
        } else {
          if null < 0 { null = try verifiedNull(in: root).release() }
          try MountTree(cloning: null).move(onto: target)
        }
      }
    }
  }

  private func emptyDirectory() throws(Errno) -> MountTree {
    let options =
      [
        SuperblockOption(key: "nr_blocks", value: "1"), SuperblockOption(key: "nr_inodes", value: "1"),
        SuperblockOption(key: "ro"),
      ] + labels
    return try MountTree(type: "tmpfs", source: "tmpfs", options: options, attributes: MountAttribute.readOnly)
  }

  /// CVE-2025-31133: what lies at /dev/null may have been replaced; only the device itself hides anything.
  private func verifiedNull(in root: borrowing RootFilesystem) throws(Errno) -> OwnedFD {
    let fd = try root.open("/dev/null", O_PATH_ | O_NOFOLLOW)
    let found = try status(fd)
    guard found.st_mode & S_IFMT == S_IFCHR, found.st_rdev == DeviceNode.defaults[0].number else { throw .invalid }
    return fd
  }

  func protectPaths(in root: borrowing RootFilesystem, _ placed: PlacedMounts) throws(StepFailure) {
    for path in placed.readOnly {
      try during(.readOnly, path) { () throws(Errno) in
        let target: OwnedFD
        do throws(Errno) { target = try placed.open(path, in: root) } catch
          where error == .notFound || error == .notDirectory
        { return }
        // What the specification mounts below it has options of its own (as with runc and crun).
        let tree = try MountTree(cloning: target, recursive: true)
        try tree.set(MountAttribute.readOnly)
        try tree.move(onto: target)
        // On a shared root it has become shared, and a peer of what it covers.
        if isRootShared { try tree.setPropagation(UInt64(MS_PRIVATE), recursive: true) }
      }
    }
  }
}
