package import Problems

/// How the tar of a layer comes.
package enum UnpackCompression: String, CaseIterable, Sendable {
  /// By its first bytes: what media types say is often wrong.
  case auto, none, gzip, zstd
}

/// What one worker shall do: `berth-unpack`'s command line.
package struct UnpackOptions: Hashable, Sendable {
  package var compression = UnpackCompression.auto
  /// Bytes of the unpacked tar, and of what it makes on disk.
  package var limitBytes: Int64 = 256 << 30
  /// Entries of the tar.
  package var limitEntries = 10_000_000
  /// Ends with one syncfs(2): everything is on the disk when the answer comes.
  package var sync = false

  package init() {}

  package var arguments: [String] {
    [
      "--compression", compression.rawValue, "--limit-bytes", String(limitBytes), "--limit-entries",
      String(limitEntries),
    ] + (sync ? ["--sync"] : [])
  }

  /// - Parameter arguments: without the program's name.
  package init(parsing arguments: [String]) throws(Problem) {
    var rest = arguments[...]
    func number<I: FixedWidthInteger>(_ flag: String, _ text: String?) throws(Problem) -> I {
      guard let text, let value = I(text), value >= 0 else {
        throw Problem(code: .invalid, message: "\(flag) needs a number")
      }
      return value
    }
    while let flag = rest.popFirst() {
      switch flag {
      case "--compression":
        let text = rest.popFirst() ?? ""
        guard let value = UnpackCompression(rawValue: text) else {
          throw Problem(code: .invalid, message: "--compression needs auto, none, gzip or zstd, not \"\(text)\"")
        }
        compression = value
      case "--limit-bytes": limitBytes = try number(flag, rest.popFirst())
      case "--limit-entries": limitEntries = try number(flag, rest.popFirst())
      case "--sync": sync = true
      default: throw Problem(code: .invalid, message: "unknown argument \"\(flag)\"")
      }
    }
  }
}
