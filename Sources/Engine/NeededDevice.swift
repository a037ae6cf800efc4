import Glibc
import Problems
import Sys

/// A device that a program opens for a container; some machines keep it for root.
enum NeededDevice: String {
  case tun = "/dev/net/tun"
  case fuse = "/dev/fuse"

  private var module: String {
    switch self {
    case .tun: "tun"
    case .fuse: "fuse"
    }
  }

  /// Why it cannot be opened, with the command that changes it; nil where it can.
  /// - Parameter failed: what needed it.
  func fault(_ failed: String) -> Problem? {
    do throws(Errno) {
      _ = try open(rawValue, O_RDWR)
      return nil
    } catch {
      let isClosed = error == .accessDenied || error == .notPermitted
      return Problem(
        code: .init(error), message: "\(failed): open \(rawValue)",
        hint: "the administrator can allow it: " + (isClosed ? "chmod 666 \(rawValue)" : "modprobe \(module)"),
        cause: error)
    }
  }
}
