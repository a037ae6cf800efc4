import CSys
import Glibc
import RuntimeSpec
import Sys

/// What later steps need of the mounts that were made.
struct PlacedMounts {
  /// Paths to hide and to protect, normalized.
  let masked: [String], readOnly: [String]
  /// Filesystems that `makeReadOnly` ends; each is closed by it.
  var readOnlyLater: [CInt] = []
  private var kernelFilesystems: [KernelFilesystem] = []

  /// A procfs or sysfs by a descriptor of its own root.
  private struct KernelFilesystem {
    let destination: String, root: CInt

    /// The part of a normalized path that lies below the destination; "." for the destination itself.
    func inner(_ path: String) -> String? {
      guard path.utf8.starts(with: destination.utf8) else { return nil }
      let rest = path.utf8.dropFirst(destination.utf8.count)
      guard let slash = rest.first else { return "." }
      return slash == UInt8(ascii: "/") ? String(Substring(rest.dropFirst())) : nil
    }
  }

  init(_ linux: Linux) {
    masked = (linux.maskedPaths ?? []).map { $0.normalizedPath }
    readOnly = (linux.readonlyPaths ?? []).map { $0.normalizedPath }
  }

  /// Whether a path at or below a directory is to be hidden or protected.
  func hidesPaths(below directory: String) -> Bool {
    masked.contains { $0.utf8.starts(with: directory.utf8) }
      || readOnly.contains { $0.utf8.starts(with: directory.utf8) }
  }

  /// Keeps a procfs or sysfs, paths of which may be hidden or protected.
  /// - Parameter destination: normalized.
  mutating func keep(_ tree: consuming MountTree, at destination: String) {
    kernelFilesystems.append(KernelFilesystem(destination: destination, root: tree.release()))
  }

  /// Closes what is kept, before a working directory could be named by its number.
  mutating func forget() {
    for mount in kernelFilesystems { _ = csys_close(mount.root) }
    kernelFilesystems = []
  }

  /// Opens a path that is to be hidden or protected.
  ///
  /// CVE-2019-19921: what lies below a procfs or sysfs of ours is looked for from that mount itself. Who can write to
  /// the root filesystem may have put a decoy in its place by now; the mount with its secrets is then merely elsewhere.
  ///
  /// - Parameter path: normalized.
  func open(_ path: String, in root: borrowing RootFilesystem) throws(Errno) -> OwnedFD {
    if !leadsUp(path) {
      for mount in kernelFilesystems.reversed() {  // the last one lies on top
        if let inner = mount.inner(path) { return try openInRoot(mount.root, inner, O_PATH_) }
      }
    }
    return try root.open(path)
  }

  /// Whether there is a `..`: where that leads, only the whole way can say.
  private func leadsUp(_ path: String) -> Bool {
    var last: UInt8 = 0
    for byte in path.utf8 {
      if byte == UInt8(ascii: ".") && byte == last { return true }
      last = byte
    }
    return false
  }
}

extension String {
  /// An absolute path without empty parts and dots.
  var normalizedPath: String {
    if isNormalPath { return self }
    var result = ""
    for part in fields(UInt8(ascii: "/")) where part != "." { result += "/" + part }
    return result.isEmpty ? "/" : result
  }
  /// Whether every part begins with a slash, is not empty and begins with no dot.
  private var isNormalPath: Bool {
    let slash = UInt8(ascii: "/")
    guard utf8.first == slash, utf8.last != slash else { return false }
    var last: UInt8 = 0
    for byte in utf8 {
      if last == slash && (byte == slash || byte == UInt8(ascii: ".")) { return false }
      last = byte
    }
    return true
  }
}
