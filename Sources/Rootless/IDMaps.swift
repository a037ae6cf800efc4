import CSys
import Glibc
import Problems
import Sys

/// The two maps of a caller's namespace, and who writes them.
struct IDMaps {
  var uids: IDMapping
  var gids: IDMapping
  /// Paths of newuidmap and newgidmap; nil where the caller maps nobody but himself, which needs no privilege.
  var tools: (uid: String, gid: String)?

  /// - Parameter notes: gets a sentence where the namespace will have one id.
  /// - Throws: `.notFound` naming the missing tool (capability line LP-02).
  init(of caller: Caller, _ notes: inout SharedNamespace.Notes) throws(Problem) {
    let texts = ["/etc/subuid", "/etc/subgid"].map { try? readText($0, limit: Limit.accountFileBytesMax) }
    let uids = SubordinateIDs(texts[0] ?? "", of: caller)
    let gids = SubordinateIDs(texts[1] ?? "", of: caller)
    self.uids = IDMapping(caller: caller.uid, uids)
    self.gids = IDMapping(caller: caller.gid, gids)
    if uids.ranges.isEmpty || gids.ranges.isEmpty {
      self.uids = IDMapping(caller: caller.uid, SubordinateIDs("", of: caller))
      self.gids = IDMapping(caller: caller.gid, SubordinateIDs("", of: caller))
      let command = SubordinateGrant.command(
        for: caller.name, uids: uids.ranges.isEmpty, gids: gids.ranges.isEmpty, texts)
      let missing = !uids.ranges.isEmpty ? "group ids" : !gids.ranges.isEmpty ? "user ids" : "ids"
      notes.append(
        """
        user \(caller.name) has no subordinate \(missing): containers have one id only, and images with files of \
        other users cannot be unpacked; the administrator can give some: \(command), then: berth system migrate
        """)
      return
    }
    tools = (try Self.tool("newuidmap"), try Self.tool("newgidmap"))
  }

  private static func tool(_ name: String) throws(Problem) -> String {
    if let program = ProgramSearch(more: ["/usr/bin"]).find(name) { return program }
    throw Problem(
      code: .notFound, message: "\(name) is not installed; containers without root need it",
      hint: "install the package uidmap (Debian) or shadow-utils (Fedora)")
  }

  /// Writes both maps of a process in a new user namespace.
  func write(to pid: pid_t, of caller: Caller) throws(Problem) {
    guard let tools else {
      try doing("map user \(caller.name)") { () throws(Errno) in
        try IDMapFile.setgroups.write("deny", of: pid)
        try IDMapFile.uids.write("0 \(caller.uid) 1", of: pid)
        try IDMapFile.gids.write("0 \(caller.gid) 1", of: pid)
      }
      return
    }
    try Self.run(tools.uid, uids.words, pid)
    try Self.run(tools.gid, gids.words, pid)
  }

  private static func run(_ tool: String, _ ranges: [String], _ pid: pid_t) throws(Problem) {
    let refusal = try doing("run \(tool)") { () throws(Errno) in
      try IDMapFile.write(with: tool, ranges, of: pid)
    }
    guard let refusal else { return }
    throw Problem(code: .denied, message: "\(tool): \(refusal)", hint: Self.remedy(tool))
  }

  /// Why a tool has no privilege to use, as far as it can be told.
  private static func remedy(_ tool: String) -> String {
    let own = (try? readText("/proc/self/status")) ?? ""
    if own.split(separator: "\n").contains("NoNewPrivs:\t1") {
      return "no program of this session can gain privileges (no_new_privs): run berth in another one"
    }
    var attribute: UInt8 = 0
    if let found = try? status(tool), found.st_mode & S_ISUID == 0 || found.st_uid != 0,
      let file = try? open(tool, O_RDONLY), csys_fgetxattr(file.borrowed, "security.capability", &attribute, 0) < 0
    {
      return "the administrator can give it its privilege: chown root \(tool) && chmod u+s \(tool)"
    }
    return "/etc/subuid and /etc/subgid must allow the ranges, to the user with whose name they begin"
  }
}
