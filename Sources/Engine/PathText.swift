/// Path arithmetic on text, for names that a user gave; nothing here looks at a file system.
enum PathText {
  /// Without empty and "." components; ".." takes one away. Absolute stays absolute.
  static func normal(_ path: String) -> String {
    var parts: [Substring] = []
    for part in path.split(separator: "/") where part != "." {
      if part == ".." { _ = parts.popLast() } else { parts.append(part) }
    }
    return (path.hasPrefix("/") ? "/" : "") + parts.joined(separator: "/")
  }
  /// `path` itself or something below `directory`.
  static func isInside(_ path: String, _ directory: String) -> Bool {
    path == directory || directory == "/" || path.hasPrefix(directory + "/")
  }
}
