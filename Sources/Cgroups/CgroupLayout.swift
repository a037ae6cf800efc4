import CSys
import Glibc
package import Problems
import Sys

/// Where this host has its cgroup hierarchies: version 2 only, version 1 only, or both ("hybrid").
package struct CgroupLayout: Sendable {
  package enum Version: Int, Sendable { case one = 1, two = 2 }

  /// One tree of cgroups.
  package struct Hierarchy: Hashable, Sendable {
    package let version: Version
    /// Version 1: "cpu", "cpuacct", ... or "name=systemd"; empty for version 2, whose cgroups say themselves.
    package let controllers: [String]
    package let mountPoint: String
    /// This process's own cgroup: an absolute path below the mount point.
    package let ownPath: String
  }
  package let hierarchies: [Hierarchy]
  /// Version 2 and nothing else.
  package var isUnified: Bool { hierarchies.count == 1 && hierarchies[0].version == .two }

  package init(hierarchies: [Hierarchy]) { self.hierarchies = hierarchies }

  private static let root = "/sys/fs/cgroup"
  /// Source: linux/magic.h.
  private static let magic1 = 0x27_e0eb
  private static let magic2 = 0x6367_7270

  /// Reads the layout. The usual mount points are tried first: /proc/self/mountinfo is long on a busy host.
  package static func detect() throws(Problem) -> CgroupLayout {
    let memberships = try doing("read /proc/self/cgroup") { () throws(Errno) in
      parse(memberships: try readFile("/proc/self/cgroup"))
    }
    if fileSystem(root) == magic2 {
      let own = memberships.first { $0.controllers.isEmpty }?.path ?? "/"
      return CgroupLayout(hierarchies: [Hierarchy(version: .two, controllers: [], mountPoint: root, ownPath: own)])
    }
    var found: [Hierarchy] = []
    var mounts: [CgroupMount]?
    for membership in memberships {
      let version: Version = membership.controllers.isEmpty ? .two : .one
      var mountPoint: String? = usualMountPoint(membership.controllers)
      if fileSystem(mountPoint!) != (version == .one ? magic1 : magic2) {
        if mounts == nil { mounts = try CgroupMount.all() }
        mountPoint = mounts?.first { $0.holds(membership.controllers) }?.mountPoint
      }
      guard let mountPoint else { continue }
      found.append(
        Hierarchy(
          version: version, controllers: membership.controllers, mountPoint: mountPoint, ownPath: membership.path))
    }
    guard !found.isEmpty else {
      throw Problem(code: .unsupported, message: "no cgroup hierarchy is mounted", hint: "mount /sys/fs/cgroup")
    }
    return CgroupLayout(hierarchies: found)
  }

  private static func usualMountPoint(_ controllers: [String]) -> String {
    guard let first = controllers.first else { return root + "/unified" }
    if first.hasPrefix("name=") { return root + "/" + String(decoding: first.utf8.dropFirst(5), as: UTF8.self) }
    return root + "/" + joined(controllers)
  }
  static func joined(_ names: [String], _ separator: String = ",") -> String {
    var result = names.first ?? ""
    for name in names.dropFirst() { result += separator + name }
    return result
  }
  private static func fileSystem(_ path: String) -> Int? {
    var status = statfs()
    return csys_statfs(path, &status) == 0 ? Int(status.f_type) : nil
  }

  /// A line of /proc/[pid]/cgroup. Source: cgroups(7).
  struct Membership: Equatable {
    let controllers: [String]
    let path: String
  }
  /// Lines are "4:cpu,cpuacct:/path"; the path may hold colons.
  static func parse(memberships bytes: [UInt8]) -> [Membership] {
    let text = String(decoding: bytes, as: UTF8.self)
    var lines = text.utf8[...]
    var found: [Membership] = []
    found.reserveCapacity(16)
    while var line = lines.popField(UInt8(ascii: "\n")) {
      let start = line
      guard line.popField(UInt8(ascii: ":")) != nil, let names = line.popField(UInt8(ascii: ":")),
        names.endIndex != start.endIndex
      else { continue }
      let controllers = String(Substring(names)).fields(UInt8(ascii: ","))
      found.append(Membership(controllers: controllers, path: String(Substring(line))))
    }
    return found
  }
}

/// A cgroup line of /proc/self/mountinfo.
struct CgroupMount: Equatable {
  let mountPoint: String
  let version: CgroupLayout.Version
  let options: [String]

  func holds(_ controllers: [String]) -> Bool {
    controllers.isEmpty ? version == .two : version == .one && controllers.allSatisfy(options.contains)
  }

  static func all() throws(Problem) -> [CgroupMount] {
    try doing("read /proc/self/mountinfo") { () throws(Errno) in parse(try readText("/proc/self/mountinfo")) }
  }
  /// - Source: proc(5), /proc/[pid]/mountinfo.
  static func parse(_ text: String) -> [CgroupMount] {
    text.split(separator: "\n").compactMap { line in
      guard line.contains(" - cgroup") else { return nil }
      let fields = line.split(separator: " ")
      guard let dash = fields.firstIndex(of: "-"), dash > 4, fields.count > dash + 3 else { return nil }
      let version: CgroupLayout.Version? =
        fields[dash + 1] == "cgroup" ? .one : fields[dash + 1] == "cgroup2" ? .two : nil
      guard let version else { return nil }
      return CgroupMount(
        mountPoint: unescape(fields[4]), version: version,
        options: fields[dash + 3].split(separator: ",").map(String.init))
    }
  }
  /// Space, tab, newline and backslash are written as "\040" and the like.
  private static func unescape(_ text: Substring) -> String {
    guard text.contains("\\") else { return String(text) }
    var bytes: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), rest.count >= 3,
        let value = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
      {
        bytes.append(value)
        rest = rest.dropFirst(3)
      } else {
        bytes.append(byte)
      }
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
