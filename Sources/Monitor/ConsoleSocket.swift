import CSys
import Glibc
import Problems
import Sys

/// The socket over which the runtime hands over the terminal. Source: runc, docs/terminals.md, "Detached".
struct ConsoleSocket: ~Copyable {
  enum Limit {
    /// Bytes of a path that every runtime can put into sockaddr_un.
    static let pathBytesMax = 107
  }
  let listener: OwnedFD
  private let path: String
  /// Keeps the short name in /proc alive.
  private let directory: OwnedFD
  /// What the runtime is told: a path that fits into an address.
  let name: String

  init(_ path: String) throws(Problem) {
    _ = csys_unlinkat(AT_FDCWD, path, 0)
    let listener = try doing("listen on \(path)") { () throws(Errno) in
      try listenUnix(path, type: Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), backlog: 1)
    }
    let directory = try doing("open \(parentPath(of: path))") { () throws(Errno) in
      try open(parentPath(of: path), O_RDONLY | O_DIRECTORY)
    }
    let short = "/proc/\(getpid())/fd/\(directory.borrowed)/\(path.split(separator: "/").last ?? "")"
    name = path.utf8.count <= Limit.pathBytesMax ? path : short
    self.path = path
    self.listener = listener
    self.directory = directory
  }

  deinit { _ = csys_unlinkat(AT_FDCWD, path, 0) }

  /// The terminal's master, non-blocking; nil while the runtime has not sent it.
  func terminal() throws(Errno) -> OwnedFD? {
    let raw = csys_accept4(listener.borrowed, 0)
    if raw == -EAGAIN { return nil }
    let connection = OwnedFD(adopting: try check(raw))
    let message = try receive(connection, bytesMax: 4096, descriptorsMax: 1)
    guard let number = message.descriptors.first else { throw .badDescriptor }
    let master = OwnedFD(adopting: number)
    try master.setNonBlocking()
    return master
  }
}
