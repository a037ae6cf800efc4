import AsyncHTTPClient
import Digests
import ImageSpec
import NIOCore
import NIOHTTP1
import Problems
import RegistryClient
import RegistryProtocol
import Sys

extension Puller {
  /// Streams a layer into its pipe. - Returns: the number of bytes.
  func stream(_ blob: RegistryRequest.BlobRequest, into pipe: PipeWriter, _ progress: ProgressMeter, _ asker: Asker)
    async throws(Problem) -> Int64
  {
    try await transfer(blob, asker) { (buffer, offset) async throws(Problem) in
      try await Puller.write(buffer, into: pipe)
      progress.advanced(to: offset)
    }
  }

  /// A config: small, checked, in memory.
  func smallBlob(_ blob: RegistryRequest.BlobRequest, _ asker: Asker) async throws(Problem) -> [UInt8] {
    guard blob.size <= RegistryLimit.configBytesMax else {
      throw Problem(code: .invalid, message: "\(blob.digest) of \(blob.size) bytes is too large for a configuration")
    }
    let collector = Collector()
    _ = try await transfer(blob, asker) { (buffer, _) async throws(Problem) in
      collector.bytes += buffer.readableBytesView
    }
    let digest = Digest(of: collector.bytes)
    guard digest.description == blob.digest else {
      throw Problem(code: .invalid, message: "\(blob.digest) of \(blob.name) has the wrong digest: \(digest)")
    }
    return collector.bytes
  }

  /// Written by one task, one chunk after the other.
  private final class Collector { var bytes: [UInt8] = [] }

  static func write(_ buffer: ByteBuffer, into pipe: PipeWriter) async throws(Problem) {
    var rest = buffer
    while rest.readableBytes > 0 {
      let written: Int
      do throws(Errno) {
        let result: Result<Int, Errno> = rest.withUnsafeReadableBytes { bytes in
          do throws(Errno) { return .success(try pipe.write(bytes)) } catch { return .failure(error) }
        }
        written = try result.get()
      } catch {
        // `.conflict` by agreement with the engine: the layer worker ended first, and knows why.
        throw Problem(code: .conflict, message: "whoever reads the layer has gone", cause: error)
      }
      rest.moveReaderIndex(forwardBy: written)
      if rest.readableBytes > 0 {
        await pipe.writable()
        if Task.isCancelled { throw Problem(code: .unavailable, message: "the transfer was given up") }
      }
    }
  }

  // MARK: the loop

  /// A try's end: what broke off may go on, the rest may not.
  private enum Ending {
    case complete
    case broken(Problem)
  }
  private typealias Sink = (ByteBuffer, Int64) async throws(Problem) -> Void

  private func transfer(
    _ blob: RegistryRequest.BlobRequest, _ asker: Asker, _ sink: (ByteBuffer, Int64) async throws(Problem) -> Void
  ) async throws(Problem) -> Int64 {
    guard let digest = Digest(blob.digest), blob.size >= 0 else {
      throw Problem(code: .invalid, message: "\(blob.digest) is no digest of a blob")
    }
    var transfer = Transfer(size: blob.size)
    var failures: [Problem] = []
    for source in try sources(ofName: blob.name) {
      do throws(Problem) {
        while true {
          switch try await attempt(&transfer, digest, source, asker, sink) {
          case .complete: return transfer.offset
          case .broken(let problem):
            guard case .retry(let pause) = transfer.failed() else {
              throw Problem(
                code: problem.code,
                message:
                  "\(digest.short) broke off at \(transfer.offset) of \(transfer.size) bytes, five times in a row",
                hint: "try again later", cause: problem)
            }
            do { try await Task.sleep(for: pause) } catch {
              throw Problem(code: .unavailable, message: "the transfer was given up")
            }
          }
        }
      } catch  where error.code == .notFound {
        failures.append(error)  // a mirror may lack what the registry has
      }
    }
    throw Puller.summary(of: failures, "fetch \(blob.digest)")
  }

  private func attempt(
    _ transfer: inout Transfer, _ digest: Digest, _ source: PullSource, _ asker: Asker,
    _ sink: (ByteBuffer, Int64) async throws(Problem) -> Void
  ) async throws(Problem) -> Ending {
    var question = RegistrySession.Question(
      path: "/v2/\(source.reference.repository)/blobs/\(digest)", repository: source.reference.repository,
      object: "blob \(digest.short) of \(source.reference.name)", credentials: ask(source, asker))
    if let range = transfer.range { question.headers.append(("Range", range)) }
    let answer: Answer
    do throws(Problem) {
      answer = try await session(source.reference.registry, isInsecure: source.isInsecure).ask(question)
    } catch  where error.code == .unavailable || error.code == .timeout {
      if Task.isCancelled { throw error }
      return .broken(error)
    }
    let length = answer.headers.first(name: "Content-Length").flatMap { Int64($0) }
    let start = transfer.start(
      status: answer.status, contentLength: length, contentRange: answer.headers.first(name: "Content-Range"))
    guard case .body(var skipping) = start else {
      guard case .refuse(let reason) = start else { return .complete }
      throw Problem(code: .invalid, message: "registry \(source.reference.registry) sent \(reason) for \(digest.short)")
    }
    var body = answer.body.makeAsyncIterator()
    while true {
      var chunk: ByteBuffer
      do {
        guard let next = try await body.next() else { break }
        chunk = next
      } catch {
        return .broken(
          ConnectionFailure.problem(
            error, answer.address, Peer(registry: source.reference.registry, isInsecure: source.isInsecure)))
      }
      let dropped = Int(min(skipping, Int64(chunk.readableBytes)))
      chunk.moveReaderIndex(forwardBy: dropped)
      skipping -= Int64(dropped)
      guard chunk.readableBytes > 0 else { continue }
      try transfer.delivered(chunk.readableBytes)
      try await sink(chunk, transfer.offset)
    }
    if transfer.isComplete { return .complete }
    return .broken(Problem(code: .unavailable, message: "the body ended early"))
  }
}
