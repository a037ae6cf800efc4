import NIOCore
import NIOHTTP1
import Problems
import RegistryClient
import RegistryProtocol
import Synchronization

/// One registry as this command knows it: http or https, and how it wants to be asked.
final class RegistrySession: Sendable {
  let peer: Peer
  private let transport: Transport
  private struct State {
    var scheme: WebAddress.Scheme?
    /// By repository: a ready `Authorization` value and when it goes stale.
    var authorizations: [String: (value: String, goodUntil: ContinuousClock.Instant)] = [:]
    var credentials: [String: Credentials?] = [:]
  }
  private let state = Mutex(State())

  init(_ peer: Peer, _ transport: Transport) {
    self.peer = peer
    self.transport = transport
  }

  /// Docker Hub's API has a name of its own.
  private var apiHost: String { peer.registry == "docker.io" ? "registry-1.docker.io" : peer.registry }

  private func address(_ path: String, _ scheme: WebAddress.Scheme) -> WebAddress {
    WebAddress(scheme: scheme, registry: apiHost, path: path)
  }

  /// What is asked for, by whom.
  struct Question: Sendable {
    /// Begins with `/v2/`.
    var path: String
    var headers: [(String, String)] = []
    /// For the token's scope and for keys of auth.json; empty at login.
    var repository: String
    /// For messages.
    var object: String
    var credentials: @Sendable () async -> Credentials?
  }

  /// Asks, proves who asks where that is wanted, and waits where the registry says so.
  /// - Returns: an answer with a status from 200 to 299.
  func ask(_ question: Question) async throws(Problem) -> Answer {
    var tries = 0
    while true {
      let authorization = state.withLock { state -> String? in
        state.authorizations[question.repository].flatMap { $0.goodUntil > .now ? $0.value : nil }
      }
      var answer = try await send(question, authorization)
      var proof = authorization
      if answer.status == 401 {
        proof = try await authorize(answer, question)
        answer = try await send(question, proof)
      }
      if (200..<300).contains(answer.status) { return answer }
      let retryAfter = answer.headers.first(name: "Retry-After")
      tries += 1
      if tries < 3, let pause = Transfer.pause(status: answer.status, retryAfter: retryAfter, try: tries) {
        _ = await answer.bytes(atMost: ResponseProblem.Limit.bodyBytesMax)
        do { try await Task.sleep(for: pause) } catch { throw ConnectionFailure.problem(error, answer.address, peer) }
        continue
      }
      throw await problem(answer, question, hadCredentials: proof != nil && knowsCredentials(question))
    }
  }

  private func knowsCredentials(_ question: Question) -> Bool {
    state.withLock { $0.credentials[question.repository] ?? nil } != nil
  }

  private func problem(_ answer: Answer, _ question: Question, hadCredentials: Bool) async -> Problem {
    let body = await answer.bytes(atMost: ResponseProblem.Limit.bodyBytesMax) ?? []
    return ResponseProblem(
      registry: peer.registry, object: question.object, status: answer.status, body: body,
      hadCredentials: hadCredentials,
      retryAfter: answer.headers.first(name: "Retry-After")
    ).problem
  }

  /// With the scheme that worked before; an insecure registry gets TLS first and plain HTTP as the second try.
  private func send(_ question: Question, _ authorization: String?) async throws(Problem) -> Answer {
    func send(_ scheme: WebAddress.Scheme) async throws(Problem) -> Answer {
      let answer = try await transport.send(
        .GET, address(question.path, scheme), peer, headers: question.headers, authorization: authorization)
      state.withLock { $0.scheme = scheme }
      return answer
    }
    if let known = state.withLock({ $0.scheme }) { return try await send(known) }
    if !peer.isInsecure { return try await send(.https) }
    do throws(Problem) { return try await send(.https) } catch {
      // Both failed: the plain one says more, unless TLS itself was spoken.
      return try await send(.http)
    }
  }

  // MARK: who asks

  private func authorize(_ answer: Answer, _ question: Question) async throws(Problem) -> String? {
    guard let challenge = Challenge.best(of: Challenge.parse(answer.headers["WWW-Authenticate"])),
      answer.address.authority == address("/", answer.address.scheme).authority
    else { throw await problem(answer, question, hadCredentials: false) }
    let credentials = await credentials(question)
    let value: String
    var lifetime = Duration.seconds(24 * 3600)
    switch challenge {
    case .basic:
      guard let credentials else { throw await problem(answer, question, hadCredentials: false) }
      value = RegistrySession.basic(credentials)
    case .bearer(let realm, let service, let scope):
      let own = question.repository.isEmpty ? nil : "repository:\(question.repository):pull"
      let request = try TokenRequest(
        realm: realm, service: service, scope: scope ?? own, registry: answer.address, credentials: credentials)
      let token = try await token(request, question)
      value = "Bearer " + token.token
      lifetime = .seconds(token.lifetimeSeconds * 9 / 10)
    }
    _ = await answer.bytes(atMost: ResponseProblem.Limit.bodyBytesMax)
    state.withLock { $0.authorizations[question.repository] = (value, .now + lifetime) }
    return value
  }

  private static func basic(_ credentials: Credentials) -> String {
    "Basic " + Base64.encode("\(credentials.user):\(credentials.password)".utf8)
  }

  private func credentials(_ question: Question) async -> Credentials? {
    if let known = state.withLock({ $0.credentials[question.repository] }) { return known }
    let found = await question.credentials()
    state.withLock { $0.credentials[question.repository] = .some(found) }
    return found
  }

  private func token(_ request: TokenRequest, _ question: Question) async throws(Problem) -> BearerToken {
    let answer = try await transport.send(
      request.form == nil ? .GET : .POST, request.address, peer,
      authorization: request.credentials.map(RegistrySession.basic), form: request.form)
    guard (200..<300).contains(answer.status) else {
      throw await problem(answer, question, hadCredentials: request.credentials != nil || request.form != nil)
    }
    guard let bytes = await answer.bytes(atMost: TokenRequest.Limit.answerBytesMax) else {
      throw Problem(code: .invalid, message: "token server \(request.address.authority) sent no usable answer")
    }
    return try BearerToken(parsing: bytes, server: request.address.authority)
  }
}
