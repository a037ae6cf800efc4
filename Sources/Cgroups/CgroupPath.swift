package import Problems

/// Names of cgroups, as a bundle gives them.
package enum CgroupPath {
  /// Resolves "", "." and ".." textually: a path never leads out of where it starts.
  package static func clean(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return parts.joined(separator: "/")
  }

  /// "system.slice:prefix:name", as engines with the systemd driver write it, becomes a path of nested slices:
  /// "a-b.slice:crio:id" is "/a.slice/a-b.slice/crio-id.scope".
  ///
  /// - Source: runc's docs/systemd.md; systemd.slice(5).
  package static func expandingSystemd(_ text: String) throws(Problem) -> String {
    let fields = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
    guard fields.count == 3 else {
      throw Problem(code: .invalid, message: "cgroup path \"\(text)\" is not slice:prefix:name")
    }
    let slice = fields[0].isEmpty ? "system.slice" : fields[0]
    guard slice.hasSuffix(".slice"), !slice.contains("/") else {
      throw Problem(code: .invalid, message: "cgroup slice \"\(slice)\" does not end in .slice")
    }
    let name = fields[2]
    guard !name.isEmpty else { throw Problem(code: .invalid, message: "cgroup path \"\(text)\" has no name") }
    var path = ""
    if slice != "-.slice" {
      var prefix = ""
      for part in slice.dropLast(6).split(separator: "-", omittingEmptySubsequences: false) {
        guard !part.isEmpty else {
          throw Problem(code: .invalid, message: "cgroup slice \"\(slice)\" has an empty part")
        }
        prefix += (prefix.isEmpty ? "" : "-") + part
        path += "/\(prefix).slice"
      }
    }
    if name.hasSuffix(".slice") { return "\(path)/\(name)" }
    return path + "/" + (fields[1].isEmpty ? "" : fields[1] + "-") + name + ".scope"
  }
}
