import CSys
import Glibc
import JSON
package import Problems
import Sys

/// The engine's end of one running `berth-registry`: requests go out, events come back, several requests at a time.
///
/// Not for several threads at once. The program ends when this object goes.
package final class RegistryConnection {
  /// A request that was sent; events name it.
  package typealias RequestID = Int

  private let socket: OwnedFD
  private var child: ChildProcess?
  private let credentials: CredentialSource
  private var lastID = 0
  private var early: [(id: RequestID, event: RegistryEvent)] = []
  /// Requests that failed on this side; what the program still says about them is of no use.
  private var abandoned: Set<RequestID> = []

  /// Starts the program.
  package init(_ options: RegistryOptions) throws(Problem) {
    credentials = CredentialSource(options)
    let program = options.program
    let pair = try doing("start \(program)") { () throws(Errno) in
      try SocketPair.make(type: CInt(SOCK_SEQPACKET.rawValue))
    }
    var spawn = Spawn(program, options.arguments, environment: options.environment)
    spawn.descriptors = [-1, -1, 2, pair.second.borrowed]
    child = try doing("start \(program)", hint: "reinstall Berth, or set BERTH_LIBEXEC") { () throws(Errno) in
      try spawn.start()
    }
    socket = pair.closingSecond()
  }

  /// Readable when `nextEvent` has something: for poll(2) or epoll(7).
  package var descriptor: CInt { socket.borrowed }

  /// Sends a request. - Parameter descriptor: a layer's pipe, lent: close your copy afterwards.
  package func send(_ request: RegistryRequest, descriptor: CInt? = nil) throws(Problem) -> RequestID {
    lastID += 1
    try send(request, id: lastID, descriptor: descriptor)
    return lastID
  }

  private func send(_ request: RegistryRequest, id: RequestID, descriptor: CInt? = nil) throws(Problem) {
    do throws(Errno) {
      try Sys.send(socket, request.json(id: id).bytes(), descriptors: descriptor.map { [$0] } ?? [])
    } catch {
      switch error {
      case .brokenPipe, Errno(rawValue: ECONNRESET): throw ended()
      default: throw Problem(code: .unavailable, message: "ask berth-registry", cause: error)
      }
    }
  }

  /// The next event of any request; questions for credentials are answered on the way.
  /// - Parameter timeout: nil waits until there is one.
  /// - Returns: nil when the time is up.
  /// - Throws: when the program has ended or speaks nonsense; a failed request is an event.
  package func nextEvent(timeout: Duration? = nil) throws(Problem) -> (id: RequestID, event: RegistryEvent)? {
    if !early.isEmpty { return early.removeFirst() }
    return try readEvent(deadline: timeout.map { ContinuousClock.now + $0 })
  }

  /// Waits for the end of one request; events of others are kept for `nextEvent`.
  package func finish(_ id: RequestID, _ notice: (RegistryEvent) -> Void = { _ in }) throws(Problem) -> RegistryEvent {
    var place = 0
    while place < early.count {
      guard early[place].id == id else { place += 1; continue }
      let event = early.remove(at: place).event
      if event.isLast { return try succeeded(event) }
      notice(event)
    }
    while true {
      guard let next = try readEvent(deadline: nil) else { continue }
      if next.id != id {
        early.append(next)
      } else if next.event.isLast {
        return try succeeded(next.event)
      } else {
        notice(next.event)
      }
    }
  }

  private func succeeded(_ event: RegistryEvent) throws(Problem) -> RegistryEvent {
    if case .failed(let problem) = event { throw problem }
    return event
  }

  private func readEvent(deadline: ContinuousClock.Instant?) throws(Problem) -> (id: RequestID, event: RegistryEvent)? {
    while true {
      guard try isReadable(before: deadline) else { return nil }
      let packet = try receivePacket()
      let (id, event) = try RegistryEvent.read(packet.json, payloads: packet.payloads)
      if abandoned.contains(id) {
        if event.isLast { abandoned.remove(id) }
        continue
      }
      guard case .credentialsNeeded(let registry, let repository) = event else { return (id, event) }
      do throws(Problem) {
        try send(.credentials(try credentials.find(registry: registry, repository: repository)), id: id)
      } catch {
        try send(.credentials(nil), id: id)
        try send(.cancel(target: id), id: 0)
        abandoned.insert(id)
        return (id, .failed(error))
      }
    }
  }

  private func isReadable(before deadline: ContinuousClock.Instant?) throws(Problem) -> Bool {
    while true {
      var milliseconds: CInt = -1
      if let deadline {
        let left = (deadline - .now) / .milliseconds(1)
        milliseconds = left <= 0 ? 0 : CInt(min(left.rounded(.up), 1_000_000))
      }
      var poll = pollfd(fd: socket.borrowed, events: CShort(POLLIN), revents: 0)
      let ready = csys_poll(&poll, 1, milliseconds)
      if ready > 0 { return true }
      if ready == 0, deadline.map({ $0 <= .now }) ?? false { return false }
      if ready < 0, ready != -EINTR {
        throw Problem(code: .bug, message: "wait for berth-registry", cause: Errno(rawValue: -ready))
      }
    }
  }

  private func receivePacket() throws(Problem) -> (json: JSON, payloads: [[UInt8]]) {
    let packet: RegistryPacket
    do throws(Errno) { packet = try RegistryPacket.receive(socket) } catch {
      if error.rawValue == ECONNRESET { throw ended() }
      throw Problem(code: .unavailable, message: "listen to berth-registry", cause: error)
    }
    if packet.bytes.isEmpty { throw ended() }
    let payloads = try packet.readPayloads()
    do { return (try JSON.parse(packet.bytes), payloads) } catch {
      throw Problem(code: .bug, message: "malformed message from berth-registry", cause: error)
    }
  }

  /// The program closed its end: how it ended says why.
  private func ended() -> Problem {
    guard let process = child.take() else { return Problem(code: .unavailable, message: "berth-registry has ended") }
    let how: String
    switch try? process.wait() {
    case .exited(let code)?: how = "exit status \(code)"
    case .killed(let signal)?: how = "killed by \(SignalName.name(of: signal))"
    case nil: how = "unknown status"
    }
    return Problem(code: .unavailable, message: "berth-registry ended unexpectedly: \(how)")
  }

  deinit {
    guard let process = child.take() else { return }
    _ = csys_shutdown(socket.borrowed, CInt(SHUT_RDWR))
    // It ends by itself; what hangs in a resolver gets no second chance.
    try? process.signal(SIGKILL)
    _ = try? process.wait()
  }
}
