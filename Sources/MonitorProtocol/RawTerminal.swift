import CSys
import Glibc
package import Sys

/// A terminal in raw mode: as it was before when this value goes, however it goes.
package struct RawTerminal: ~Copyable {
  private let fd: CInt
  private let before: termios

  /// - Parameter fd: lent, for as long as this value lives.
  package init(_ fd: CInt) throws(Errno) {
    var attributes = termios()
    try check(csys_tcgetattr(fd, &attributes))
    let before = attributes
    cfmakeraw(&attributes)
    try check(csys_tcsetattr(fd, TCSADRAIN, &attributes))
    self.fd = fd
    self.before = before
  }

  deinit {
    var attributes = before
    _ = csys_tcsetattr(fd, TCSADRAIN, &attributes)
  }
  /// Ends raw mode here and now.
  package consuming func restore() {}

  package static func isTerminal(_ fd: CInt) -> Bool {
    var attributes = termios()
    return csys_tcgetattr(fd, &attributes) == 0
  }
  /// nil where it is no terminal, or does not know.
  package static func size(_ fd: CInt) -> (rows: UInt16, columns: UInt16)? {
    var rows: UInt16 = 0
    var columns: UInt16 = 0
    guard csys_get_window_size(fd, &rows, &columns) == 0, rows > 0, columns > 0 else { return nil }
    return (rows, columns)
  }
}
