import Digests
import ImageSpec
import NIOCore
import NIOHTTP1
import Problems
import RegistryClient
import RegistryProtocol
import Synchronization

/// What the requests mean: names, manifests, logins. (Blobs: Puller+Blobs.swift.)
final class Puller: Sendable {
  private let configuration: Configuration
  let transport: Transport
  private struct State {
    var sessions: [Peer: RegistrySession] = [:]
    /// Where a name's manifest came from, first; its blobs are asked for there.
    var sources: [String: [PullSource]] = [:]
  }
  private let state = Mutex(State())

  init(_ configuration: Configuration) {
    self.configuration = configuration
    transport = Transport(configuration)
  }

  func session(_ registry: String, isInsecure: Bool) -> RegistrySession {
    let peer = Peer(registry: registry, isInsecure: isInsecure)
    return state.withLock { state in
      if let known = state.sessions[peer] { return known }
      let session = RegistrySession(peer, transport)
      state.sessions[peer] = session
      return session
    }
  }

  /// Sources of a repository's blobs: the one that had the manifest first.
  func sources(ofName name: String) throws(Problem) -> [PullSource] {
    if let known = state.withLock({ $0.sources[name] }) { return known }
    return try configuration.registries.sources(for: try Reference(parsing: name), tlsVerify: configuration.tlsVerify)
  }

  // MARK: resolve

  func resolve(_ text: String, platform: String?, _ asker: Asker) async throws(Problem) -> ResolvedImage {
    let platform = try platform.map { (text) throws(Problem) in try Platform(parsing: text) } ?? Platform.host
    var failures: [Problem] = []
    for candidate in try configuration.registries.candidates(for: text) {
      do throws(Problem) { return try await resolve(candidate, platform, asker) } catch { failures.append(error) }
    }
    throw Puller.summary(of: failures, "no registry has \(text)")
  }

  private func resolve(_ candidate: Reference, _ platform: Platform, _ asker: Asker) async throws(Problem)
    -> ResolvedImage
  {
    let sources = try configuration.registries.sources(for: candidate, tlsVerify: configuration.tlsVerify)
    var failures: [Problem] = []
    for (number, source) in sources.enumerated() {
      asker.trying(source.reference.description)
      do throws(Problem) {
        let image = try await resolve(candidate, source, platform, asker)
        let order = [source] + sources[..<number] + sources[(number + 1)...]
        state.withLock { $0.sources[candidate.name] = order }
        return image
      } catch { failures.append(error) }
    }
    throw Puller.summary(of: failures, "pull \(candidate)")
  }

  private func resolve(_ candidate: Reference, _ source: PullSource, _ platform: Platform, _ asker: Asker)
    async throws(Problem) -> ResolvedImage
  {
    let session = session(source.reference.registry, isInsecure: source.isInsecure)
    var walk = ManifestWalk(reference: candidate, platform: platform)
    var key = source.reference.manifestKey
    while true {
      let question = RegistrySession.Question(
        path: "/v2/\(source.reference.repository)/manifests/\(key)",
        headers: [("Accept", MediaType.manifestsAccepted.map(\.rawValue).joined(separator: ", "))],
        repository: source.reference.repository, object: "image \(source.reference)", credentials: ask(source, asker))
      let answer = try await session.ask(question)
      guard let bytes = await answer.bytes(atMost: ImageLimit.manifestBytesMax) else {
        throw Problem(
          code: .invalid,
          message:
            "the manifest of \(source.reference) breaks off or is larger than \(ImageLimit.manifestBytesMax) bytes")
      }
      let type = answer.headers.first(name: "Content-Type").map { String($0.prefix { $0 != ";" && $0 != " " }) }
      switch try walk.next(bytes, mediaType: type, announced: answer.headers.first(name: "Docker-Content-Digest")) {
      case .fetch(let descriptor): key = descriptor.digest.description
      case .done(let image): return image
      }
    }
  }

  func ask(_ source: PullSource, _ asker: Asker) -> @Sendable () async -> Credentials? {
    { await asker.credentials(registry: source.reference.registry, repository: source.reference.name) }
  }

  /// One failure speaks for itself; several are listed, and the most telling one gives the code and the hint.
  static func summary(of failures: [Problem], _ title: String) -> Problem {
    if failures.count == 1 { return failures[0] }
    let order: [Problem.Code] = [.denied, .invalid, .unsupported, .unavailable, .timeout, .notFound]
    let first = order.lazy.compactMap { code in failures.first { $0.code == code } }.first
    return Problem(
      code: first?.code ?? .notFound, message: "\(title): " + failures.map(\.sentence).joined(separator: "; "),
      hint: first?.hint)
  }

  // MARK: login

  func login(_ registry: String, _ credentials: Credentials) async throws(Problem) {
    let insecure = configuration.registries.isInsecure(registry: registry, tlsVerify: configuration.tlsVerify)
    let session = RegistrySession(Peer(registry: registry, isInsecure: insecure), transport)
    let question = RegistrySession.Question(path: "/v2/", repository: "", object: "login", credentials: { credentials })
    do throws(Problem) { _ = try await session.ask(question) } catch {
      guard error.code == .denied, error.hint == "berth login \(registry)" else { throw error }
      throw Problem(
        code: .denied, message: "registry \(registry) refused the name or password of \(credentials.user)",
        hint: "check both and try again")
    }
  }
}
