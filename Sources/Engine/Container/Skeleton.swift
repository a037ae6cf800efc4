import CSys
import Glibc
import Problems
import Sys

/// The lowest layer of a container: empty files and directories, for mounts to go onto.
///
/// An image seldom brings all of them; each one that the runtime has to make is an inode to write at the start and to
/// remove at the end, and a change that the user did not make. What an image has, or has deleted, lies above.
enum Skeleton {
  static let directories: [(path: String, mode: mode_t)] = [
    ("dev", 0o755), ("etc", 0o755), ("proc", 0o555), ("run", 0o755), ("sys", 0o555),
  ]
  static let files = ["etc/hostname", "etc/hosts", "etc/resolv.conf", "run/.containerenv"]

  /// Whether a container gets all of these mounts: where a user does without one, the image's file shows, or none.
  static func fits(_ options: ContainerOptions) -> Bool {
    !options.noHosts && !options.noHostname && options.dnsServers != ["none"] && options.uts == .private
  }

  /// Makes it where it is not there. A part that is missing, after a power cut, is made by the runtime as ever.
  static func prepare(_ path: String) throws(Problem) {
    if exists(path) { return }
    let temporary = "\(path).new-\(getpid())"
    try doing("make \(path)") { () throws(Errno) in
      try makeDirectory(temporary)
      do throws(Errno) {
        for (name, mode) in directories { try makeDirectory("\(temporary)/\(name)", mode: mode) }
        for name in files { _ = try open("\(temporary)/\(name)", O_WRONLY | O_CREAT | O_EXCL, mode: 0o644) }
        try rename(temporary, to: path)
      } catch {
        try removeTree(temporary)
        // Somebody else was quicker.
        if error != .exists && error != .notEmpty { throw error }
      }
    }
  }
}
