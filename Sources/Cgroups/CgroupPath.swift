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
}
