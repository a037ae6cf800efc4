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
    let texts = ["/etc/subuid", "/etc/subgid"].map { (try? readText($0, limit: Limit.accountFileBytesMax)) ?? "" }
    let uids = SubordinateIDs(texts[0], of: caller)
    let gids = SubordinateIDs(texts[1], of: caller)
    self.uids = IDMapping(caller: caller.uid, uids)
    self.gids = IDMapping(caller: caller.gid, gids)
    if uids.ranges.isEmpty || gids.ranges.isEmpty {
      self.uids = IDMapping(caller: caller.uid, SubordinateIDs("", of: caller))
      self.gids = IDMapping(caller: caller.gid, SubordinateIDs("", of: caller))
      notes.append(Self.advice(caller, texts))
      return
    }
    tools = (try Self.tool("newuidmap"), try Self.tool("newgidmap"))
  }

  /// The command that gives a user ids, with a range that nobody has yet.
  static func advice(_ caller: Caller, _ files: [String]) -> String {
    let size: UInt32 = 65536
    var first: UInt32 = 100_000
    for line in files.joined(separator: "\n").split(separator: "\n") {
      let fields = line.split(separator: ":")
      guard fields.count == 3, let start = UInt32(fields[1]), let count = UInt32(fields[2]) else { continue }
      if start <= UInt32.max - count - size { first = max(first, start + count) }
    }
    let range = "\(first)-\(first + size - 1)"
    return """
      user \(caller.name) has no subordinate ids: containers have one id only, and images with files of other users \
      cannot be unpacked; the administrator can give some: \
      usermod --add-subuids \(range) --add-subgids \(range) \(caller.name), then: berth system migrate
      """
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
    throw Problem(
      code: .denied, message: "\(tool): \(refusal)",
      hint:
        "it must be setuid root or hold cap_setuid/cap_setgid, and /etc/subuid and /etc/subgid must allow the ranges")
  }
}
