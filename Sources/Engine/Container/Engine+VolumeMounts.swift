import CSys
import Glibc
import Problems
import StateStore
import Sys

extension Engine {
  /// Directories of the volumes that a container mounts; the first mount copies the image's content up and gives the
  /// volume to its owner (PD-110).
  /// - Returns: directory by volume name.
  func prepareVolumes(_ config: ContainerConfig, _ root: borrowing RootDirectory, _ identity: ProcessIdentity)
    throws(Problem) -> [String: String]
  {
    var result: [String: String] = [:]
    for mount in config.mounts {
      switch mount.kind {
      case .tmpfs: break
      case .bind(let source):
        if mount.chown { try doing("chown \(source)") { () throws(Errno) in try Self.chownTree(source, identity) } }
      case .volume(let name):
        guard let name else { continue }
        result[name] = try prepareVolume(name, mount, root, identity)
      }
    }
    return result
  }

  private func prepareVolume(
    _ name: String, _ mount: ContainerMount, _ root: borrowing RootDirectory, _ identity: ProcessIdentity
  ) throws(Problem) -> String {
    let path = paths.volumeData(name)
    let lock = try store().locks.acquire(.volume, name)
    guard var volume = try store().volumes.get(name) else {
      throw Problem(
        code: .notFound, message: "volume \(name) has been removed",
        hint: "remove the container, or make the volume again")
    }
    try doing("make volume \(path)") { () throws(Errno) in try makeDirectories(path, mode: 0o755) }
    let isGiven = volume.needsCopyUp && !volume.needsChown
    if isGiven { try give(path, to: volume) }
    if volume.needsCopyUp || volume.needsChown {
      let directory = try doing("open volume \(path)") { () throws(Errno) in try open(path, O_RDONLY | O_DIRECTORY) }
      try doing("copy \(mount.destination) of the image into volume \(name)") { () throws(Errno) in
        guard try CopyUp.isEmpty(directory) else { return }
        if let content = try root.directory(mount.destination) {
          if volume.needsCopyUp && !mount.noCopy { try CopyUp.copy(content, into: directory) }
        } else if volume.needsChown {
          try check(csys_fchownat(directory.borrowed, "", identity.uid, identity.gid, CInt(CSYS_AT_EMPTY_PATH)))
          volume.uid = identity.uid
          volume.gid = identity.gid
        }
      }
      if isGiven { try give(path, to: volume) }  // what was copied brought the image's owner along
      volume.needsCopyUp = false
      volume.needsChown = false
      try store().volumes.update(volume)
    }
    if mount.chown { try doing("chown \(path)") { () throws(Errno) in try Self.chownTree(path, identity) } }
    _ = consume lock
    return path
  }

  /// `U`: the source and all below it belong to the container's user.
  private static func chownTree(_ path: String, _ identity: ProcessIdentity) throws(Errno) {
    let found = try status(path, followingLinks: false)
    try check(csys_fchownat(AT_FDCWD, path, identity.uid, identity.gid, AT_SYMLINK_NOFOLLOW))
    if found.isDirectory { try chownBelow(try open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), identity) }
  }
  private static func chownBelow(_ directory: borrowing OwnedFD, _ identity: ProcessIdentity) throws(Errno) {
    for entry in try entries(of: directory) {
      try check(csys_fchownat(directory.borrowed, entry.name, identity.uid, identity.gid, AT_SYMLINK_NOFOLLOW))
      if try status(at: directory, entry.name).isDirectory {
        try chownBelow(try open(at: directory, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), identity)
      }
    }
  }
}
