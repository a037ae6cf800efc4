import CSys
import Glibc
import Problems
import Sys

/// The runtime while it stands in front of a container (`run`, `exec` without `--detach`): it forwards signals,
/// relays the terminal, and waits.
struct Foreground {
  let pid: pid_t
  /// The socket that brings the terminal's master; -1 without a terminal of our own.
  let console: CInt

  /// All that can be forwarded, and SIGCHLD, which tells the end.
  private static let signals: [CInt] = (1...31).filter {
    ![SIGKILL, SIGSTOP, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPIPE, SIGURG].contains($0)
  }
  static func blockSignals() throws(Problem) {
    try doing("block signals") { () throws(Errno) in try Sys.blockSignals(signals) }
  }

  func wait() throws(Problem) -> ExitStatus {
    try doing("wait for the container's process") { () throws(Errno) in
      var status: CInt = 0
      if try check(csys_wait4(pid, &status, WNOHANG)) == pid { return ExitStatus(waitStatus: status) }
      let descriptor = try signalDescriptor(Self.signals)
      while true {
        var polls = [pollfd(fd: descriptor.borrowed, events: Int16(POLLIN), revents: 0)]
        _ = try uninterrupted { () throws(Errno) in try check(csys_poll(&polls, 1, -1)) }
        var info = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        let raw = descriptor.borrowed
        if withUnsafeMutableBytes(of: &info, { csys_read(raw, $0.baseAddress, size) }) != size { continue }
        if info.ssi_signo == UInt32(SIGCHLD) {
          if try check(csys_wait4(pid, &status, WNOHANG)) == pid { return ExitStatus(waitStatus: status) }
        } else {
          _ = csys_kill(pid, CInt(info.ssi_signo))  // our own child, not yet reaped: the pid is its
        }
      }
    }
  }
}
