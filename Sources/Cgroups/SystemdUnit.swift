package import Problems

/// The unit of systemd's that stands for a container's cgroup.
package struct SystemdUnit: Hashable, Sendable {
  /// "crio-4f2a.scope".
  package let name: String
  /// "machine.slice"; empty where it does not matter any more.
  package let slice: String
  /// The caller's own manager, not the system's.
  package let isUser: Bool

  /// A unit that was started earlier.
  package init(name: String, isUser: Bool) {
    self.name = name
    slice = ""
    self.isUser = isUser
  }

  /// - Parameter path: `linux.cgroupsPath`, "slice:prefix:name"; an empty slice is the manager's usual one, and an
  ///   absent path is ":berth:<id>".
  /// - Throws: `.invalid` for other paths, and for names that systemd would not take.
  /// - Source: runc's docs/systemd.md; systemd.unit(5), systemd.slice(5).
  package init(path: String?, id: String, isUser: Bool) throws(Problem) {
    let text = path.flatMap { $0.isEmpty ? nil : $0 } ?? ":berth:\(id)"
    let fields = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard fields.count == 3 else {
      throw Problem(
        code: .invalid, message: "cgroup path \"\(text)\" is not slice:prefix:name",
        hint: "the systemd driver names a unit; a path is for the cgroupfs driver")
    }
    slice = fields[0].isEmpty ? (isUser ? "user.slice" : "system.slice") : fields[0]
    self.isUser = isUser
    _ = try Self.slicePath(slice)
    guard !fields[2].isEmpty else { throw Problem(code: .invalid, message: "cgroup path \"\(text)\" has no name") }
    name =
      fields[2].hasSuffix(".slice")
      ? fields[2] : (fields[1].isEmpty ? "" : fields[1] + "-") + fields[2] + ".scope"
    guard name.utf8.count <= 255, name.utf8.allSatisfy(Self.isAllowed) else {
      throw Problem(code: .invalid, message: "systemd takes no unit of the name \"\(name)\"")
    }
  }

  /// Of letters, digits and ":-_.\@". Source: systemd.unit(5).
  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): true
    case UInt8(ascii: "0")...UInt8(ascii: ":"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."): true
    case UInt8(ascii: "\\"), UInt8(ascii: "@"): true
    default: false
    }
  }

  /// Where the manager puts the unit, below its own cgroup: "/a.slice/a-b.slice/crio-4f2a.scope".
  package var path: String { ((try? Self.slicePath(slice)) ?? "") + "/" + name }

  /// "a-b.slice" is inside "a.slice"; "-.slice" is the root.
  static func slicePath(_ slice: String) throws(Problem) -> String {
    guard slice.hasSuffix(".slice"), slice != ".slice", !slice.contains("/") else {
      throw Problem(code: .invalid, message: "cgroup slice \"\(slice)\" does not end in .slice")
    }
    if slice == "-.slice" { return "" }
    var path = ""
    var prefix = ""
    for part in slice.dropLast(6).split(separator: "-", omittingEmptySubsequences: false) {
      guard !part.isEmpty else {
        throw Problem(code: .invalid, message: "cgroup slice \"\(slice)\" has an empty part")
      }
      prefix += (prefix.isEmpty ? "" : "-") + part
      path += "/\(prefix).slice"
    }
    return path
  }
}
