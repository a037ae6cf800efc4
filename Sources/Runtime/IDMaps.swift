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

  /// An ordinary user who asks for a user namespace without maps gets the one that needs no privilege.
  static func fallBack(_ spec: inout Spec) {
    guard let user = spec.linux?.namespaces?.first(where: { $0.kind == .user }), (user.path ?? "").isEmpty,
      (spec.linux?.uidMappings ?? []).isEmpty, (spec.linux?.gidMappings ?? []).isEmpty
    else { return }
    spec.linux?.uidMappings = [IDMapping(containerID: 0, hostID: geteuid(), size: 1)]
    spec.linux?.gidMappings = [IDMapping(containerID: 0, hostID: getegid(), size: 1)]
  }

  static func text(_ mappings: [IDMapping]) -> String {
    mappings.map { "\($0.containerID) \($0.hostID) \($0.size)\n" }.joined()
  }

  func write(to pid: pid_t) throws(Problem) {
    if geteuid() != 0 {
      guard isOwn(uids, geteuid()), isOwn(gids, getegid()) else { return try writeWithHelpers(to: pid) }
      // Without privilege a group map is accepted only when setgroups is given up.
      try put("deny", "/proc/\(pid)/setgroups")
    }
    if !gids.isEmpty { try put(Self.text(gids), "/proc/\(pid)/gid_map") }
    if !uids.isEmpty { try put(Self.text(uids), "/proc/\(pid)/uid_map") }
  }

  /// What anybody may map: the own ID and no other.
  private func isOwn(_ mappings: [IDMapping], _ id: UInt32) -> Bool {
    mappings.isEmpty || mappings.count == 1 && mappings[0].size == 1 && mappings[0].hostID == id
  }

  /// The setuid helpers of the shadow suite map what /etc/subuid and /etc/subgid give the user.
  private func writeWithHelpers(to pid: pid_t) throws(Problem) {
    for (name, mappings) in [("newgidmap", gids), ("newuidmap", uids)] where !mappings.isEmpty {
      let ranges = mappings.map { "\($0.containerID) \($0.hostID) \($0.size)" }.joined(separator: " ")
      guard let found = ProgramSearch(more: ["/usr/bin"]).find(name) else {
        throw Problem(
          code: .denied, message: "map IDs \(ranges): the program \(name) is not installed",
          hint: "install uidmap, or map only your own ID with size 1")
      }
      let words = ranges.split(separator: " ").map(String.init)
      let status = try doing("run \(found)") { () throws(Errno) in
        var spawn = Spawn(found, ["\(pid)"] + words, environment: currentEnvironment())
        spawn.descriptors = [-1, -1, 2]
        return try spawn.start().wait()
      }
      guard case .exited(0) = status else {
        throw Problem(
          code: .denied, message: "\(name) refused to map IDs \(ranges)",
          hint: "look into /etc/subuid and /etc/subgid: the ranges must be the user's")
      }
    }
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
