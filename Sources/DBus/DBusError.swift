package import Sys

/// What can go wrong in a conversation over D-Bus.
package enum DBusError: Error, Equatable, Sendable {
  /// A system call failed: no socket, a broken connection, a wait that ran out (`.timedOut`).
  case system(Errno)
  /// The peer does not take our identity.
  case refused(String)
  /// An error message came back: its name, such as "org.freedesktop.systemd1.UnitExists", and its text.
  case reply(name: String, text: String)
  /// Bytes that are no D-Bus.
  case malformed(String)
}

extension DBusError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .system(let errno): errno.description
    case .refused(let text): "the bus refuses this user: \(text)"
    case .reply(let name, let text): "\(text) (\(name))"
    case .malformed(let what): "not D-Bus: \(what)"
    }
  }
}
