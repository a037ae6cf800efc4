import CSys
import Glibc
import Problems
import Sys

/// A container's root filesystem before the runtime gets it. Every path inside goes through this descriptor; no string
/// path of it is ever resolved by the host.
struct RootDirectory: ~Copyable {
  let fd: OwnedFD

  init(_ path: String) throws(Problem) {
    fd = try doing("open root filesystem \(path)") { () throws(Errno) in try open(path, O_RDONLY | O_DIRECTORY) }
  }

  /// The working directory: made, for the container's user, where it is missing (PD-128).
  /// - Parameter parents: whose the directories above it are, where they are missing, too.
  func makeWorkingDirectory(_ path: String, owner: ProcessIdentity, parents: (uid: UInt32, gid: UInt32))
    throws(Problem)
  {
    if path == "/" { return }
    do throws(Errno) {
      let found = try openInRoot(fd, path, O_PATH_)
      guard try status(found).isDirectory else { throw .notDirectory }
    } catch {
      guard error == .notFound else {
        throw Problem(code: .invalid, message: "working directory \"\(path)\" of the container", cause: error)
      }
      try doing("make working directory \"\(path)\" in the container") { () throws(Errno) in
        let made = try makeDirectories(path, mode: 0o755, owner: parents)
        try check(csys_fchownat(made.borrowed, "", owner.uid, owner.gid, CInt(CSYS_AT_EMPTY_PATH)))
      }
    }
  }

  /// The directory at `path`, made with its parents where missing; symlinks stay inside.
  func makeDirectories(_ path: String, mode: mode_t, owner: (uid: UInt32, gid: UInt32)) throws(Errno) -> OwnedFD {
    var parts: [Substring] = []
    var current = try fd.duplicate()
    for part in path.split(separator: "/") where part != "." {
      parts.append(part)
      let sofar = parts.joined(separator: "/")
      do throws(Errno) { current = try openInRoot(fd, sofar, O_RDONLY | O_DIRECTORY) } catch {
        guard error == .notFound else { throw error }
        do throws(Errno) { try check(csys_mkdirat(current.borrowed, String(part), mode)) } catch  where error == .exists
        {}
        current = try openInRoot(fd, sofar, O_RDONLY | O_DIRECTORY)
        try check(csys_fchownat(current.borrowed, "", owner.uid, owner.gid, CInt(CSYS_AT_EMPTY_PATH)))
      }
    }
    return current
  }

  /// The directory at `path`, or nil where there is none.
  func directory(_ path: String) throws(Errno) -> OwnedFD? {
    do throws(Errno) { return try openInRoot(fd, path, O_RDONLY | O_DIRECTORY) } catch {
      switch error {
      case .notFound, .notDirectory, .symlinkLoop: return nil
      default: throw error
      }
    }
  }
}
