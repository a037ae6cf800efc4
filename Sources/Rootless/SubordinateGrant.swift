import Sys

/// How an administrator gives somebody subordinate ids: with ids that nobody has yet. Source: usermod(8), subuid(5).
package enum SubordinateGrant {
  private enum Limit {
    /// What one user is usually given, and from where on. Source: login.defs(5), SUB_UID_COUNT and SUB_UID_MIN.
    static let count: UInt32 = 65536
    static let first: UInt32 = 100_000
  }
  private static let files = ["/etc/subuid", "/etc/subgid"]

  /// A command, ready to be typed.
  package static func command(for name: String) -> String {
    command(
      for: name, uids: true, gids: true, files.map { try? readText($0, limit: Rootless.Limit.accountFileBytesMax) })
  }
  /// A line for both files, for somebody who need not have an account.
  package static func line(for name: String) -> String {
    let texts = files.map { try? readText($0, limit: Rootless.Limit.accountFileBytesMax) }
    return "\(name):\(free(texts)):\(Limit.count)"
  }

  /// - Parameter texts: of subuid and subgid; nil where one is not there, which stops usermod.
  static func command(for name: String, uids: Bool, gids: Bool, _ texts: [String?]) -> String {
    let first = free(texts)
    let range = "\(first)-\(first + Limit.count - 1)"
    let wanted = zip(zip([uids, gids], ["--add-subuids", "--add-subgids"]), zip(files, texts)).filter { $0.0.0 }
    let missing = wanted.filter { $0.1.1 == nil }.map { $0.1.0 }
    let touch = missing.isEmpty ? "" : "touch \(missing.joined(separator: " ")) && "
    return touch + "usermod " + wanted.map { "\($0.0.1) \(range) " }.joined() + name
  }
  private static func free(_ texts: [String?]) -> UInt32 {
    var first = Limit.first
    for line in texts.compactMap({ $0 }).joined(separator: "\n").split(separator: "\n") {
      let fields = line.split(separator: ":")
      guard fields.count == 3, let start = UInt32(fields[1]), let count = UInt32(fields[2]) else { continue }
      if start <= UInt32.max - Limit.count, count <= UInt32.max - Limit.count - start {
        first = max(first, start + count)
      }
    }
    return first
  }
}
