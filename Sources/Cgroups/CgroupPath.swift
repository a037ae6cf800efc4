import Sys

/// Names of cgroups, as a bundle gives them.
package enum CgroupPath {
  /// Resolves "", "." and ".." textually: a path never leads out of where it starts.
  package static func clean(_ path: String) -> String {
    var parts: [String] = []
    for part in path.fields(UInt8(ascii: "/")) where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return CgroupLayout.joined(parts, "/")
  }
}
