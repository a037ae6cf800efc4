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
      try put(.setgroups, "deny", pid)
    }
    if !gids.isEmpty { try put(.gids, Self.text(gids), pid) }
    if !uids.isEmpty { try put(.uids, Self.text(uids), pid) }
  }

  /// What anybody may map: the own ID and no other.
  private func isOwn(_ mappings: [IDMapping], _ id: UInt32) -> Bool {
    mappings.isEmpty || mappings.count == 1 && mappings[0].size == 1 && mappings[0].hostID == id
  }

  /// The setuid helpers of the shadow suite map what /etc/subuid and /etc/subgid give the user.
  private func writeWithHelpers(to pid: pid_t) throws(Problem) {
    if !gids.isEmpty { try write(gids, with: "newgidmap", pid) }
    if !uids.isEmpty { try write(uids, with: "newuidmap", pid) }
  }
  private func write(_ mappings: [IDMapping], with helper: String, _ pid: pid_t) throws(Problem) {
    let words = mappings.flatMap { ["\($0.containerID)", "\($0.hostID)", "\($0.size)"] }
    let ranges = words.joined(separator: " ")
    guard let found = ProgramSearch(more: ["/usr/bin"]).find(helper) else {
      throw Problem(
        code: .denied, message: "map IDs \(ranges): the program \(helper) is not installed",
        hint: "install uidmap, or map only your own ID with size 1")
    }
    let refusal = try doing("run \(found)") { () throws(Errno) in try IDMapFile.write(with: found, words, of: pid) }
    guard let refusal else { return }
    throw Problem(
      code: .denied, message: "\(helper) refused to map IDs \(ranges): \(refusal)",
      hint: "look into /etc/subuid and /etc/subgid: the ranges must be the user's")
  }

  /// An open user namespace with these maps; the descriptor keeps it.
  func namespace() throws(Problem) -> CInt {
    let holder = try doing("create a user namespace") { () throws(Errno) in
      try NamespaceHolder(new: UInt64(CSYS_CLONE_NEWUSER))
    }
    try write(to: holder.pid)
    return try doing("open the user namespace") { () throws(Errno) in try holder.open("user").release() }
  }

  /// Who users of an existing namespace are in this process's. - Parameter path: such as /proc/PID/ns/user.
  static func uids(ofNamespace path: String) throws(Problem) -> [IDMapping] {
    let text = try doing("read the maps of user namespace \(path)") { () throws(Errno) in
      let holder = try NamespaceHolder(entering: try open(path, O_RDONLY))
      return try readText("/proc/\(holder.pid)/uid_map")
    }
    return text.split(separator: "\n").compactMap { line in
      let numbers = line.split(separator: " ").compactMap { UInt32($0) }
      return numbers.count == 3 ? IDMapping(containerID: numbers[0], hostID: numbers[1], size: numbers[2]) : nil
    }
  }

  private func put(_ file: IDMapFile, _ text: String, _ pid: pid_t) throws(Problem) {
    try doing("write /proc/\(pid)/\(file.rawValue)") { () throws(Errno) in try file.write(text, of: pid) }
  }
}
