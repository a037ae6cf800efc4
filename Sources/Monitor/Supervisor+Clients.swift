import CSys
import Glibc
import MonitorProtocol
import Sys

extension Supervisor {
  /// Takes everybody who has knocked. Each is told that it misses nothing from here on.
  func acceptClients() {
    while let fd = listener.number {
      let raw = csys_accept4(fd, 0)
      if raw < 0 { return }
      let client = Client(OwnedFD(adopting: raw), isFirst: false)
      if clients.count >= Client.Limit.clientsMax {
        notes.write("a client is sent away: \(clients.count) are attached")
        continue
      }
      client.send(.delivered, now: now)
      add(client)
    }
  }

  func add(_ client: Client) {
    clients.append(client)
    register(client)
  }

  /// Puts a client into the loop for what it is wanted for: nothing is read from it while the input is full.
  private func register(_ client: Client) {
    let flags = (input.isFull ? 0 : Poller.readable) | (client.hasBacklog ? Poller.writable : 0)
    let wanted: UInt32? = flags == 0 ? nil : flags
    if client.registered == wanted { return }
    do throws(Errno) {
      switch (client.registered, wanted) {
      case (nil, let flags?): try poller.add(client.fd, .client, flags)
      case (_?, let flags?): try poller.change(client.fd, .client, flags)
      case (_, nil): poller.remove(client.fd)
      }
      client.registered = wanted
    } catch { notes.write("watch a client: \(error)") }
  }

  /// A client's socket is ready.
  func serve(_ event: Event) {
    guard let client = clients.first(where: { $0.fd == event.fd }) else { return }
    if event.flags & (Poller.writable | Poller.gone) != 0 { client.flush(now: now) }
    if event.isReadable && !input.isFull { receive(from: client) }
  }

  private func receive(from client: Client) {
    flow.isTouched = true
    for _ in 0..<16 where !input.isFull {
      guard let size = client.receive(into: flow.packet) else { return }
      if size == 0 {
        drop(client)
        return
      }
      let packet = UnsafeRawBufferPointer(rebasing: flow.packet[..<size])
      switch AttachPacket.Kind(rawValue: packet[0]) {
      case .stdin:
        client.ownsInput = true
        input.write(UnsafeRawBufferPointer(rebasing: packet[1...]))
        if input.isFull { watchInput() }
      case .stdinEnd:
        client.ownsInput = true
        if configuration.stdinOnce { input.end() }
      case .resize:
        if case .resize(let rows, let columns)? = AttachPacket(packet) { resize(rows, columns) }
      case .detach:
        if client.isFirst { isExitCommandDue = false }
        drop(client)
        return
      case .stdout, .stderr, .exit, .delivered, nil: break  // not for us
      }
    }
  }

  private func resize(_ rows: UInt16, _ columns: UInt16) {
    windowSize = (rows, columns)
    guard configuration.terminal, let fd = streams.stdout.number else { return }
    _ = csys_set_window_size(fd, rows, columns)  // the kernel sends SIGWINCH
  }

  func drop(_ client: Client) {
    poller.remove(client.fd)
    clients.removeAll { $0 === client }
    // Who detaches, or loses the connection to a terminal, may come back.
    if configuration.stdinOnce && client.ownsInput && !configuration.terminal { input.end() }
    if client.isFirst { runExitCommand() }
  }

  private func watchInput() {
    guard let fd = input.number else { return }
    do throws(Errno) { try poller.add(fd, .stdin, Poller.writable) } catch { notes.write("watch the input: \(error)") }
  }

  /// The container takes input again.
  func flushInput() {
    guard let fd = input.number else { return }
    input.flush()
    if !input.isFull { poller.remove(fd) }
  }

  /// After each round of events: who has gone is dropped, who waits is registered for it.
  func afterEvents() {
    let moment = now
    for client in clients {
      if client.isBroken {
        drop(client)
      } else if !client.isFirst, let since = client.stalledSince, moment - since >= Client.Limit.stallMillisecondsMax {
        notes.write("a client is dropped: it took no output for \(moment - since) ms")
        drop(client)
      } else {
        register(client)
      }
    }
    resumeOutput()
  }
}
