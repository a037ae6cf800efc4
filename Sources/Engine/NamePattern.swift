import Glibc
import Problems

/// A filter of names: a regular expression, as podman takes it. Source: podman-ps(1), podman-network-ls(1).
final class NamePattern {
  private var compiled = regex_t()
  private enum Limit {
    /// Bytes; names are shorter.
    static let patternBytesMax = 1024
  }

  init(_ text: String, flag: String) throws(Problem) {
    guard text.utf8.count <= Limit.patternBytesMax else {
      throw FlagValue.invalid(text, flag, "longer than \(Limit.patternBytesMax) bytes")
    }
    guard regcomp(&compiled, text, REG_EXTENDED | REG_NOSUB) == 0 else {
      throw FlagValue.invalid(text, flag, "not a regular expression")
    }
  }
  deinit { regfree(&compiled) }

  /// Whether it fits anywhere in the name.
  func matches(_ name: String) -> Bool { regexec(&compiled, name, 0, nil, 0) == 0 }
}
