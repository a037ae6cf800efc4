import CSys
import Glibc

/// A failed system call's error number, as errno(3) lists them.
public struct Errno: Error, RawRepresentable, Hashable, Sendable {
  public let rawValue: CInt
  public init(rawValue: CInt) { self.rawValue = rawValue }

  public static let notPermitted = Errno(rawValue: EPERM)
  public static let notFound = Errno(rawValue: ENOENT)
  public static let noSuchProcess = Errno(rawValue: ESRCH)
  public static let interrupted = Errno(rawValue: EINTR)
  public static let inputOutput = Errno(rawValue: EIO)
  public static let badDescriptor = Errno(rawValue: EBADF)
  public static let noChild = Errno(rawValue: ECHILD)
  public static let wouldBlock = Errno(rawValue: EAGAIN)
  public static let noMemory = Errno(rawValue: ENOMEM)
  public static let accessDenied = Errno(rawValue: EACCES)
  public static let busy = Errno(rawValue: EBUSY)
  public static let exists = Errno(rawValue: EEXIST)
  public static let crossDevice = Errno(rawValue: EXDEV)
  public static let notDirectory = Errno(rawValue: ENOTDIR)
  public static let isDirectory = Errno(rawValue: EISDIR)
  public static let invalid = Errno(rawValue: EINVAL)
  public static let noSpace = Errno(rawValue: ENOSPC)
  public static let brokenPipe = Errno(rawValue: EPIPE)
  public static let noSystemCall = Errno(rawValue: ENOSYS)
  public static let notEmpty = Errno(rawValue: ENOTEMPTY)
  public static let symlinkLoop = Errno(rawValue: ELOOP)
  public static let notSupported = Errno(rawValue: EOPNOTSUPP)
  public static let noData = Errno(rawValue: ENODATA)
  public static let connectionRefused = Errno(rawValue: ECONNREFUSED)
  public static let timedOut = Errno(rawValue: ETIMEDOUT)
}

extension Errno: CustomStringConvertible {
  /// The system's text, such as "No such file or directory".
  public var description: String { String(cString: strerror(rawValue)) }
}

/// Turns a shim's `-errno` into an error.
@inlinable @discardableResult
package func check(_ result: CInt) throws(Errno) -> CInt {
  if result < 0 { throw Errno(rawValue: -result) }
  return result
}

/// As `check`, for calls that count bytes.
@inlinable @discardableResult
package func check(_ result: Int) throws(Errno) -> Int {
  if result < 0 { throw Errno(rawValue: CInt(-result)) }
  return result
}

/// Repeats a call that a signal interrupted (`EINTR`).
package func uninterrupted<R: ~Copyable>(_ call: () throws(Errno) -> R) throws(Errno) -> R {
  while true {
    do { return try call() } catch  where error == .interrupted { continue }
  }
}
