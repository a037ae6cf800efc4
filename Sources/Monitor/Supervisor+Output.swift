import CSys
import Glibc
import MonitorProtocol
import Sys

extension Supervisor {
  /// Takes what a stream has, for a while: other descriptors want their turn.
  func readOutput(isError: Bool) {
    if case .creating = phase {
      captureRuntimeOutput()
      return
    }
    if !isOutputPaused { _ = readOutput(isError: isError, rounds: 16) }
  }

  /// - Returns: the bytes taken; nil when the stream has nothing more now.
  private func readOutput(isError: Bool, rounds: Int) -> Int? {
    guard let fd = isError ? streams.stderr.number : streams.stdout.number else { return nil }
    var total = 0
    flow.isTouched = true
    let buffer = flow.input
    var kept = 0  // the beginning of a line whose end has not come yet
    for round in 1...rounds {
      let space = UnsafeMutableRawBufferPointer(rebasing: buffer[kept...])
      let got = csys_read(fd, space.baseAddress, space.count)
      if got == -Int(EINTR) { continue }
      if got <= 0 {
        if kept > 0 { writeLog(UnsafeRawBufferPointer(rebasing: buffer[..<kept]), isError: isError, isEnd: true) }
        if got != -Int(EAGAIN) { endOutput(isError: isError) }
        return nil
      }
      total += got
      forward(space.baseAddress!, got, isError: isError)
      let filled = kept + got
      let mayWait = round < rounds && !isOutputPaused
      let done = writeLog(UnsafeRawBufferPointer(rebasing: buffer[..<filled]), isError: isError, isEnd: !mayWait)
      kept = filled - done
      if kept > 0 { memmove(buffer.baseAddress!, buffer.baseAddress! + done, kept) }
      if isOutputPaused || (kept == 0 && got < space.count && got < 4096) { return total }
    }
    return total
  }

  /// Output that came another way than through `readOutput`.
  func take(_ bytes: UnsafeRawBufferPointer, isError: Bool) {
    var place = 0
    while place < bytes.count {
      let count = min(bytes.count - place, flow.input.count)
      memcpy(flow.input.baseAddress!, bytes.baseAddress! + place, count)
      forward(flow.input.baseAddress!, count, isError: isError)
      writeLog(UnsafeRawBufferPointer(rebasing: flow.input[..<count]), isError: isError, isEnd: true)
      place += count
    }
  }

  /// - Returns: bytes done; the rest is a line without its end (none with `isEnd`).
  @discardableResult
  private func writeLog(_ bytes: UnsafeRawBufferPointer, isError: Bool, isEnd: Bool) -> Int {
    guard log != nil else { return bytes.count }
    encoder.begin(.now, isError: isError)
    var place = 0
    while true {
      let step = encoder.encode(UnsafeRawBufferPointer(rebasing: bytes[place...]), isEnd: isEnd)
      place += step.consumed
      if encoder.filled > 0, let error = log!.append(encoder.take()) {
        notes.write("output is lost: write \(configuration.log.path): \(error)")
      }
      if !step.isFull { return place }
    }
  }

  /// Sends output to every client, in packets that lie in the buffer: the byte before each is borrowed for the type.
  private func forward(_ base: UnsafeMutableRawPointer, _ count: Int, isError: Bool) {
    if clients.isEmpty { return }
    let kind = isError ? AttachPacket.Kind.stderr.rawValue : AttachPacket.Kind.stdout.rawValue
    let moment = now
    var place = 0
    while place < count {
      let size = min(count - place, AttachPacket.Limit.payloadBytesMax)
      let start = base + place - 1
      let saved = start.load(as: UInt8.self)
      start.storeBytes(of: kind, as: UInt8.self)
      for client in clients { client.send(UnsafeRawBufferPointer(start: start, count: size + 1), now: moment) }
      start.storeBytes(of: saved, as: UInt8.self)
      place += size
    }
    if clients.contains(where: \.hasBacklog), case .running = phase { pauseOutput() }
  }

  private func pauseOutput() {
    if isOutputPaused { return }
    isOutputPaused = true
    if let fd = streams.stdout.number { poller.remove(fd) }
    if let fd = streams.stderr.number { poller.remove(fd) }
  }

  /// Goes on when every client has what there is, or has gone.
  func resumeOutput() {
    guard isOutputPaused, !clients.contains(where: \.hasBacklog) else { return }
    isOutputPaused = false
    do throws(Errno) {
      if let fd = streams.stdout.number { try poller.add(fd, .stdout) }
      if let fd = streams.stderr.number { try poller.add(fd, .stderr) }
    } catch { notes.write("watch the output again: \(error)") }
  }

  /// Nobody has the other end open any more. A terminal may be opened again by its container.
  private func endOutput(isError: Bool) {
    if isError {
      streams.stderr = nil
    } else if let fd = streams.stdout.number, configuration.terminal {
      // On its edge only: the loop would never sleep on a terminal that nobody has open.
      if !isOutputPaused { try? poller.change(fd, .stdout, Poller.readable | Poller.edge) }
    } else {
      streams.stdout = nil
    }
  }

  /// After the process has ended: everything that it wrote, however slow the clients are.
  func drainOutput() {
    isOutputPaused = false
    for isError in [false, true] {
      var room = Limit.drainBytesMax  // somebody else may hold the stream, and write for ever
      while room > 0, let taken = readOutput(isError: isError, rounds: 16) { room -= taken }
    }
  }
}
