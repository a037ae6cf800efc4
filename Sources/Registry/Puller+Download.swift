import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import Problems
import RegistryClient
import RegistryProtocol

extension Puller {
  /// Streams a file of a web server into its pipe. - Returns: the number of bytes.
  func download(_ text: String, into pipe: PipeWriter, _ progress: ProgressMeter) async throws(Problem) -> Int64 {
    let address = try DownloadAnswer.address(text)
    let peer = Peer(registry: address.authority, isInsecure: false)
    let response: Answer
    do throws(Problem) { response = try await transport.send(.GET, address, peer) } catch {
      let hint =
        error.code == .denied
        ? "put its CA into /etc/containers/certs.d/\(address.authority)/ca.crt"
        : "check the address, or fetch it by other means: curl -L ADDRESS | berth import -"
      throw Problem(code: error.code, message: error.message, hint: hint, cause: error.cause)
    }
    let answer = DownloadAnswer(
      address: response.address, status: response.status,
      length: response.headers.first(name: "Content-Length").flatMap { Int64($0) })
    if let problem = answer.problem { throw problem }
    var received: Int64 = 0
    var body = response.body.makeAsyncIterator()
    while true {
      let chunk: ByteBuffer?
      do { chunk = try await body.next() } catch {
        throw answer.brokenOff(at: received, cause: ConnectionFailure.problem(error, response.address, peer))
      }
      received += Int64(chunk?.readableBytes ?? 0)
      try answer.check(received: received, isEnd: chunk == nil)
      guard let chunk else { return received }
      try await Puller.write(chunk, into: pipe)
      progress.advanced(to: received)
    }
  }
}
