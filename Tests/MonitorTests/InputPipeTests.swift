import CSys
import Glibc
import Sys
import Testing

@testable import Monitor

@Suite struct InputPipeTests {
  @Test func everyByteArrivesInOrder() throws {
    let pipe = try Pipe.make(flags: O_NONBLOCK)
    let reader = try pipe.reader.duplicate()
    var input = InputPipe(pipe.closingReader(), isTerminal: false)
    let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    bytes.withUnsafeBytes { input.write($0) }
    let isFull = input.isFull
    #expect(isFull)
    input.end()  // ends after what waits
    var got: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 10_000)
    while true {
      let count = csys_read(reader.borrowed, &chunk, chunk.count)
      if count == 0 { break }
      if count > 0 { got += chunk[..<count] } else { input.flush() }
    }
    let number = input.number
    #expect(got == bytes)
    #expect(number == nil)
  }

  @Test func aReaderThatHasGoneEndsIt() throws {
    try blockSignals([SIGPIPE])
    let pipe = try Pipe.make(flags: O_NONBLOCK)
    var input = InputPipe(pipe.closingReader(), isTerminal: false)
    [UInt8](repeating: 1, count: 10).withUnsafeBytes { input.write($0) }
    let (number, isFull) = (input.number, input.isFull)
    #expect(number == nil)
    #expect(!isFull)
  }
}
