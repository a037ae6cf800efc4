import CSys
import Glibc
import Problems
import RuntimeSpec
import Sys

/// Writes the ID maps of a new user namespace. Source: user_namespaces(7).
struct IDMaps {
  let uids: [IDMapping], gids: [IDMapping]

  init(_ linux: Linux) {
    uids = linux.uidMappings ?? []
    gids = linux.gidMappings ?? []
  }

  static func text(_ mappings: [IDMapping]) -> String {
    mappings.map { "\($0.containerID) \($0.hostID) \($0.size)\n" }.joined()
  }

  func write(to pid: pid_t) throws(Problem) {
    if geteuid() != 0 {
      // Without privilege a group map is accepted only when setgroups is given up.
      try put("deny", "/proc/\(pid)/setgroups")
    }
    if !gids.isEmpty { try put(Self.text(gids), "/proc/\(pid)/gid_map") }
    if !uids.isEmpty { try put(Self.text(uids), "/proc/\(pid)/uid_map") }
  }

  /// An open user namespace with these maps. Its only process ends at once; the descriptor keeps it.
  func namespace() throws(Problem) -> CInt {
    let pipe = try doing("make a pipe") { () throws(Errno) in try Pipe.make() }
    let pid = try doing("create a user namespace") { () throws(Errno) in try check(csys_fork(CSYS_CLONE_NEWUSER, nil)) }
    if pid == 0 {
      _ = csys_close(pipe.writer.borrowed)
      var byte: UInt8 = 0
      _ = csys_read(pipe.reader.borrowed, &byte, 1)  // until the parent has gone or is done
      _exit(0)
    }
    defer {
      var status: CInt = 0
      _ = csys_kill(pid, SIGKILL)
      _ = csys_wait4(pid, &status, 0)
    }
    try write(to: pid)
    return try doing("open the user namespace") { () throws(Errno) in
      try open("/proc/\(pid)/ns/user", O_RDONLY).release()
    }
  }

  private func put(_ text: String, _ path: String) throws(Problem) {
    try doing("write \(path)") { () throws(Errno) in
      let file = try open(path, O_WRONLY)
      let bytes = Array(text.utf8)  // the kernel takes a map in one write only
      let raw = file.borrowed
      let written = try check(bytes.withUnsafeBytes { csys_write(raw, $0.baseAddress, $0.count) })
      if written != bytes.count { throw .invalid }
    }
  }
}
