import CSys
import Glibc
import JSON
package import Problems
import RegistryClient
import RegistryProtocol
import Synchronization
package import Sys

/// The program's side of the socket: reads requests on the main thread, one task works on each.
package final class Service: Sendable {
  private let socket: OwnedFD
  private let gate: WriteGate
  private let sending = Mutex(())
  private struct State {
    var tasks: [Int: Task<Void, Never>] = [:]
    var questions: [Int: CheckedContinuation<Credentials?, Never>] = [:]
  }
  private let state = Mutex(State())
  /// Or why there is none: then every request is answered with that.
  private let puller: Result<Puller, Problem>

  package init(socket: consuming OwnedFD, configuration: Result<Configuration, Problem>) throws(Errno) {
    gate = try WriteGate()
    try gate.watch(socket.borrowed)
    self.socket = socket
    puller = configuration.map { Puller($0) }
  }

  /// Answers requests until the engine closes its end.
  package func run() throws(Problem) {
    while true {
      let raw = socket.borrowed
      guard try doing("wait for the engine", { () throws(Errno) in try gate.wait(socket: raw) }) else { continue }
      var packet = try doing("read a request") { () throws(Errno) in try RegistryPacket.receive(socket) }
      if packet.bytes.isEmpty { return }
      let json: JSON
      do { json = try JSON.parse(packet.bytes) } catch {
        throw Problem(code: .bug, message: "malformed request", cause: error)
      }
      let (id, request) = try RegistryRequest.read(json)
      handle(id, request, packet.takeDescriptor())
    }
  }

  private func handle(_ id: Int, _ request: RegistryRequest, _ descriptor: consuming OwnedFD?) {
    switch request {
    case .credentials(let credentials):
      state.withLock { $0.questions.removeValue(forKey: id) }?.resume(returning: credentials)
    case .cancel(let target): state.withLock { $0.tasks[target] }?.cancel()
    case .resolve(let reference, let platform):
      begin(id) { puller, asker throws(Problem) in
        .resolved(try await puller.resolve(reference, platform: platform, asker))
      }
    case .login(let registry, let user, let password):
      begin(id) { puller, asker throws(Problem) in
        try await puller.login(registry, Credentials(user: user, password: password))
        return .done(bytes: 0, payload: nil)
      }
    case .blob(let blob): begin(id, blob, descriptor)
    case .download(let url):
      begin(id, intoPipe: descriptor) { puller, _, pipe, progress throws(Problem) in
        try await puller.download(url, into: pipe, progress)
      }
    }
  }

  private func begin(_ id: Int, _ blob: RegistryRequest.BlobRequest, _ descriptor: consuming OwnedFD?) {
    guard blob.kind == .layer else {
      return begin(id) { puller, asker throws(Problem) in
        let bytes = try await puller.smallBlob(blob, asker)
        return .done(bytes: Int64(bytes.count), payload: bytes)
      }
    }
    begin(id, intoPipe: descriptor) { puller, asker, pipe, progress throws(Problem) in
      try await puller.stream(blob, into: pipe, progress, asker)
    }
  }

  /// - Parameter work: fills the pipe; it returns the number of bytes.
  private func begin(
    _ id: Int, intoPipe descriptor: consuming OwnedFD?,
    _ work: @escaping @Sendable (Puller, Asker, PipeWriter, ProgressMeter) async throws(Problem) -> Int64
  ) {
    let pipe: PipeWriter
    do throws(Errno) {
      guard let descriptor = descriptor.take() else { throw .badDescriptor }
      pipe = try PipeWriter(descriptor, gate: gate)
    } catch {
      return send(id, .failed(Problem(code: .bug, message: "a layer's pipe", cause: error)))
    }
    let progress = ProgressMeter { bytes in self.send(id, .progress(bytes: bytes), mayDrop: true) }
    begin(id) { puller, asker throws(Problem) in
      defer { pipe.close() }  // before `done` is said: the reader finds the end of the pipe, too
      return .done(bytes: try await work(puller, asker, pipe, progress), payload: nil)
    }
  }

  private func begin(_ id: Int, _ work: @escaping @Sendable (Puller, Asker) async throws(Problem) -> RegistryEvent) {
    // Under the lock: the task cannot end before it is listed.
    state.withLock { $0.tasks[id] = Task { await self.perform(id, work) } }
  }

  private func perform(_ id: Int, _ work: @Sendable (Puller, Asker) async throws(Problem) -> RegistryEvent) async {
    let event: RegistryEvent
    do throws(Problem) { event = try await work(try puller.get(), Asker(service: self, id: id)) } catch {
      event = .failed(error)
    }
    _ = state.withLock { $0.tasks.removeValue(forKey: id) }
    send(id, event)
  }

  /// - Parameter mayDrop: an engine that is busy misses a progress event, and nobody waits for it.
  fileprivate func send(_ id: Int, _ event: RegistryEvent, mayDrop: Bool = false) {
    let bytes = event.json(id: id).bytes()
    sending.withLock { _ in
      if mayDrop {
        _ = csys_send_fds(socket.borrowed, bytes, bytes.count, nil, 0, CInt(MSG_DONTWAIT))
      } else {
        // An engine that has gone ends the main loop; there is nobody to tell.
        try? RegistryPacket.send(socket, bytes, payloads: event.payloads)
      }
    }
  }

  fileprivate func credentials(_ id: Int, registry: String, repository: String) async -> Credentials? {
    await withCheckedContinuation { continuation in
      state.withLock { $0.questions[id] = continuation }
      send(id, .credentialsNeeded(registry: registry, repository: repository))
    }
  }
}

/// What a request's work may say to the engine, and ask of it.
struct Asker: Sendable {
  fileprivate let service: Service
  fileprivate let id: Int

  func credentials(registry: String, repository: String) async -> Credentials? {
    await service.credentials(id, registry: registry, repository: repository)
  }
  func trying(_ source: String) { service.send(id, .trying(source: source)) }
}

/// Passes on at most ten figures a second.
final class ProgressMeter: Sendable {
  private let report: @Sendable (Int64) -> Void
  private let last = Mutex<ContinuousClock.Instant?>(nil)

  init(_ report: @escaping @Sendable (Int64) -> Void) { self.report = report }

  func advanced(to bytes: Int64) {
    let isDue = last.withLock { last in
      let now = ContinuousClock.now
      if let then = last, now - then < .milliseconds(100) { return false }
      last = now
      return true
    }
    if isDue { report(bytes) }
  }
}
