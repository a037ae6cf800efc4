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
