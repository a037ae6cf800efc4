import AsyncHTTPClient
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL
import Problems
import RegistryClient
import RegistryProtocol
import Synchronization

/// How one registry is spoken to: its TLS, and whether that is verified.
struct Peer: Hashable, Sendable {
  /// `host[:port]`, as the image's name has it: the key of certs.d.
  var registry: String
  var isInsecure: Bool
}

/// The head of an answer; its body is still on the way.
struct Answer: Sendable {
  var status: Int
  var headers: HTTPHeaders
  var body: HTTPClientResponse.Body
  /// Where it came from, after redirects.
  var address: WebAddress

  /// All of a small body. - Returns: nil when it is larger, or breaks off.
  func bytes(atMost limit: Int) async -> [UInt8]? {
    guard let buffer = try? await body.collect(upTo: limit) else { return nil }
    return Array(buffer.readableBytesView)
  }
}

/// HTTP requests: proxies, TLS, redirects. It knows nothing of registries.
final class Transport: Sendable {
  private let configuration: Configuration
  private let group: MultiThreadedEventLoopGroup
  private struct State {
    var clients: [ProxyRules.Proxy?: HTTPClient] = [:]
    var tls: [TLSKey: TLSConfiguration] = [:]
    var authorities: [NIOSSLCertificate]?
  }
  private struct TLSKey: Hashable {
    var peer: Peer
    var withClientCertificate: Bool
  }
  private let state = Mutex(State())

  private enum Limit {
    static let connectSeconds: Int64 = 30
    /// Without a byte.
    static let idleSeconds: Int64 = 120
    static let threads = 2
  }

  init(_ configuration: Configuration) {
    self.configuration = configuration
    group = MultiThreadedEventLoopGroup(numberOfThreads: Limit.threads)
  }

  /// Sends a request and follows redirects.
  /// - Parameter authorization: goes along as long as the host stays the same.
  /// - Throws: what the network or TLS failed with, and refused redirects; a status is no error.
  func send(
    _ method: HTTPMethod = .GET, _ address: WebAddress, _ peer: Peer, headers: [(String, String)] = [],
    authorization: String? = nil, form: String? = nil
  ) async throws(Problem) -> Answer {
    var address = address
    var authorization = authorization
    var step = 0
    var isOwnHost = true
    while true {
      let request = try makeRequest(method, address, peer, headers, authorization, form, isOwnHost: isOwnHost)
      let response = try await execute(request, address, peer)
      let answer = Answer(
        status: Int(response.status.code), headers: response.headers, body: response.body, address: address)
      guard [301, 302, 303, 307, 308].contains(answer.status) else { return answer }
      _ = await answer.bytes(atMost: ResponseProblem.Limit.bodyBytesMax)  // so that the connection can be used again
      switch Redirect.decide(from: address, location: answer.headers.first(name: "Location"), step: step) {
      case .refuse(let reason):
        throw Problem(code: .invalid, message: "\(address.authority) answered with \(reason)")
      case .follow(let target, let keepingAuthorization):
        if form != nil || method != .GET && method != .HEAD {
          throw Problem(code: .invalid, message: "\(address.authority) redirects a request that holds a secret")
        }
        if !keepingAuthorization { (authorization, isOwnHost) = (nil, false) }
        address = target
        step += 1
      }
    }
  }

  private func makeRequest(
    _ method: HTTPMethod, _ address: WebAddress, _ peer: Peer, _ headers: [(String, String)], _ authorization: String?,
    _ form: String?, isOwnHost: Bool
  ) throws(Problem) -> HTTPClientRequest {
    var request = HTTPClientRequest(url: address.description)
    request.method = method
    request.headers = HTTPHeaders([("User-Agent", "berth")] + headers)
    if let authorization { request.headers.add(name: "Authorization", value: authorization) }
    if let form {
      request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
      request.body = .bytes(ByteBuffer(string: form))
    }
    if address.scheme == .https { request.tlsConfiguration = try tls(for: peer, withClientCertificate: isOwnHost) }
    return request
  }

  private func execute(_ request: HTTPClientRequest, _ address: WebAddress, _ peer: Peer) async throws(Problem)
    -> HTTPClientResponse
  {
    do {
      return try await client(for: address).execute(request, deadline: .distantFuture)
    } catch {
      throw ConnectionFailure.problem(error, address, peer)
    }
  }

  private func client(for address: WebAddress) -> HTTPClient {
    let proxy = configuration.proxies.proxy(for: address)
    return state.withLock { state in
      if let client = state.clients[proxy] { return client }
      var settings = HTTPClient.Configuration(redirectConfiguration: .disallow)
      settings.timeout = .init(connect: .seconds(Limit.connectSeconds), read: .seconds(Limit.idleSeconds))
      settings.httpVersion = .http1Only
      settings.connectionPool.retryConnectionEstablishment = false
      settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 16
      if let proxy {
        let authorization = proxy.authorization.map {
          HTTPClient.Authorization.basic(credentials: Base64.encode($0.utf8))
        }
        settings.proxy = .server(host: proxy.host, port: proxy.port, authorization: authorization)
      }
      let client = HTTPClient(eventLoopGroup: group, configuration: settings)
      state.clients[proxy] = client
      return client
    }
  }

  // MARK: TLS

  private func tls(for peer: Peer, withClientCertificate: Bool) throws(Problem) -> TLSConfiguration {
    let key = TLSKey(peer: peer, withClientCertificate: withClientCertificate)
    if let known = state.withLock({ $0.tls[key] }) { return known }
    let files = try configuration.certificates.certificates(for: peer.registry)
    var result = TLSConfiguration.makeClientConfiguration()
    result.minimumTLSVersion = .tlsv12
    if peer.isInsecure {
      result.certificateVerification = .none
    } else {
      var authorities = systemAuthorities()
      for file in files.authorities { authorities += try certificates(in: file) }
      result.trustRoots = .certificates(authorities)
    }
    if withClientCertificate, let pair = files.clients.first {
      result.certificateChain = try certificates(in: pair.certificate).map { .certificate($0) }
      do { result.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: pair.key.bytes, format: .pem)) } catch {
        throw Problem(code: .invalid, message: "\(pair.key.path) holds no private key in PEM form")
      }
    }
    state.withLock { $0.tls[key] = result }
    return result
  }

  private func certificates(in file: RegistryCertificates.File) throws(Problem) -> [NIOSSLCertificate] {
    do { return try NIOSSLCertificate.fromPEMBytes(file.bytes) } catch {
      throw Problem(code: .invalid, message: "\(file.path) holds no certificate in PEM form")
    }
  }

  private func systemAuthorities() -> [NIOSSLCertificate] {
    if let known = state.withLock({ $0.authorities }) { return known }
    // A bundle that cannot be read leaves only the registry's own CA: the handshake then says so.
    let bytes = configuration.systemAuthorities
    let parsed = bytes.isEmpty ? [] : (try? NIOSSLCertificate.fromPEMBytes(bytes)) ?? []
    state.withLock { $0.authorities = parsed }
    return parsed
  }
}
