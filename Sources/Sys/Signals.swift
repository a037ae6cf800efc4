import CSys
import Glibc

/// Signal names as kill(1) knows them. Source: signal(7).
public enum SignalName {
  private static let names: [(String, CInt)] = [
    ("HUP", 1), ("INT", 2), ("QUIT", 3), ("ILL", 4), ("TRAP", 5), ("ABRT", 6), ("BUS", 7), ("FPE", 8), ("KILL", 9),
    ("USR1", 10), ("SEGV", 11), ("USR2", 12), ("PIPE", 13), ("ALRM", 14), ("TERM", 15), ("STKFLT", 16), ("CHLD", 17),
    ("CONT", 18), ("STOP", 19), ("TSTP", 20), ("TTIN", 21), ("TTOU", 22), ("URG", 23), ("XCPU", 24), ("XFSZ", 25),
    ("VTALRM", 26), ("PROF", 27), ("WINCH", 28), ("IO", 29), ("PWR", 30), ("SYS", 31),
    ("IOT", 6), ("POLL", 29), ("CLD", 17), ("RTMIN", 34), ("RTMAX", 64),
  ]
  /// A name or number in any case, with or without `SIG`, `RTMIN+n` and `RTMAX-n` included; nil where there is none.
  public static func number(of text: String) -> CInt? {
    if let number = CInt(text) { return (1...64).contains(number) ? number : nil }
    var name = text.uppercased()
    if name.hasPrefix("SIG") { name.removeFirst(3) }
    if let known = names.first(where: { $0.0 == name }) { return known.1 }
    if name.hasPrefix("RTMIN+"), let n = CInt(name.dropFirst(6)), (0...30).contains(n) { return 34 + n }
    if name.hasPrefix("RTMAX-"), let n = CInt(name.dropFirst(6)), (0...30).contains(n) { return 64 - n }
    return nil
  }
  /// "SIGTERM"; "SIGRTMIN+3"; the number where it has no name.
  public static func name(of number: CInt) -> String {
    if let known = names.first(where: { $0.1 == number }) { return "SIG" + known.0 }
    return (35...63).contains(number) ? "SIGRTMIN+\(number - 34)" : "\(number)"
  }
}

package func blockSignals(_ signals: [CInt]) throws(Errno) {
  var set = sigset_t()
  sigemptyset(&set)
  for signal in signals { sigaddset(&set, signal) }
  try check(csys_sigprocmask(SIG_BLOCK, &set, nil))
}
/// A descriptor that reports these signals (block them first). Source: signalfd(2).
package func signalDescriptor(_ signals: [CInt]) throws(Errno) -> OwnedFD {
  var set = sigset_t()
  sigemptyset(&set)
  for signal in signals { sigaddset(&set, signal) }
  return OwnedFD(adopting: try check(csys_signalfd(-1, &set, SFD_NONBLOCK_)))
}
private let SFD_NONBLOCK_: CInt = 0o4000
