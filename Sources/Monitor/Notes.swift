import Glibc
import MonitorProtocol
import Sys

/// The monitor's own trouble, for people: opened for each line, because there are hardly any.
struct Notes {
  let path: String?
  let id: String

  func write(_ text: String) {
    guard let path else { return }
    let line = "\(LogTime.now.text()) \(id.prefix(12)): \(text)\n"
    guard let file = try? open(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW, mode: 0o600) else { return }
    try? writeAll(file, line)  // a full disk has no room for complaints
  }
}
