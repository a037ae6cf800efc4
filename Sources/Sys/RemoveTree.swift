import CSys
import Glibc

/// Removes a name and all below it, never following a symlink or crossing into another mount's name.
/// A name that is not there is fine. Names are bytes, and no depth is too deep.
package func removeTree(at directory: borrowing OwnedFD, _ name: String) throws(Errno) {
  try removeTree(at: directory.borrowed, name.utf8CString.map { $0 })
}
package func removeTree(_ path: String) throws(Errno) {
  let parent: OwnedFD
  do throws(Errno) { parent = try open(parentPath(of: path), O_RDONLY | O_DIRECTORY) } catch  where error == .notFound {
    return
  }
  let name = path.split(separator: "/").last.map(String.init) ?? path
  try removeTree(at: parent, name)
}

/// - Parameter name: one part of a path, with its NUL.
package func removeTree(at directory: CInt, _ name: [CChar]) throws(Errno) {
  do throws(Errno) {
    try check(csys_unlinkat(directory, name, 0))
    return
  } catch {
    switch error {
    case .notFound: return
    case .isDirectory, .notPermitted: break
    default: throw error
    }
  }
  let tree = OwnedFD(adopting: try check(csys_openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)))
  var removal = Removal(top: tree.borrowed)
  repeat {
    removal.hoistedNow = false
    try removal.empty(tree.borrowed, depth: 0)
  } while removal.hoistedNow
  do throws(Errno) { try check(csys_unlinkat(directory, name, AT_REMOVEDIR)) } catch  where error == .notFound {}
}

/// One removal: a descriptor per level, and what lies deeper than `depthMax` is first moved to the top.
private struct Removal {
  static let depthMax = 64
  /// `RENAME_NOREPLACE`: Swift does not import the header.
  static let noReplace: CUnsignedInt = 1
  let top: CInt
  var hoistedNow = false
  var hoisted = 0

  mutating func empty(_ directory: CInt, depth: Int) throws(Errno) {
    lseek(directory, 0, SEEK_SET)
    for (name, type) in try rawEntries(of: directory) {
      if type != UInt8(DT_DIR), csys_unlinkat(directory, name, 0) == 0 { continue }
      if depth == Removal.depthMax {
        hoistedNow = true
        try hoist(directory, name)
        continue
      }
      let opened = csys_openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0)
      if opened == -ENOENT { continue }
      let child = OwnedFD(adopting: try check(opened))
      try empty(child.borrowed, depth: depth + 1)
      let removed = csys_unlinkat(directory, name, AT_REMOVEDIR)
      if removed != -ENOENT && removed != -ENOTEMPTY { try check(removed) }
      if removed == -ENOTEMPTY && !hoistedNow { throw .notEmpty }
    }
  }

  private mutating func hoist(_ directory: CInt, _ name: [CChar]) throws(Errno) {
    while true {
      hoisted += 1
      let result = csys_renameat2(directory, name, top, ".berth-removing-\(hoisted)", Removal.noReplace)
      if result != -EEXIST {
        try check(result)
        return
      }
    }
  }
}

/// The names in a directory as bytes with their NUL, without `.` and `..`, and their `DT_*` types.
private func rawEntries(of directory: CInt) throws(Errno) -> [(name: [CChar], type: UInt8)] {
  var result: [(name: [CChar], type: UInt8)] = []
  var buffer = [UInt8](repeating: 0, count: 8 << 10)
  while true {
    let got = try check(buffer.withUnsafeMutableBytes { csys_getdents64(directory, $0.baseAddress, $0.count) })
    if got == 0 { return result }
    var offset = 0
    while offset < got {  // struct linux_dirent64: ino 8, off 8, reclen 2, type 1, name
      let length = Int(buffer[offset + 16]) | Int(buffer[offset + 17]) << 8
      let name = buffer[(offset + 19)..<(offset + length)].prefix { $0 != 0 }
      if !name.elementsEqual(".".utf8) && !name.elementsEqual("..".utf8) {
        result.append((name.map { CChar(bitPattern: $0) } + [0], buffer[offset + 18]))
      }
      offset += length
    }
  }
}
