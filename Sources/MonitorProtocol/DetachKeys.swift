package import Problems

/// The keys that leave a session without ending it. Source: podman-attach(1), "--detach-keys".
package struct DetachKeys: Equatable, Sendable {
  /// The bytes that a terminal sends for them; empty means that no key detaches.
  package let bytes: [UInt8]

  package init(bytes: [UInt8]) { self.bytes = bytes }

  /// ctrl-p,ctrl-q
  package static let standard = DetachKeys(bytes: [0x10, 0x11])
  package static let none = DetachKeys(bytes: [])

  /// - Parameter text: keys with commas between them: a character, or `ctrl-` and one of `a-z @ [ \ ] ^ _`;
  ///   "" is none.
  /// - Throws: `.invalid` for anything else.
  package init(_ text: String) throws(Problem) {
    var bytes: [UInt8] = []
    if !text.isEmpty {
      for key in text.split(separator: ",", omittingEmptySubsequences: false) {
        guard let byte = DetachKeys.byte(of: key) else {
          throw Problem(
            code: .invalid, message: "detach keys \(text): no key \"\(key)\"",
            hint: "use single characters or ctrl-<a-z, @, [, \\, ], ^, _>, with commas between them")
        }
        bytes.append(byte)
      }
    }
    self.bytes = bytes
  }

  private static func byte(of key: Substring) -> UInt8? {
    let utf8 = Array(key.utf8)
    if utf8.count == 1, (0x20..<0x7f).contains(utf8[0]) { return utf8[0] }
    guard utf8.count == 6, key.lowercased().hasPrefix("ctrl-") else { return nil }
    switch utf8[5] {
    case UInt8(ascii: "a")...UInt8(ascii: "z"): return utf8[5] - 0x60
    case UInt8(ascii: "@")...UInt8(ascii: "_"): return utf8[5] - 0x40  // A to Z, too
    default: return nil
    }
  }
}

/// Watches typed bytes for the detach keys; what turns out to be no detach is passed on as it was typed.
package struct DetachWatch: Sendable {
  private let keys: [UInt8]
  /// The beginning of the keys, typed but not passed on.
  private var held: [UInt8] = []

  package init(_ keys: DetachKeys) { self.keys = keys.bytes }

  /// - Returns: the bytes to pass on, and whether the keys are complete (what follows them is dropped).
  package mutating func pass(_ typed: some Sequence<UInt8>) -> (bytes: [UInt8], isDetached: Bool) {
    if keys.isEmpty { return (Array(typed), false) }
    var passed: [UInt8] = []
    for byte in typed {
      held.append(byte)
      while !held.isEmpty, !keys.starts(with: held) { passed.append(held.removeFirst()) }
      if held.count == keys.count {
        held = []
        return (passed, true)
      }
    }
    return (passed, false)
  }

  /// The input has ended: what was held is passed on.
  package mutating func finish() -> [UInt8] {
    defer { held = [] }
    return held
  }
}
