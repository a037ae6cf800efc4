import Glibc
import Sys
import TestKit
import Testing

/// An engine of a user without any privilege, whom only this test knows: the account files are bound over the host's in
/// a mount namespace of each command.
struct OrdinaryUser {
  static let uid = 31_777
  let scratch: String
  var home: String { scratch + "/home" }
  var runtimeDirectory: String { scratch + "/xdg" }

  /// - Parameter subordinate: whether `/etc/subuid` and `/etc/subgid` give the user ids.
  static func with<R>(subordinate: Bool = true, _ name: String = #function, _ body: (OrdinaryUser) throws -> R) throws
    -> R
  {
    try withScratch(name) { scratch in
      let user = OrdinaryUser(scratch: scratch)
      try TestKit.run(["chmod", "755", scratch])
      for directory in [user.home, user.runtimeDirectory] {
        try makeDirectories(directory, mode: 0o700)
        try TestKit.run(["chown", "\(uid):\(uid)", directory])
      }
      // The machine's own may be root's alone; distributions give it to everybody.
      try TestKit.run(["mknod", "-m", "666", scratch + "/tun", "c", "10", "200"])
      try TestKit.run(["mknod", "-m", "666", scratch + "/fuse", "c", "10", "229"])
      let passwd = try readText("/etc/passwd") + "berthuser:x:\(uid):\(uid)::\(user.home):/bin/sh\n"
      try user.write("passwd", passwd)
      try user.write("subuid", subordinate ? "berthuser:3000000:65536\n" : "")
      try user.write("subgid", subordinate ? "berthuser:3000000:65536\n" : "")
      let outcome: Result<R, any Error>
      do { outcome = .success(try body(user)) } catch { outcome = .failure(error) }
      let removed = try user.berth("rm", "-f", "-a", "-t", "0")
      #expect(removed.code == 0, "rm -f -a: \(removed)")
      #expect(try user.berth("system", "migrate").code == 0)
      #expect(
        eventually(10) { processes(mentioning: scratch).isEmpty },
        "processes left behind: \(processes(mentioning: scratch))")
      return try outcome.get()
    }
  }

  func write(_ name: String, _ text: String) throws {
    try replaceFile("\(scratch)/\(name)", with: Array(text.utf8), mode: 0o644, durable: false)
  }

  @discardableResult
  func berth(_ arguments: String..., input: [UInt8]? = nil, environment: [String] = []) throws -> Outcome {
    try run([Installed.berth] + arguments, input: input, environment: environment)
  }
  /// Any program, as the user.
  func run(_ command: [String], input: [UInt8]? = nil, environment: [String] = []) throws -> Outcome {
    try TestKit.run(words(command, environment: environment), input: input)
  }
  /// The whole command line, for root. - Parameter prepared: a script that changes the machine for this command.
  func words(_ command: [String], environment: [String] = [], prepared: String = ":") -> [String] {
    let places =
      "for file in passwd subuid subgid; do mount --bind '\(scratch)'/$file /etc/$file || exit 99; done; "
      + "mount --bind '\(scratch)/tun' /dev/net/tun || exit 99; "
      + "[ ! -e /dev/fuse ] || mount --bind '\(scratch)/fuse' /dev/fuse || exit 99"
    let variables =
      ["HOME=\(home)", "XDG_RUNTIME_DIR=\(runtimeDirectory)", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin"]
      + environment
    return ["unshare", "-m", "sh", "-c", places + "; { \(prepared); } || exit 99; cd \"$0\" && exec \"$@\"", home]
      + ["setpriv", "--reuid", "\(Self.uid)", "--regid", "\(Self.uid)", "--clear-groups", "env", "-i"]
      + variables + command
  }
  static let mappers = ["newuidmap", "newgidmap"]
  /// As the user, on a machine without some programs. The user's namespace sees them where it is there already.
  func without(_ tools: [String], _ command: [String]) throws -> Outcome {
    let hide =
      "for tool in \(tools.joined(separator: " ")); do mount --bind /dev/null $(command -v $tool) || exit 99; done"
    return try TestKit.run(words(command, prepared: hide))
  }
  /// `berth` as the user, on a machine that root has changed: in mounts of the command's own.
  func prepared(_ script: String, _ arguments: [String], environment: [String] = []) throws -> Outcome {
    try TestKit.run(words([Installed.berth] + arguments, environment: environment, prepared: script))
  }
  @discardableResult
  func ok(_ arguments: String..., sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
    let outcome = try run([Installed.berth] + arguments)
    #expect(outcome.code == 0, "\(outcome)", sourceLocation: sourceLocation)
    return outcome.trimmed
  }
  func importBusybox() throws {
    try ok("import", "--change", "CMD [\"sh\"]", "--change", "ENV PATH=/bin", try archive(), "busybox")
  }
  /// A root filesystem with a file that is not root's. - Returns: the tar's path.
  func archive() throws -> String {
    let rootfs = scratch + "/busybox"
    try makeBusyboxRootfs(rootfs)
    try replaceFile(rootfs + "/tmp/ofUser", with: [], durable: false)
    try TestKit.run(["chown", "1000:2000", rootfs + "/tmp/ofUser"])
    try TestKit.run(["tar", "-C", rootfs, "-cf", scratch + "/busybox.tar", "."])
    return scratch + "/busybox.tar"
  }
}
