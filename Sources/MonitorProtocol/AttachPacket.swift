/// One packet of the attach protocol: a type byte and a payload, a whole SEQPACKET message.
package enum AttachPacket: Equatable, Sendable {
  // client to monitor
  case stdin([UInt8])
  case stdinEnd
  case resize(rows: UInt16, columns: UInt16)
  case detach
  // monitor to client
  case stdout([UInt8])
  case stderr([UInt8])
  /// The bytes of the exit file.
  case exit([UInt8])
  /// All output so far has been delivered: sent to a new client (it misses nothing from here on) and before `exit`.
  case delivered

  package enum Limit {
    /// Bytes of one packet, its type included.
    package static let packetBytesMax = 32 << 10
    package static let payloadBytesMax = packetBytesMax - 1
  }
  /// The type byte on the wire.
  package enum Kind: UInt8, CaseIterable, Sendable {
    case stdin = 0x01, stdinEnd = 0x02, resize = 0x03, detach = 0x04
    case stdout = 0x11, stderr = 0x12, exit = 0x13, delivered = 0x14
  }

  package var kind: Kind {
    switch self {
    case .stdin: .stdin
    case .stdinEnd: .stdinEnd
    case .resize: .resize
    case .detach: .detach
    case .stdout: .stdout
    case .stderr: .stderr
    case .exit: .exit
    case .delivered: .delivered
    }
  }

  package var bytes: [UInt8] {
    switch self {
    case .stdin(let payload), .stdout(let payload), .stderr(let payload), .exit(let payload):
      precondition(payload.count <= Limit.payloadBytesMax, "packet of \(payload.count) bytes")
      return [kind.rawValue] + payload
    case .resize(let rows, let columns):
      return [kind.rawValue, UInt8(rows & 0xff), UInt8(rows >> 8), UInt8(columns & 0xff), UInt8(columns >> 8)]
    case .stdinEnd, .detach, .delivered: return [kind.rawValue]
    }
  }

  /// nil where the bytes are no packet: an unknown type, or a resize of the wrong length.
  package init?(_ bytes: some Collection<UInt8>) {
    guard let first = bytes.first, let kind = Kind(rawValue: first) else { return nil }
    let payload = Array(bytes.dropFirst())
    switch kind {
    case .stdin: self = .stdin(payload)
    case .stdinEnd: self = .stdinEnd
    case .resize:
      guard payload.count == 4 else { return nil }
      self = .resize(
        rows: UInt16(payload[0]) | UInt16(payload[1]) << 8, columns: UInt16(payload[2]) | UInt16(payload[3]) << 8)
    case .detach: self = .detach
    case .stdout: self = .stdout(payload)
    case .stderr: self = .stderr(payload)
    case .exit: self = .exit(payload)
    case .delivered: self = .delivered
    }
  }
}
