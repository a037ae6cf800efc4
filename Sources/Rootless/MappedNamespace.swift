import CSys
import Glibc
package import Problems
package import Sys

/// User namespaces that nobody lives in: they carry maps, for mounts whose owners are to be mapped.
extension UserNamespace {
  /// A namespace with these maps; the descriptor keeps it.
  package func open() throws(Problem) -> OwnedFD {
    let holder = try hold()
    return try doing("open a user namespace") { () throws(Errno) in try holder.open("user") }
  }

  /// A process in a namespace with these maps, and in others that it owns.
  /// - Parameter others: `CLONE_NEWNET` and its like.
  package func hold(others: UInt64 = 0) throws(Problem) -> NamespaceHolder {
    let holder = try doing("make a user namespace") { () throws(Errno) in
      try NamespaceHolder(new: UInt64(CSYS_CLONE_NEWUSER) | others)
    }
    try doing("map groups \(gids.texts.joined(separator: ","))") { () throws(Errno) in
      try IDMapFile.gids.write(gids.lines, of: holder.pid)
    }
    try doing("map users \(uids.texts.joined(separator: ","))") { () throws(Errno) in
      try IDMapFile.uids.write(uids.lines, of: holder.pid)
    }
    return holder
  }

  /// The maps of an existing namespace, as seen from this process's. - Parameter path: such as /proc/PID/ns/user.
  package init(ofNamespace path: String) throws(Problem) {
    let namespace = try doing("open user namespace \(path)") { () throws(Errno) in try Sys.open(path, O_RDONLY) }
    (uids, gids) = try doing("enter user namespace \(path)") { () throws(Errno) in
      let holder = try NamespaceHolder(entering: namespace)
      return (
        IDMapping(lines: try readText("/proc/\(holder.pid)/uid_map")),
        IDMapping(lines: try readText("/proc/\(holder.pid)/gid_map"))
      )
    }
  }
}
