import CSys
import Glibc
package import Problems
package import Sys

/// User namespaces that nobody lives in: they carry maps, for mounts whose owners are to be mapped.
extension UserNamespace {
  /// A namespace with these maps. Its only process ends at once; the descriptor keeps it.
  package func open() throws(Problem) -> OwnedFD {
    let pipe = try doing("make a pipe") { () throws(Errno) in try Pipe.make() }
    let pid = try doing("make a user namespace") { () throws(Errno) in try check(csys_fork(CSYS_CLONE_NEWUSER, nil)) }
    if pid == 0 {
      Self.wait(pipe.reader.borrowed, pipe.writer.borrowed)
      _exit(0)
    }
    defer { Self.end(pid) }
    for (name, mapping) in [("gid_map", gids), ("uid_map", uids)] {
      try doing("map ids \(mapping.texts.joined(separator: ","))") { () throws(Errno) in
        let file = try Sys.open("/proc/\(pid)/\(name)", O_WRONLY)
        let text = mapping.lines  // the kernel takes a map in one write only
        _ = try check(text.withCString { csys_write(file.borrowed, $0, text.utf8.count) })
      }
    }
    return try doing("open a user namespace") { () throws(Errno) in try Sys.open("/proc/\(pid)/ns/user", O_RDONLY) }
  }

  /// The maps of an existing namespace, as seen from this process's. - Parameter path: such as /proc/PID/ns/user.
  package init(ofNamespace path: String) throws(Problem) {
    let namespace = try doing("open user namespace \(path)") { () throws(Errno) in try Sys.open(path, O_RDONLY) }
    let pipe = try doing("make a pipe") { () throws(Errno) in try Pipe.make() }
    let report = try doing("make a pipe") { () throws(Errno) in try Pipe.make() }
    let pid = try doing("make a process") { () throws(Errno) in try check(csys_fork(0, nil)) }
    if pid == 0 {
      let result = csys_setns(namespace.borrowed, CInt(CSYS_CLONE_NEWUSER))
      try? writeAll(report.writer.borrowed, [UInt8(clamping: -result)])  // the parent has gone: nobody to tell
      Self.wait(pipe.reader.borrowed, pipe.writer.borrowed)
      _exit(0)
    }
    defer { Self.end(pid) }
    let answer = report.closingWriter()
    (uids, gids) = try doing("enter user namespace \(path)") { () throws(Errno) in
      var byte: UInt8 = 0
      guard csys_read(answer.borrowed, &byte, 1) == 1 else { throw Errno(rawValue: ECHILD) }
      if byte != 0 { throw Errno(rawValue: CInt(byte)) }
      return (
        IDMapping(lines: try readText("/proc/\(pid)/uid_map")), IDMapping(lines: try readText("/proc/\(pid)/gid_map"))
      )
    }
  }

  /// In the child: system calls only, until the parent has gone or is done.
  private static func wait(_ reader: CInt, _ writer: CInt) {
    _ = csys_close(writer)
    var byte: UInt8 = 0
    _ = csys_read(reader, &byte, 1)
  }
  private static func end(_ pid: pid_t) {
    var status: CInt = 0
    _ = csys_kill(pid, SIGKILL)
    _ = csys_wait4(pid, &status, 0)
  }
}
