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
        try Self.put("/proc/\(pid)/setgroups", "deny")
        try Self.put("/proc/\(pid)/uid_map", "0 \(caller.uid) 1")
        try Self.put("/proc/\(pid)/gid_map", "0 \(caller.gid) 1")
      }
      return
    }
    try Self.run(tools.uid, ["\(pid)"] + uids.words)
    try Self.run(tools.gid, ["\(pid)"] + gids.words)
  }
  private static func put(_ path: String, _ text: String) throws(Errno) {
    let file = try open(path, O_WRONLY)
    _ = try check(text.withCString { csys_write(file.borrowed, $0, text.utf8.count) })
  }

  private static func run(_ tool: String, _ words: [String]) throws(Problem) {
    let outcome = try doing("run \(tool)") { () throws(Errno) in
      let pipe = try Pipe.make()
      var spawn = Spawn(tool, words, environment: [])
      spawn.descriptors = [-1, -1, pipe.writer.borrowed]
      let child = try spawn.start()
      let errors = pipe.closingWriter()
      let text = try readAll(errors, limit: 1 << 16)
      return (text: text, status: try child.wait())
    }
    guard outcome.status != .exited(code: 0) else { return }
    let words = String(decoding: outcome.text, as: UTF8.self).split(separator: "\n").first.map(String.init)
    throw Problem(
      code: .denied, message: "\(tool): \(words ?? "failed")",
      hint:
        "it must be setuid root or hold cap_setuid/cap_setgid, and /etc/subuid and /etc/subgid must allow the ranges")
  }
}
