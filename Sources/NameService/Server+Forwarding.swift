import CSys
import DNSRecords
import Glibc
import Sys

/// Questions about the rest of the world.
extension Server {
  func hostServers() -> [HostAddress] {
    upstreams.refreshed(now).filter { resolver.catalogue.ownAddresses[$0] == nil }
  }

  /// - Returns: false where nobody can be asked, or too much is on its way: the client is told at once.
  func begin(_ forward: Forward) -> Bool {
    guard !forward.upstreams.isEmpty, forwards.count < Forward.Limit.pendingMax else { return false }
    if forwards.count >= Forward.Limit.pendingMax / 2 {
      let own = forwards.values.reduce(0) { $0 + ($1.client == forward.client ? 1 : 0) }
      if own >= Forward.Limit.pendingPerClientMax { return false }
    }
    return ask(forward)
  }

  /// Sends the question to the next server that can be reached.
  private func ask(_ forward: Forward) -> Bool {
    while forward.attempts < forward.attemptsMax {
      do throws(Errno) {
        try forward.connect()
        guard let socket = forward.socket?.borrowed else { continue }
        let number = slots.add(.forward(forward))
        forward.slot = number
        forwards[number] = forward
        forward.deadline =
          now + (forward.isStream ? Forward.Limit.streamMilliseconds : Forward.Limit.datagramMilliseconds)
        remindAt(forward.deadline)
        try poller.add(socket, number, forward.isStream ? Poller.writable : Poller.readable)
        return true
      } catch {
        drop(forward)
      }
    }
    return false
  }

  private func drop(_ forward: Forward) {
    if let number = forward.slot {
      forwards[number] = nil
      slots.remove(number)
    }
    forward.slot = nil
    forward.socket = nil
  }

  /// The server did not answer, or not well: the next one; after the last the client gets what there is.
  /// - Parameter reply: a refusal that is passed on where nobody answers better.
  func retry(_ forward: Forward, after reply: UnsafeMutableRawBufferPointer?) {
    drop(forward)
    if reply == nil || forward.hasFreshServer, ask(forward) { return }
    if let reply { return deliver(reply, forward) }
    forward.packet.withUnsafeBytes { packet in
      let room = UnsafeMutableRawBufferPointer(rebasing: scratch[..<Reply.Limit.datagramBytes])
      let size = Reply(packet, forward.query, room: room).finish(forward.query, .serverFailure, isOurs: false)
      deliver(UnsafeMutableRawBufferPointer(rebasing: room[..<size]), forward)
    }
  }

  func advance(_ forward: Forward) {
    forward.isStream ? advanceStream(forward) : advanceDatagram(forward)
  }

  private func advanceDatagram(_ forward: Forward) {
    guard let socket = forward.socket?.borrowed else { return }
    for _ in 0..<16 {  // a guesser's packets are looked at in turn with everybody else's
      let got = csys_read(socket, scratch.baseAddress, scratch.count)
      if got == -Int(EAGAIN) || got == -Int(EINTR) { return }
      if got < 0 { return retry(forward, after: nil) }  // ICMP: nobody is there
      let reply = UnsafeMutableRawBufferPointer(rebasing: scratch[..<got])
      if forward.accepts(UnsafeRawBufferPointer(reply)) { return finish(forward, reply) }
    }
  }

  private func advanceStream(_ forward: Forward) {
    guard let socket = forward.socket?.borrowed, let number = forward.slot else { return }
    if !forward.isSent {
      do throws(Errno) {
        let count = forward.packet.count
        try forward.send([UInt8(count >> 8), UInt8(truncatingIfNeeded: count)])
        try poller.change(socket, number, Poller.readable)
      } catch {
        retry(forward, after: nil)
      }
      return
    }
    let got = csys_read(socket, scratch.baseAddress, scratch.count)
    if got == -Int(EAGAIN) || got == -Int(EINTR) { return }
    if got <= 0 { return retry(forward, after: nil) }
    forward.input.append(contentsOf: UnsafeRawBufferPointer(rebasing: scratch[..<got]))
    guard forward.input.count >= 2 else { return }
    let size = Int(forward.input[0]) << 8 | Int(forward.input[1])
    guard forward.input.count >= 2 + size else { return }
    forward.input.withUnsafeMutableBytes { input in
      let reply = UnsafeMutableRawBufferPointer(rebasing: input[2..<(2 + size)])
      scratch.copyMemory(from: UnsafeRawBufferPointer(reply))
    }
    let reply = UnsafeMutableRawBufferPointer(rebasing: scratch[..<size])
    forward.accepts(UnsafeRawBufferPointer(reply)) ? finish(forward, reply) : retry(forward, after: nil)
  }

  /// A server that cannot or does not want to is no reason to stop, as long as another one is there.
  private func finish(_ forward: Forward, _ reply: UnsafeMutableRawBufferPointer) {
    switch ResponseCode(rawValue: reply[3] & 0x0f) {
    case .serverFailure, .refused, .notImplemented:
      if forward.hasFreshServer { return retry(forward, after: reply) }
    case .noError, .nameError, .formatError, nil: break
    }
    drop(forward)
    deliver(reply, forward)
  }

  /// Under the client's own id; what its datagram cannot take becomes a truncated reply.
  private func deliver(_ reply: UnsafeMutableRawBufferPointer, _ forward: Forward) {
    reply[0] = forward.packet[0]
    reply[1] = forward.packet[1]
    switch forward.origin {
    case .stream(let client):
      guard client.slot != nil else { return }
      client.put(UnsafeRawBufferPointer(reply))
      client.isWaiting = false
      client.deadline = now + StreamClient.Limit.idleMilliseconds
      remindAt(client.deadline)
      proceed(client)
    case .datagram(let listener, let peer):
      var count = reply.count
      if count > forward.query.datagramBytesMax {
        reply[2] |= 0x02  // TC
        for place in 6..<Query.headerBytes { reply[place] = 0 }
        count = forward.query.questionEnd
      }
      answered[0].bytes = reply.baseAddress
      answered[0].count = UInt32(count)
      answered[0].peer = peer
      answered[0].peer_size = peer.size
      _ = csys_send_datagrams(listener.socket.borrowed, answered.baseAddress, 1)
    }
  }
}
