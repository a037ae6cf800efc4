import CSys
import Glibc
import Sys

/// The ordinary user who started the command, and where that user's things are. Source: DESIGN.md part 3.
public struct Caller: Hashable, Sendable {
  public var uid: UInt32
  public var gid: UInt32
  /// Login name; the number where `/etc/passwd` does not know it.
  public var name: String
  public var home: String?

  /// nil where this process is root already, of the machine or of a user namespace.
  public static func current() -> Caller? {
    let uid = geteuid()
    if uid == 0 { return nil }
    let entry = passwdEntry(of: uid)
    let home = environmentVariable("HOME").flatMap { $0.hasPrefix("/") ? $0 : nil } ?? entry?.home
    return Caller(uid: uid, gid: getegid(), name: entry?.name ?? "\(uid)", home: home)
  }

  /// Images, volumes and state: `$XDG_DATA_HOME/berth`, else `~/.local/share/berth`; nil where neither is known.
  public var dataDirectory: String? {
    if let given = environmentVariable("XDG_DATA_HOME"), given.hasPrefix("/") { return given + "/berth" }
    return home.map { $0 + "/.local/share/berth" }
  }

  /// Sockets, pids and mounts: `$XDG_RUNTIME_DIR/berth`, else below /run/user, else a directory of the user's in /tmp.
  public var runtimeDirectory: String {
    if let given = environmentVariable("XDG_RUNTIME_DIR"), given.hasPrefix("/") { return given + "/berth" }
    let ofLogin = "/run/user/\(uid)"
    if let found = try? status(ofLogin), found.isDirectory, found.st_uid == uid { return ofLogin + "/berth" }
    return "/tmp/berth-run-\(uid)"
  }

  /// The login name of a user; the number where `/etc/passwd` does not know it.
  public static func name(of uid: UInt32) -> String { passwdEntry(of: uid)?.name ?? "\(uid)" }

  /// A name that a static program can find: NSS is not there for it. Source: passwd(5).
  private static func passwdEntry(of uid: UInt32) -> (name: String, home: String)? {
    guard let text = try? readText("/etc/passwd", limit: Limit.accountFileBytesMax) else { return nil }
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      if fields.count >= 6, UInt32(fields[2]) == uid { return (String(fields[0]), String(fields[5])) }
    }
    return nil
  }
}

enum Limit {
  /// Bytes of `/etc/passwd`, `/etc/subuid` and `/etc/subgid`.
  static let accountFileBytesMax = 8 << 20
  /// Ranges that one mapping may have. Source: user_namespaces(7).
  static let rangesMax = 340
}
