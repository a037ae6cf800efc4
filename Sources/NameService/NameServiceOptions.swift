package import Problems

/// The command line of `berth-dns`.
package struct NameServiceOptions: Equatable, Sendable {
  package var directory = ""
  package var port: UInt16 = 53
  package var pidFile: String?
  /// Stays in the foreground: the caller's child, ended by SIGTERM.
  package var isForeground = false

  package static let usage = """
    Usage: berth-dns --directory DIR [--port N] [--pid-file FILE] [--foreground]

    Answers for the names of containers: one file per network in DIR, which berth writes. Serves in the background
    until no network is left; where a service runs for DIR already, it ends when that one has read the newest files.

      --directory DIR   where the networks' files are
      --port N          listen on this port (53)
      --pid-file FILE   write the service's process id there; empty when it has ended
      --foreground      do not leave the caller

    """

  package init() {}

  /// - Returns: nil where help was asked for.
  /// - Throws: `.invalid`, naming the argument.
  package init?(_ arguments: [String]) throws(Problem) {
    var rest = arguments[...]
    while let argument = rest.popFirst() {
      if argument == "--help" || argument == "-h" { return nil }
      if argument == "--foreground" {
        isForeground = true
        continue
      }
      let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard ["--directory", "--port", "--pid-file"].contains(parts[0]) else {
        throw Problem(code: .invalid, message: "unknown argument \(argument)", hint: "see berth-dns --help")
      }
      guard let value = parts.count == 2 ? parts[1] : rest.popFirst(), !value.isEmpty else {
        throw Problem(code: .invalid, message: "\(parts[0]) needs a value")
      }
      switch parts[0] {
      case "--directory": directory = value
      case "--pid-file": pidFile = value
      default:
        guard let number = UInt16(value), number > 0 else {
          throw Problem(code: .invalid, message: "--port \(value) is no port", hint: "use a number from 1 to 65535")
        }
        port = number
      }
    }
    guard directory.hasPrefix("/") else {
      throw Problem(code: .invalid, message: "--directory needs an absolute path")
    }
  }
}
