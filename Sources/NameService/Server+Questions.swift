import CSys
import DNSRecords
import Glibc
import Sys

/// Questions by datagram and by stream.
extension Server {
  /// One batch: what arrived later waits until the loop has looked at everybody else.
  func takeQuestions(_ listener: Listener) {
    let bytesMax = Query.Limit.bytesMax
    for index in 0..<Limit.batch {
      received[index].bytes = questions.baseAddress! + index * bytesMax
      received[index].count = UInt32(bytesMax)
    }
    let count = Int(csys_receive_datagrams(listener.socket.borrowed, received.baseAddress, UInt32(Limit.batch)))
    if count <= 0 { return }
    takeChanges()  // records that were there before these questions
    var ready = 0
    for index in 0..<count {
      let room = UnsafeMutableRawBufferPointer(
        rebasing: replies[(ready * Reply.Limit.datagramBytes)..<((ready + 1) * Reply.Limit.datagramBytes)])
      guard let size = answer(received[index], listener, room) else { continue }
      answered[ready].bytes = room.baseAddress
      answered[ready].count = UInt32(size)
      answered[ready].peer = received[index].peer
      answered[ready].peer_size = received[index].peer_size
      ready += 1
    }
    send(ready, on: listener)
  }

  /// - Returns: the reply's bytes; nil is no reply now.
  private func answer(_ datagram: csys_datagram, _ listener: Listener, _ room: UnsafeMutableRawBufferPointer) -> Int? {
    // A longer one was cut off by the kernel: what is there is malformed.
    let packet = UnsafeRawBufferPointer(start: datagram.bytes, count: min(Int(datagram.count), Query.Limit.bytesMax))
    datagram.peer.hostBytes(into: &clientBytes)
    let outcome = resolver.respond(
      to: packet, from: clientBytes[...], at: listener.address, of: listener.network, isStream: false, room: room)
    switch outcome {
    case .silence: return nil
    case .reply(let size): return size
    case .forward(let query, let servers):
      let chosen = servers ?? hostServers()
      let forward = Forward(
        .datagram(listener, datagram.peer), client: clientBytes, packet: Array(packet), query: query,
        upstreams: chosen)
      if begin(forward) { return nil }
      return Reply(packet, query, room: room).finish(query, .serverFailure, isOurs: false)
    }
  }

  /// The kernel takes datagrams one by one: one that cannot go does not stop those behind it.
  private func send(_ count: Int, on listener: Listener) {
    var done = 0
    while done < count {
      let sent = csys_send_datagrams(
        listener.socket.borrowed, answered.baseAddress! + done, UInt32(count - done))
      done += max(1, Int(sent))
    }
  }

  // MARK: streams

  func accept(_ listener: Listener) {
    for _ in 0..<Listener.Limit.backlog {
      var peer = csys_address()
      let result = csys_accept_from(listener.socket.borrowed, &peer, CInt(SOCK_NONBLOCK.rawValue))
      if result < 0 { return }
      let socket = OwnedFD(adopting: result)
      peer.hostBytes(into: &clientBytes)
      makeRoom(for: clientBytes)
      let client = StreamClient(socket, listener, address: clientBytes, now: now)
      let number = slots.add(.client(client))
      client.slot = number
      clients[number] = client
      remindAt(client.deadline)
      if (try? poller.add(client.socket.borrowed, number)) == nil { close(client, number) }
    }
  }

  /// The longest waiting connection goes: of this address where it has its share, else of all.
  private func makeRoom(for address: [UInt8]) {
    let own = clients.filter { $0.value.address == address }
    let crowd =
      own.count >= StreamClient.Limit.clientsPerAddressMax
      ? own : clients.count >= StreamClient.Limit.clientsMax ? clients : [:]
    if let oldest = crowd.min(by: { $0.value.deadline < $1.value.deadline }) { close(oldest.value, oldest.key) }
  }

  func close(_ client: StreamClient, _ number: Slots.Number) {
    clients[number] = nil
    slots.remove(number)
    client.slot = nil
  }

  func serve(_ client: StreamClient, _ number: Slots.Number, _ flags: UInt32) {
    if flags & ~Poller.writable != 0, !receive(client) { return close(client, number) }
    proceed(client)
  }

  /// - Returns: false where the client has gone or sends too much ahead.
  private func receive(_ client: StreamClient) -> Bool {
    let room = StreamClient.Limit.inputBytesMax - client.input.count
    if room <= 0 { return false }
    let got = csys_read(client.socket.borrowed, scratch.baseAddress, room)
    if got == -Int(EAGAIN) || got == -Int(EINTR) { return true }
    if got <= 0 { return false }
    client.input.append(contentsOf: UnsafeRawBufferPointer(rebasing: scratch[..<got]))
    return true
  }

  /// Answers what is whole, in turn, and sends what the socket takes.
  func proceed(_ client: StreamClient) {
    guard let number = client.slot else { return }
    takeChanges()
    while !client.isWaiting {
      guard flush(client, number) else { return close(client, number) }
      guard client.output.isEmpty else { return }  // goes on when the socket takes more
      switch client.takeMessage() {
      case .incomplete: return
      case .wrong: return close(client, number)
      case .message(let message): answer(message, client)
      }
    }
  }

  private func answer(_ message: [UInt8], _ client: StreamClient) {
    message.withUnsafeBytes { packet in
      let outcome = resolver.respond(
        to: packet, from: client.address[...], at: client.listener.address, of: client.listener.network,
        isStream: true, room: UnsafeMutableRawBufferPointer(rebasing: scratch[..<(Limit.scratchBytes - 1)]))
      switch outcome {
      case .silence: break
      case .reply(let size): client.put(UnsafeRawBufferPointer(rebasing: scratch[..<size]))
      case .forward(let query, let servers):
        let chosen = servers ?? hostServers()
        let forward = Forward(.stream(client), client: client.address, packet: message, query: query, upstreams: chosen)
        client.isWaiting = true
        if begin(forward) { return }
        client.isWaiting = false
        let size = Reply(packet, query, room: scratch).finish(query, .serverFailure, isOurs: false)
        client.put(UnsafeRawBufferPointer(rebasing: scratch[..<size]))
      }
    }
    client.deadline = now + StreamClient.Limit.idleMilliseconds
    remindAt(client.deadline)
  }

  /// - Returns: false where the client has gone.
  private func flush(_ client: StreamClient, _ number: Slots.Number) -> Bool {
    if client.output.isEmpty { return true }
    let sent = csys_write(client.socket.borrowed, client.output, client.output.count)
    if sent < 0 && sent != -Int(EAGAIN) && sent != -Int(EINTR) { return false }
    if sent > 0 { client.output.removeFirst(sent) }
    let flags = client.output.isEmpty ? Poller.readable : Poller.writable
    return (try? poller.change(client.socket.borrowed, number, flags)) != nil
  }
}
