import MonitorProtocol
import Testing

@Suite struct AttachPacketTests {
  @Test(arguments: [
    (AttachPacket.stdin([1, 2]), [0x01, 1, 2] as [UInt8]), (.stdin([]), [0x01]), (.stdinEnd, [0x02]),
    (.resize(rows: 24, columns: 0x1234), [0x03, 24, 0, 0x34, 0x12]), (.detach, [0x04]), (.stdout([0]), [0x11, 0]),
    (.stderr([255]), [0x12, 255]), (.exit([0x7b, 0x7d]), [0x13, 0x7b, 0x7d]), (.delivered, [0x14]),
  ]) func bytesAndBack(_ packet: AttachPacket, _ bytes: [UInt8]) {
    #expect(packet.bytes == bytes)
    #expect(AttachPacket(bytes) == packet)
  }

  @Test(
    arguments: [[], [0], [0x05], [0x10], [0x15], [255, 1], [0x03], [0x03, 1, 2, 3], [0x03, 1, 2, 3, 4, 5]] as [[UInt8]])
  func whatIsNoPacketIsNone(_ bytes: [UInt8]) { #expect(AttachPacket(bytes) == nil) }

  @Test func theLargestPacketFits() {
    let payload = [UInt8](repeating: 7, count: AttachPacket.Limit.payloadBytesMax)
    #expect(AttachPacket.stdout(payload).bytes.count == 32 << 10)
  }
}
