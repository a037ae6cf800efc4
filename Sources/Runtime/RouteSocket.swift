import CSys
import Glibc
import Sys

/// A socket of rtnetlink(7) in the network namespace where it was made. It carries what moving an interface needs.
struct RouteSocket: ~Copyable {
  private let socket: OwnedFD

  /// Numbers of linux/netlink.h and linux/rtnetlink.h whose macros Swift does not see.
  private enum Flag {
    static let request: UInt16 = 0x1, acknowledge: UInt16 = 0x4, dump: UInt16 = 0x300
    static let create: UInt16 = 0x400, exclusive: UInt16 = 0x200
  }
  private enum Kind { static let error: UInt16 = 2, done: UInt16 = 3 }
  private enum Limit { static let replyBytesMax = 64 << 10 }
  private static let headerBytes = 16

  init() throws(Errno) {
    socket = OwnedFD(adopting: try check(csys_socket(AF_NETLINK, CInt(SOCK_RAW.rawValue), 0)))
  }

  /// Sends one request and waits for the kernel's acknowledgement.
  func change(_ type: UInt16, creating: Bool = false, _ body: [UInt8]) throws(Errno) {
    _ = try exchange(type, Flag.request | Flag.acknowledge | (creating ? Flag.create | Flag.exclusive : 0), body)
  }
  /// - Returns: the body of each message of the kernel's list.
  func list(_ type: UInt16, _ body: [UInt8]) throws(Errno) -> [[UInt8]] {
    try exchange(type, Flag.request | Flag.dump, body)
  }

  private func exchange(_ type: UInt16, _ flags: UInt16, _ body: [UInt8]) throws(Errno) -> [[UInt8]] {
    var message = bytes(of: UInt32(Self.headerBytes + body.count)) + bytes(of: type) + bytes(of: flags)
    message += bytes(of: UInt32(1)) + bytes(of: UInt32(0)) + body
    let raw = socket.borrowed
    _ = try check(csys_write(raw, message, message.count))
    var result: [[UInt8]] = []
    var buffer = [UInt8](repeating: 0, count: Limit.replyBytesMax)
    while true {
      let got = try uninterrupted { () throws(Errno) in try check(csys_read(raw, &buffer, buffer.count)) }
      var rest = buffer[..<got]
      while rest.count >= Self.headerBytes {
        let size = Int(number(rest, 0, UInt32.self))
        let kind = number(rest, 4, UInt16.self)
        guard size >= Self.headerBytes, size <= rest.count else { throw .invalid }
        let payload = Array(rest[(rest.startIndex + Self.headerBytes)..<(rest.startIndex + size)])
        switch kind {
        case Kind.done: return result
        case Kind.error:
          let code = payload.count >= 4 ? number(payload[...], 0, Int32.self) : -EINVAL
          if code != 0 { throw Errno(rawValue: -code) }
          return result
        default: result.append(payload)
        }
        rest = rest.dropFirst(min((size + 3) & ~3, rest.count))
      }
    }
  }
}

/// The bytes of a number as the kernel has it in memory.
func bytes<T: FixedWidthInteger>(of value: T) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
/// A number at an offset; 0 where the bytes end.
func number<T: FixedWidthInteger>(_ bytes: ArraySlice<UInt8>, _ offset: Int, _ type: T.Type) -> T {
  guard bytes.count >= offset + MemoryLayout<T>.size else { return 0 }
  return bytes.dropFirst(offset).withUnsafeBytes { $0.loadUnaligned(as: T.self) }
}

/// Attributes as rtnetlink carries them: length, type, value, padding to 4.
enum RouteAttribute {
  static func bytes(_ type: UInt16, _ value: [UInt8]) -> [UInt8] {
    let padding = [UInt8](repeating: 0, count: (4 - value.count & 3) & 3)
    return Runtime.bytes(of: UInt16(4 + value.count)) + Runtime.bytes(of: type) + value + padding
  }
  static func parse(_ bytes: ArraySlice<UInt8>) -> [(type: UInt16, value: [UInt8])] {
    var result: [(type: UInt16, value: [UInt8])] = []
    var rest = bytes
    while rest.count >= 4 {
      let size = Int(number(rest, 0, UInt16.self))
      guard size >= 4, size <= rest.count else { return result }
      result.append((number(rest, 2, UInt16.self), Array(rest.dropFirst(4).prefix(size - 4))))
      rest = rest.dropFirst(min((size + 3) & ~3, rest.count))
    }
    return result
  }
}
