import CSys
import Glibc
import Problems
import Sys

/// The root filesystem of a container: its image's layers under a writable one. Source: DESIGN.md part 5.
struct OverlayMount {
  /// Directories of the layers, the lowest first.
  var layers: [String]
  var upper: String
  var work: String
  /// No fsync ever reaches the upper layer: for containers that are removed when they end.
  var isVolatile: Bool
  var target: String

  enum Limit {
    /// Source: overlayfs, OVL_MAX_STACK.
    static let layersMax = 500
    /// The kernel copies one page of mount(2)'s options.
    static let textBytesMax = 4096
  }

  /// The kernel has no overlayfs, gives it to root alone, or does not take these file systems, or so many layers.
  static let refusals: Set<Errno> = [
    .notPermitted, .accessDenied, .invalid, Errno(rawValue: ENODEV), .notSupported, .noSystemCall,
    Errno(rawValue: E2BIG),
  ]

  /// Mounts it. - Throws: the first error of the newest interface that the kernel has.
  func mount() throws(Errno) {
    do throws(Errno) { try mountByDescriptors() } catch { try mountByText() }
  }
  func failure(_ error: Errno, hint: String? = nil) -> Problem {
    Problem(
      code: .init(error), message: "mount the overlay of \(layers.count) layers at \(target)", hint: hint,
      cause: error)
  }

  /// Makes an overlay in a new directory and drops it before it is mounted anywhere.
  static func tryOut(in directory: String) throws(Errno) {
    let fs = OwnedFD(adopting: try check(csys_fsopen("overlay", 1)))  // FSOPEN_CLOEXEC
    for (key, name) in [("lowerdir", "lower"), ("upperdir", "upper"), ("workdir", "work")] {
      let path = "\(directory)/\(name)"
      try makeDirectory(path, mode: 0o700)
      try check(csys_fsconfig(fs.borrowed, UInt32(CSYS_FSCONFIG_SET_STRING), key, path, 0))
    }
    try check(csys_fsconfig(fs.borrowed, UInt32(CSYS_FSCONFIG_SET_FLAG), "userxattr", nil, 0))
    try check(csys_fsconfig(fs.borrowed, UInt32(CSYS_FSCONFIG_CMD_CREATE), nil, nil, 0))
  }

  /// fsopen(2): any number of layers, no escaping. `lowerdir+` is Linux 6.7+.
  private func mountByDescriptors() throws(Errno) {
    let fs = OwnedFD(adopting: try check(csys_fsopen("overlay", 1)))  // FSOPEN_CLOEXEC
    func set(_ key: String, _ value: String) throws(Errno) {
      try check(csys_fsconfig(fs.borrowed, UInt32(CSYS_FSCONFIG_SET_STRING), key, value, 0))
    }
    func setFlag(_ key: String) throws(Errno) {
      try check(csys_fsconfig(fs.borrowed, UInt32(CSYS_FSCONFIG_SET_FLAG), key, nil, 0))
    }
    for layer in layers.reversed() { try set("lowerdir+", layer) }
    try set("upperdir", upper)
    try set("workdir", work)
    try setFlag("userxattr")
    if isVolatile { try setFlag("volatile") }
    try set("source", "berth")
    try check(csys_fsconfig(fs.borrowed, UInt32(CSYS_FSCONFIG_CMD_CREATE), nil, nil, 0))
    let mount = OwnedFD(adopting: try check(csys_fsmount(fs.borrowed, 1, 0)))  // FSMOUNT_CLOEXEC
    try check(csys_move_mount(mount.borrowed, "", AT_FDCWD, target, UInt32(CSYS_MOVE_MOUNT_F_EMPTY_PATH)))
  }

  /// mount(2), before Linux 6.7. Its options fit one page: directories are named by descriptors, so that images of
  /// some 200 layers go in, and nothing has to be escaped.
  private func mountByText() throws(Errno) {
    var lower: [OpenDirectory] = []
    for layer in layers.reversed() { lower.append(try OpenDirectory(layer)) }
    let (upper, work) = (try OpenDirectory(upper), try OpenDirectory(work))
    let options =
      "lowerdir=\(lower.map(\.path).joined(separator: ":")),upperdir=\(upper.path),workdir=\(work.path),userxattr"
      + (isVolatile ? ",volatile" : "")
    guard options.utf8.count < Limit.textBytesMax else { throw Errno(rawValue: E2BIG) }
    try withExtendedLifetime((lower, upper, work)) { () throws(Errno) in
      _ = try check(csys_mount("berth", target, "overlay", 0, options))
    }
  }
  private final class OpenDirectory {
    private let fd: OwnedFD
    init(_ path: String) throws(Errno) { fd = try open(path, O_PATH_ | O_DIRECTORY) }
    /// Good for as long as this object lives.
    var path: String { "/proc/self/fd/\(fd.borrowed)" }
  }

  /// Takes a mount away, and what may be mounted on top of it. Nothing mounted is fine.
  static func unmount(_ target: String) throws(Problem) {
    while true {
      let result = csys_umount2(target, CInt(MNT_DETACH) | 8)  // UMOUNT_NOFOLLOW
      if result == 0 { continue }
      let error = Errno(rawValue: -result)
      if error == .invalid || error == .notFound { return }
      throw Problem(code: .init(error), message: "unmount \(target)", cause: error)
    }
  }
}
