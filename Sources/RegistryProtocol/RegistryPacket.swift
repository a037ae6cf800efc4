import CSys
import Glibc
package import Problems
package import Sys

/// One packet of the socket: text and descriptors, which are closed unless somebody takes them.
package struct RegistryPacket: ~Copyable {
  package let bytes: [UInt8]
  package private(set) var descriptors: [CInt]

  deinit { for descriptor in descriptors { _ = csys_close(descriptor) } }

  package static func receive(_ socket: borrowing OwnedFD) throws(Errno) -> RegistryPacket {
    let (bytes, descriptors) = try Sys.receive(socket, bytesMax: RegistryLimit.packetBytesMax, descriptorsMax: 2)
    return RegistryPacket(bytes: bytes, descriptors: descriptors)
  }

  package mutating func takeDescriptor() -> OwnedFD? {
    descriptors.isEmpty ? nil : OwnedFD(adopting: descriptors.removeFirst())
  }

  /// Sends text and payloads, each payload in a memfd.
  package static func send(_ socket: borrowing OwnedFD, _ bytes: [UInt8], payloads: [[UInt8]]) throws(Errno) {
    var numbers: [CInt] = []
    defer { for number in numbers { _ = csys_close(number) } }
    for payload in payloads {
      numbers.append(try check(csys_memfd_create("berth-payload", MFD_CLOEXEC_)))
      try writeAll(numbers[numbers.count - 1], payload)
    }
    try Sys.send(socket, bytes, descriptors: numbers)
  }

  /// The bytes of the memfds that came along.
  package borrowing func readPayloads() throws(Problem) -> [[UInt8]] {
    var result: [[UInt8]] = []
    for descriptor in descriptors {
      result.append(
        try doing("read a payload of berth-registry") { () throws(Errno) in try Self.contents(of: descriptor) })
    }
    return result
  }

  /// From the start, whatever the offset; a descriptor that is no memfd has no size and gives nothing.
  private static func contents(of descriptor: CInt) throws(Errno) -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let offset = bytes.count
      let got = try uninterrupted { () throws(Errno) in
        let result = chunk.withUnsafeMutableBytes { csys_pread(descriptor, $0.baseAddress, $0.count, off_t(offset)) }
        return try check(result)
      }
      if got == 0 { return bytes }
      if bytes.count + got > RegistryLimit.configBytesMax { throw Errno(rawValue: EFBIG) }
      bytes.append(contentsOf: chunk[..<got])
    }
  }
}

/// Source: memfd_create(2); glibc's macro does not reach Swift.
let MFD_CLOEXEC_: CUnsignedInt = 1
