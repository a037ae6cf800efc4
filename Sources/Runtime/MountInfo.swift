import Sys

/// One line of /proc/PID/mountinfo. Source: proc(5).
struct MountInfo {
  /// What of the filesystem is mounted: "/" is all of it.
  let root: String
  /// Where, as this process sees it.
  let point: String
  let type: String

  /// All mounts of this process's namespace, in their order.
  static func own() throws(Errno) -> [MountInfo] { parse(try readText("/proc/self/mountinfo")) }

  static func parse(_ text: String) -> [MountInfo] {
    text.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ")
      guard let dash = fields.firstIndex(of: "-"), dash >= 6, dash + 1 < fields.count else { return nil }
      return MountInfo(root: plain(fields[3]), point: plain(fields[4]), type: String(fields[dash + 1]))
    }
  }
  /// The kernel writes space, tab, newline and backslash as three octal digits.
  private static func plain(_ text: Substring) -> String {
    var result: [UInt8] = []
    var rest = Array(text.utf8)[...]
    while let byte = rest.popFirst() {
      if byte == UInt8(ascii: "\\"), let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8) {
        result.append(code)
        rest = rest.dropFirst(3)
      } else {
        result.append(byte)
      }
    }
    return String(decoding: result, as: UTF8.self)
  }
}
