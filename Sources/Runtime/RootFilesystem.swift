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
    do throws(Errno) { return try open(path) } catch  where error == .notFound {}
    var rest = path.split(separator: "/").map(String.init)
    var done = "."
    var parent = try open(".", O_PATH_ | O_DIRECTORY)
    var links = 0
    while !rest.isEmpty {
      let name = rest.removeFirst()
      let here = done + "/" + name
      let isLast = rest.isEmpty
      do throws(Errno) {
        parent = try open(here)
        done = here
        continue
      } catch  where error == .notFound {}
      if let target = try? readLink(parent.borrowed, name) {
        links += 1
        if links > Limit.symlinksMax { throw .symlinkLoop }
        rest = target.split(separator: "/").map(String.init) + rest
        if target.hasPrefix("/") {
          done = "."
          parent = try open(".", O_PATH_ | O_DIRECTORY)
        }
        continue
      }
      try makeName(name, in: parent, directory: !isLast || wantsDirectory)
      parent = try open(here)
      done = here
    }
    return parent
  }

  private func makeName(_ name: String, in parent: borrowing OwnedFD, directory: Bool) throws(Errno) {
    do throws(Errno) {
      if directory {
        try check(csys_mkdirat(parent.borrowed, name, 0o755))
      } else {
        _ = try Sys.open(at: parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o644)
      }
    } catch  where error == .exists {}  // somebody was quicker; opening it decides
  }

  /// Splits "/a/b/c" into a descriptor of "/a/b", made where missing, and "c".
  func makeParent(of path: String) throws(Errno) -> Place {
    var parts = path.split(separator: "/").map(String.init)
    guard let name = parts.popLast(), name != "..", name != "." else { throw .invalid }
    return Place(directory: try make(parts.joined(separator: "/"), directory: true), name: name)
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
