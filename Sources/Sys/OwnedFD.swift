import CSys
import Glibc

/// A file descriptor with one owner: closed when the owner goes.
public struct OwnedFD: ~Copyable, Sendable {
  private let number: CInt

  public init(adopting number: CInt) {
    precondition(number >= 0, "not an fd: \(number)")
    self.number = number
  }

  deinit { _ = csys_close(number) }  // never retried: close(2), NOTES

  /// The number, lent: valid only while this value lives.
  package var borrowed: CInt { number }

  /// Hands the number to a new owner.
  public consuming func release() -> CInt {
    let number = number
    discard self
    return number
  }

  /// A second descriptor of the same open file, close-on-exec.
  package borrowing func duplicate() throws(Errno) -> OwnedFD {
    OwnedFD(adopting: try check(csys_fcntl(number, F_DUPFD_CLOEXEC, 0)))
  }

  /// Keeps the descriptor open across `execve`.
  package borrowing func inheritOnExec() throws(Errno) { try check(csys_fcntl(number, F_SETFD, 0)) }

  package borrowing func setNonBlocking(_ on: Bool = true) throws(Errno) {
    let flags = try check(csys_fcntl(number, F_GETFL, 0))
    try check(csys_fcntl(number, F_SETFL, Int(on ? flags | O_NONBLOCK : flags & ~O_NONBLOCK)))
  }
}

/// Both ends of pipe(2).
@frozen package struct Pipe: ~Copyable {
  package var reader: OwnedFD
  package var writer: OwnedFD
  package init(reader: consuming OwnedFD, writer: consuming OwnedFD) {
    self.reader = reader
    self.writer = writer
  }
  /// - Parameter flags: `O_NONBLOCK`, `O_DIRECT`; close-on-exec always.
  package static func make(flags: CInt = 0) throws(Errno) -> Pipe {
    var ends: (CInt, CInt) = (-1, -1)
    try withUnsafeMutableBytes(of: &ends) { (bytes) throws(Errno) in
      _ = try check(csys_pipe2(bytes.baseAddress!.assumingMemoryBound(to: CInt.self), flags))
    }
    return Pipe(reader: OwnedFD(adopting: ends.0), writer: OwnedFD(adopting: ends.1))
  }
  /// Closes the writing end (a child has its own) and hands over the other.
  package consuming func closingWriter() -> OwnedFD { reader }
  /// Closes the reading end and hands over the other.
  package consuming func closingReader() -> OwnedFD { writer }
}

/// Both ends of socketpair(2), `AF_UNIX`.
@frozen package struct SocketPair: ~Copyable {
  package var first: OwnedFD
  package var second: OwnedFD
  package init(first: consuming OwnedFD, second: consuming OwnedFD) {
    self.first = first
    self.second = second
  }
  /// - Parameter type: `SOCK_STREAM`, `SOCK_SEQPACKET`.
  package static func make(type: CInt) throws(Errno) -> SocketPair {
    var ends: (CInt, CInt) = (-1, -1)
    try withUnsafeMutableBytes(of: &ends) { (bytes) throws(Errno) in
      _ = try check(csys_socketpair(AF_UNIX, type, 0, bytes.baseAddress!.assumingMemoryBound(to: CInt.self)))
    }
    return SocketPair(first: OwnedFD(adopting: ends.0), second: OwnedFD(adopting: ends.1))
  }
  /// Closes the second end (a child has its own) and hands over the first.
  package consuming func closingSecond() -> OwnedFD { first }
}
