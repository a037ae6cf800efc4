package import CSys
import Glibc

/// A process that holds a namespace for as long as this value lives, and does nothing. A descriptor of the namespace
/// that is opened meanwhile keeps it afterwards.
package struct NamespaceHolder: ~Copyable {
  package let pid: pid_t
  /// Closed by the kernel where this process is killed: then the holder ends, too.
  private let life: OwnedFD

  /// In new namespaces. - Parameter flags: `CLONE_NEWUSER` and its like.
  package init(new flags: UInt64) throws(Errno) { try self.init(flags, entering: nil) }
  /// In the user namespace of this descriptor. - Parameter flags: of new namespaces that it is to own.
  package init(entering namespace: borrowing OwnedFD, new flags: UInt64 = 0) throws(Errno) {
    try self.init(flags, entering: namespace.borrowed)
  }
  private init(_ flags: UInt64, entering namespace: CInt?) throws(Errno) {
    let life = try Pipe.make()
    let report = try Pipe.make()
    let pid = try check(csys_fork(namespace == nil ? flags : 0, nil))
    if pid == 0 {
      // System calls only.
      _ = csys_close(life.writer.borrowed)
      var result: CInt = 0
      if let namespace { result = csys_setns(namespace, CInt(CSYS_CLONE_NEWUSER)) }
      if result == 0, namespace != nil, flags != 0 { result = csys_unshare(flags) }
      var byte = UInt8(clamping: -result)
      _ = csys_write(report.writer.borrowed, &byte, 1)
      _ = csys_read(life.reader.borrowed, &byte, 1)
      _exit(0)
    }
    let answer = report.closingWriter()
    var failure: UInt8 = 0
    if csys_read(answer.borrowed, &failure, 1) != 1 { failure = UInt8(ECHILD) }
    if failure != 0 {
      Self.end(pid)
      throw Errno(rawValue: CInt(failure))
    }
    self.pid = pid
    self.life = life.closingReader()
  }
  deinit { Self.end(pid) }
  private static func end(_ pid: pid_t) {
    var status: CInt = 0
    _ = csys_kill(pid, SIGKILL)
    _ = csys_wait4(pid, &status, 0)
  }

  package func open(_ kind: String) throws(Errno) -> OwnedFD { try Sys.open("/proc/\(pid)/ns/\(kind)", O_RDONLY) }
}

/// The files of a process in a new user namespace that say who is who there. Source: user_namespaces(7).
package enum IDMapFile: String {
  case uids = "uid_map"
  case gids = "gid_map"
  /// "deny" comes before a group map that is written without privilege.
  case setgroups

  /// - Parameter text: all of it: the kernel takes a map in one write only.
  package func write(_ text: String, of pid: pid_t) throws(Errno) {
    let file = try open("/proc/\(pid)/\(rawValue)", O_WRONLY)
    let bytes = Array(text.utf8)
    if try check(csys_write(file.borrowed, bytes, bytes.count)) != bytes.count { throw .invalid }
  }

  /// Lets newuidmap(1) or newgidmap(1), setuid helpers of the shadow suite, write a map. - Returns: what it said where
  /// it refused.
  /// - Parameter ranges: inside, outside and count of each.
  package static func write(with helper: String, _ ranges: [String], of pid: pid_t) throws(Errno) -> String? {
    let pipe = try Pipe.make()
    var spawn = Spawn(helper, ["\(pid)"] + ranges, environment: [])
    spawn.descriptors = [-1, -1, pipe.writer.borrowed]
    let child = try spawn.start()
    let text = try readAll(pipe.closingWriter(), limit: 1 << 16)
    if try child.wait() == .exited(code: 0) { return nil }
    return String(decoding: text, as: UTF8.self).split(separator: "\n").first.map(String.init) ?? "it failed"
  }
}
