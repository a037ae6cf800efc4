import CSys
import Glibc
import Problems
import Sys

/// A line that the terminal on standard input does not show.
enum SecretLine {
  private enum Limit {
    /// A terminal's own limit of a line. Source: termios(3), "Canonical and noncanonical mode".
    static let bytesMax = 4096
  }
  /// What ends a program that waits for its user.
  private static let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]

  /// - Parameter prompt: shown once nothing of what is typed can be seen any more.
  /// - Returns: the line without its end; nil at the end of the input.
  static func read(_ prompt: String) throws(Problem) -> String? {
    var before = termios()
    try doing("ask on the terminal") { () throws(Errno) in
      try check(csys_tcgetattr(0, &before))
      try blockSignals(signals)
    }
    var silent = before
    silent.c_lflag &= ~tcflag_t(ECHO)
    _ = csys_tcsetattr(0, TCSAFLUSH, &silent)
    let result: Result<Answer, Problem>
    do throws(Problem) {
      result = .success(
        try doing("read the password") { () throws(Errno) in
          try writeAll(1, prompt)
          return try wait()
        })
    } catch { result = .failure(error) }
    // Before anything else: whoever comes next must see what he types.
    _ = csys_tcsetattr(0, TCSAFLUSH, &before)
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    switch try result.get() {
    case .line(let text):
      _ = csys_sigprocmask(SIG_UNBLOCK, &set, nil)
      return text
    case .signal(let number):
      // The newline that the user did not type: the shell's prompt gets a line of its own.
      try? writeAll(1, "\n")
      _ = csys_kill(getpid(), number)
      _ = csys_sigprocmask(SIG_UNBLOCK, &set, nil)
      return nil  // the signal is ignored, by nohup for example
    }
  }

  private enum Answer {
    case line(String?)
    case signal(CInt)
  }

  private static func wait() throws(Errno) -> Answer {
    let watched = try signalDescriptor(signals)
    var polls = [0, watched.borrowed].map { pollfd(fd: $0, events: CShort(POLLIN), revents: 0) }
    while true {
      _ = try uninterrupted { () throws(Errno) in try check(csys_poll(&polls, CUnsignedInt(polls.count), -1)) }
      if polls[1].revents != 0 {
        var info = signalfd_siginfo()
        if csys_read(watched.borrowed, &info, MemoryLayout<signalfd_siginfo>.size) > 0 {
          return .signal(CInt(info.ssi_signo))
        }
      }
      if polls[0].revents == 0 { continue }
      var bytes = [UInt8](repeating: 0, count: Limit.bytesMax)
      let count = try check(bytes.withUnsafeMutableBytes { csys_read(0, $0.baseAddress, $0.count) })
      if count == 0 { return .line(nil) }
      return .line(String(decoding: bytes[..<count].prefix { $0 != 10 && $0 != 13 }, as: UTF8.self))
    }
  }
}
