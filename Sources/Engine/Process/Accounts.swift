import Glibc
import Problems
import Rootless
import Sys

/// Who a container's process is, resolved in the container's own passwd and group files, never in the host's.
/// Source: capability lines PD-120, LP-38, G.9; passwd(5), group(5).
struct ProcessIdentity: Hashable, Sendable {
  var uid: UInt32 = 0
  var gid: UInt32 = 0
  var groups: [UInt32] = []
  /// nil where passwd does not know the user.
  var home: String?
  var name: String?
}

/// The two account files of a root filesystem, parsed as far as needed.
struct Accounts: Sendable {
  struct User: Hashable, Sendable {
    var name: String
    var uid: UInt32
    var gid: UInt32
    var home: String
  }
  struct Group: Hashable, Sendable {
    var name: String
    var gid: UInt32
    var members: [String]
  }
  var users: [User] = []
  var groups: [Group] = []

  enum Limit {
    /// Ids that chown and setuid take everywhere. Source: Docker's `--user` range.
    static let idMax: UInt32 = 0x7fff_ffff
    /// Bytes of one account file; what strangers ship should not fill the memory.
    static let fileBytesMax = 8 << 20
  }

  /// Lines that are not entries are skipped, as glibc does.
  init(passwd: String, group: String) {
    for line in passwd.split(separator: "\n") {
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count >= 4, !fields[0].isEmpty, let uid = UInt32(fields[2]), let gid = UInt32(fields[3]) else {
        continue
      }
      let home = fields.count > 5 ? String(fields[5]) : ""
      users.append(User(name: String(fields[0]), uid: uid, gid: gid, home: home))
    }
    for line in group.split(separator: "\n") {
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count >= 3, !fields[0].isEmpty, let gid = UInt32(fields[2]) else { continue }
      let members = fields.count > 3 ? fields[3].split(separator: ",").map(String.init) : []
      groups.append(Group(name: String(fields[0]), gid: gid, members: members))
    }
  }

  /// Reads both files inside `root`; a missing one is empty.
  static func read(in root: borrowing OwnedFD) throws(Problem) -> Accounts { try AccountFiles(in: root).parsed }
  fileprivate static func text(in root: borrowing OwnedFD, _ path: String) throws(Problem) -> String {
    do throws(Errno) {
      let file = try openInRoot(root, path, O_RDONLY | O_NONBLOCK)
      guard try status(file).isRegular else { return "" }
      return String(decoding: try readAll(file, limit: Limit.fileBytesMax), as: UTF8.self)
    } catch {
      switch error {
      case .notFound, .notDirectory, .symlinkLoop: return ""
      default:
        throw Problem(
          code: .init(error), message: "read /\(path) of the container",
          hint: error.rawValue == ENOTCONN ? "the program that served its files has ended: berth restart it" : nil,
          cause: error)
      }
    }
  }

  /// - Parameter user: name|uid[:group|gid]; "" is root.
  /// - Throws: `.invalid` for a name that the files do not know.
  func resolve(user text: String, groupAdd: [String]) throws(Problem) -> ProcessIdentity {
    let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let user = parts.first ?? ""
    var identity = ProcessIdentity()
    let entry = users.first { $0.name == user } ?? (user.isEmpty ? users.first { $0.uid == 0 } : nil)
    if let entry = entry ?? UInt32(user).flatMap({ uid in users.first { $0.uid == uid } }) {
      identity = ProcessIdentity(
        uid: entry.uid, gid: entry.gid, home: entry.home.isEmpty ? nil : entry.home, name: entry.name)
    } else if let uid = UInt32(user), uid <= Limit.idMax {
      identity.uid = uid
    } else if !user.isEmpty {
      throw Problem(
        code: .invalid, message: "user \"\(user)\" is not in the container's /etc/passwd",
        hint: "use a name from the image or a number up to \(Limit.idMax)")
    }
    if parts.count == 2 {
      identity.gid = try gid(of: parts[1])
    } else if let name = identity.name {
      identity.groups = groups.filter { $0.members.contains(name) }.map(\.gid)
    }
    for group in groupAdd {
      let gid = try gid(of: group)
      if !identity.groups.contains(gid) { identity.groups.append(gid) }
    }
    return identity
  }

  private func gid(of text: String) throws(Problem) -> UInt32 {
    if let entry = groups.first(where: { $0.name == text }) { return entry.gid }
    if let gid = UInt32(text), gid <= Limit.idMax { return gid }
    throw Problem(
      code: .invalid, message: "group \"\(text)\" is not in the container's /etc/group",
      hint: "use a name from the image or a number up to \(Limit.idMax)")
  }
}

/// The texts of the account files, to which users can be added. Source: capability lines PD-121, PD-131.
struct AccountFiles: Sendable {
  private(set) var passwd: String
  private(set) var group: String
  private(set) var hasNewUser = false
  private(set) var hasNewGroup = false

  init(in root: borrowing OwnedFD) throws(Problem) {
    passwd = try Accounts.text(in: root, "etc/passwd")
    group = try Accounts.text(in: root, "etc/group")
  }
  var parsed: Accounts { Accounts(passwd: passwd, group: group) }

  /// The user who started the command, where the container does not know the ids yet.
  mutating func addCaller(_ namespace: UserNamespace, home: String) {
    let (uid, gid) = (namespace.uids.callerID, namespace.gids.callerID)
    let accounts = parsed
    let name = Caller.name(of: uid)
    if !accounts.users.contains(where: { $0.uid == uid }) {
      let free = accounts.users.contains { $0.name == name } ? "\(uid)" : name
      passwd = Self.ended(passwd) + "\(free):*:\(uid):\(gid)::\(home):/bin/sh\n"
      hasNewUser = true
    }
    if !accounts.groups.contains(where: { $0.gid == gid }) {
      let free = accounts.groups.contains { $0.name == name } ? "\(gid)" : name
      group = Self.ended(group) + "\(free):x:\(gid):\n"
      hasNewGroup = true
    }
  }

  /// Who was named by numbers that the container does not know: programs ask for a name.
  /// Source: capability line PD-131.
  mutating func add(_ identity: ProcessIdentity, home: String) {
    let accounts = parsed
    if identity.uid != 0, identity.name == nil {
      passwd = Self.ended(passwd) + "\(identity.uid):*:\(identity.uid):\(identity.gid):container user:\(home):/bin/sh\n"
      hasNewUser = true
    }
    if identity.gid != 0, !accounts.groups.contains(where: { $0.gid == identity.gid }) {
      group = Self.ended(group) + "\(identity.gid):x:\(identity.gid):\(identity.name ?? "\(identity.uid)")\n"
      hasNewGroup = true
    }
  }
  private static func ended(_ text: String) -> String { text.isEmpty || text.hasSuffix("\n") ? text : text + "\n" }
}
