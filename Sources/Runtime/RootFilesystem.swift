import CSys
import Glibc
import Sys

/// The container's root directory, by descriptor: no name below it is ever resolved outside of it.
struct RootFilesystem: ~Copyable {
  let directory: OwnedFD

  /// A name in an open directory.
  struct Place: ~Copyable {
    let directory: OwnedFD
    let name: String
  }

  private enum Limit { static let symlinksMax = 40 }

  /// Opens a name as the container would see it.
  func open(_ path: String, _ flags: CInt = O_PATH_) throws(Errno) -> OwnedFD {
    try openInRoot(directory, path.isEmpty ? "." : path, flags)
  }

  /// Opens a name (`O_PATH`) and makes what is missing of it: directories 0755, and a last file 0644.
  /// A symlink that leads nowhere is followed, inside the root, and its target is made.
  func make(_ path: String, directory wantsDirectory: Bool) throws(Errno) -> OwnedFD {
    var wasMade = false
    return try make(path, directory: wantsDirectory, wasMade: &wasMade)
  }
  /// - Parameter wasMade: set where it was not there before.
  func make(_ path: String, directory wantsDirectory: Bool, wasMade: inout Bool) throws(Errno) -> OwnedFD {
    do throws(Errno) { return try open(path) } catch  where error == .notFound {}
    wasMade = true
    return try make(path, directory: wantsDirectory, linksLeft: Limit.symlinksMax)
  }

  private func make(_ path: String, directory wantsDirectory: Bool, linksLeft: Int) throws(Errno) -> OwnedFD {
    let (above, name) = Self.split(path)
    let parent: OwnedFD
    do throws(Errno) { parent = try open(above, O_PATH_ | O_DIRECTORY) } catch  where error == .notFound {
      parent = try make(above, directory: true, linksLeft: linksLeft)
    }
    if try makeName(name, in: parent, directory: wantsDirectory) { return try open(path) }
    // Something is there: it may be a symlink that leads nowhere.
    guard let target = try? readLink(parent.borrowed, name) else { return try open(path) }
    if linksLeft == 0 { throw .symlinkLoop }
    let place = target.utf8.first == UInt8(ascii: "/") ? target : above + "/" + target
    do throws(Errno) { return try open(place) } catch  where error == .notFound {}
    return try make(place, directory: wantsDirectory, linksLeft: linksLeft - 1)
  }

  /// - Returns: false where the name is there already, whatever it is.
  private func makeName(_ name: String, in parent: borrowing OwnedFD, directory: Bool) throws(Errno) -> Bool {
    do throws(Errno) {
      if directory {
        let raw = parent.borrowed
        try check(name.withCString { csys_mkdirat(raw, $0, 0o755) })
      } else {
        _ = try Sys.open(at: parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o644)
      }
      return true
    } catch  where error == .exists { return false }
  }

  /// "/a/b/c/" is "/a/b" and "c"; what has one part lies in ".".
  private static func split(_ path: String) -> (above: String, name: String) {
    var text = path.utf8[...]
    while text.last == UInt8(ascii: "/") { text.removeLast() }
    guard let slash = text.lastIndex(of: UInt8(ascii: "/")) else { return (".", String(Substring(text))) }
    let above = text[..<slash]
    return (above.isEmpty ? "/" : String(Substring(above)), String(Substring(text[slash...].dropFirst())))
  }

  /// Splits "/a/b/c" into a descriptor of "/a/b", made where missing, and "c".
  func makeParent(of path: String) throws(Errno) -> Place {
    let (above, name) = Self.split(path)
    guard !name.isEmpty, name != "..", name != "." else { throw .invalid }
    return Place(directory: try make(above, directory: true), name: name)
  }
}

/// Names of filesystems as fstatfs(2) reports them. Source: linux/magic.h.
enum FilesystemMagic {
  static let proc = 0x9fa0, devpts = 0x1cd1, sysfs = 0x6265_6572, cgroup2 = 0x6367_7270

  static func of(_ fd: borrowing OwnedFD) throws(Errno) -> Int {
    var status = statfs()
    try check(csys_fstatfs(fd.borrowed, &status))
    return Int(status.f_type)
  }
}
