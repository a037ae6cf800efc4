import CISAL
import CZstd
import Problems

/// Inflates a stream, a buffer at a time.
protocol Decoder: AnyObject {
  /// Takes bytes off `input` and writes to `output`; answers the bytes written. 0 means "more input, please".
  func decode(_ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(Problem) -> Int
  /// All input came: throws when the stream stops in its middle.
  func finish() throws(Problem)
}

/// gzip through ISA-L, any number of members; ISA-L checks the header's and the trailer's sums. Source: RFC 1952.
final class GzipDecoder: Decoder {
  private let state = UnsafeMutablePointer<inflate_state>.allocate(capacity: 1)

  init() {
    isal_inflate_init(state)
    state.pointee.crc_flag = UInt32(ISAL_GZIP)
  }
  deinit { state.deallocate() }

  func decode(_ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(Problem) -> Int
  {
    if state.pointee.block_state == ISAL_BLOCK_FINISH {
      if input.isEmpty { return 0 }
      isal_inflate_reset(state)  // another member
      state.pointee.crc_flag = UInt32(ISAL_GZIP)
    }
    let bytes = UnsafeMutablePointer(mutating: input.assumingMemoryBound(to: UInt8.self).baseAddress)
    state.pointee.next_in = bytes
    state.pointee.avail_in = UInt32(input.count)
    state.pointee.next_out = output.assumingMemoryBound(to: UInt8.self).baseAddress
    state.pointee.avail_out = UInt32(output.count)
    let result = isal_inflate(state)
    guard result >= 0 && result != ISAL_NEED_DICT else { throw GzipDecoder.problem(result) }
    let taken = input.count - Int(state.pointee.avail_in)
    let made = output.count - Int(state.pointee.avail_out)
    if taken == 0 && made == 0 && !input.isEmpty && state.pointee.block_state != ISAL_BLOCK_FINISH {
      throw Problem(code: .invalid, message: "the gzip stream is damaged: no progress")
    }
    input = UnsafeRawBufferPointer(rebasing: input.dropFirst(taken))
    return made
  }

  func finish() throws(Problem) {
    if state.pointee.block_state != ISAL_BLOCK_FINISH {
      throw Problem(code: .invalid, message: "the gzip stream ends in its middle")
    }
  }

  private static func problem(_ result: CInt) -> Problem {
    let reason =
      switch result {
      case ISAL_INCORRECT_CHECKSUM: "wrong checksum"
      case ISAL_INVALID_BLOCK: "invalid block"
      case ISAL_INVALID_SYMBOL: "invalid symbol"
      case ISAL_INVALID_LOOKBACK: "reference before its start"
      case ISAL_INVALID_WRAPPER: "invalid header, or other bytes after its end"
      case ISAL_UNSUPPORTED_METHOD: "unknown compression method"
      default: "error \(result)"
      }
    return Problem(code: .invalid, message: "the gzip stream is damaged: \(reason)")
  }
}

/// zstd through libzstd, any number of frames. Source: RFC 8878.
final class ZstdDecoder: Decoder {
  private let stream: OpaquePointer
  private var atFrameEnd = true
  /// Memory of the window, as a power of two: 128 MiB, what the format asks every decoder to support at most.
  private static let windowLogMax: CInt = 27

  init() throws(Problem) {
    guard let stream = ZSTD_createDStream() else { throw Problem(code: .unavailable, message: "no memory for zstd") }
    ZSTD_DCtx_setParameter(stream, ZSTD_d_windowLogMax, ZstdDecoder.windowLogMax)
    self.stream = stream
  }
  deinit { ZSTD_freeDStream(stream) }

  func decode(_ input: inout UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer) throws(Problem) -> Int
  {
    if input.isEmpty && atFrameEnd { return 0 }
    var from = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
    var to = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
    while to.pos < to.size {
      let before = (from.pos, to.pos)
      let left = ZSTD_decompressStream(stream, &to, &from)
      if ZSTD_isError(left) != 0 {
        throw Problem(
          code: .invalid, message: "the zstd stream is damaged: \(String(cString: ZSTD_getErrorName(left)))")
      }
      atFrameEnd = left == 0
      if from.pos == from.size && (atFrameEnd || before == (from.pos, to.pos)) { break }
    }
    input = UnsafeRawBufferPointer(rebasing: input.dropFirst(from.pos))
    return to.pos
  }

  func finish() throws(Problem) {
    if !atFrameEnd { throw Problem(code: .invalid, message: "the zstd stream ends in its middle") }
  }
}
