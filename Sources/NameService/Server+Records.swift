import CSys
import DNSRecords
import Glibc
import Problems
import Sys

/// The directory, and the sockets that follow from it.
extension Server {
  /// Reads what has changed since the last look.
  func takeChanges() {
    withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 8) { buffer in
      while true {
        let got = csys_read(changes.borrowed, buffer.baseAddress, buffer.count)
        if got <= 0 { return }
        takeEvents(UnsafeRawBufferPointer(rebasing: buffer[..<got]))
      }
    }
  }

  /// Source: inotify(7), `struct inotify_event`: wd, mask, cookie, len, name.
  private func takeEvents(_ bytes: UnsafeRawBufferPointer) {
    var place = 0
    while place + 16 <= bytes.count {
      let mask = bytes.loadUnaligned(fromByteOffset: place + 4, as: UInt32.self)
      let length = Int(bytes.loadUnaligned(fromByteOffset: place + 12, as: UInt32.self))
      if mask & UInt32(IN_Q_OVERFLOW) != 0 {
        loadAll()
      } else {
        let name = bytes[(place + 16)..<(place + 16 + length)].prefix { $0 != 0 }
        if let id = RecordDirectory.id(ofFile: String(decoding: name, as: UTF8.self)) { load(id) }
      }
      place += 16 + length
    }
  }

  func loadAll() {
    let ids = Set(files().compactMap { RecordDirectory.id(ofFile: $0.name) })
    for gone in Set(resolver.catalogue.networks.keys).union(failures.keys).subtracting(ids) { load(gone) }
    for id in ids.sorted() { load(id) }
  }

  /// A new descriptor each time: the position in a directory belongs to the open file.
  private func files() -> [DirectoryEntry] {
    guard let fresh = try? open(at: openDirectory, ".", O_RDONLY | O_DIRECTORY) else { return [] }
    return (try? entries(of: fresh)) ?? []
  }

  private func load(_ id: String) {
    memoryWasUsed()
    let records: NetworkRecords?
    do throws(Problem) { records = try read(id) } catch {
      failures[id] = error.sentence  // the old records stay
      return
    }
    failures[id] = nil
    let network = records.map { ServedNetwork(id, $0) }
    resolver.catalogue.replace(id, with: network)
    listen(id, network)
    retryFailures(except: id)
  }

  private func read(_ id: String) throws(Problem) -> NetworkRecords? {
    let text: [UInt8]
    do throws(Errno) {
      let file = try open(at: openDirectory, id + RecordDirectory.suffix, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
      text = try readAll(file, limit: NetworkRecords.Limit.fileBytesMax)
    } catch {
      if error == .notFound { return nil }
      throw Problem(code: Problem.Code(error), message: "read the records", cause: error)
    }
    return try NetworkRecords(text: text)
  }

  /// Opens what is new, closes what is gone; what stays is not touched, and its questions wait in the kernel meanwhile.
  private func listen(_ id: String, _ network: ServedNetwork?) {
    let wanted = network?.listenAddresses ?? []
    var open: [(listener: Listener, slot: Slots.Number)] = []
    for entry in listeners[id] ?? [] {
      if let network, wanted.contains(entry.listener.address) {
        entry.listener.network = network
        open.append(entry)
      } else {
        slots.remove(entry.slot)  // the socket closes with its last question that is on its way
      }
    }
    for address in wanted {
      for isStream in [false, true] {
        if open.contains(where: { $0.listener.address == address && $0.listener.isStream == isStream }) { continue }
        guard let network else { continue }
        do throws(Errno) {
          let listener = try Listener(address, port: port, isStream: isStream, network: network)
          let slot = slots.add(.listener(listener))
          try poller.add(listener.socket.borrowed, slot)
          open.append((listener, slot))
        } catch {
          failures[id] = "listen on \(address), port \(port): \(error)"
        }
      }
    }
    listeners[id] = network == nil ? nil : open
  }

  /// An address that somebody else held may be free now.
  private func retryFailures(except changed: String? = nil) {
    for id in failures.keys.sorted() where id != changed {
      guard let network = resolver.catalogue.networks[id] else { continue }
      let missing = network.listenAddresses.count * 2 - (listeners[id]?.count ?? 0)
      if missing == 0 { continue }  // it is its newest file that is wrong
      failures[id] = nil
      listen(id, network)
    }
  }

  /// Everybody who connects is told what is not served, once everything that was written before has been read.
  func answerControl() {
    while true {
      let result = csys_accept4(control.borrowed, 0)
      if result < 0 { return }
      let peer = OwnedFD(adopting: result)
      takeChanges()
      retryFailures()
      try? send(peer, NameServiceLauncher.answer(failures: failures.sorted { $0.key < $1.key }.map { ($0, $1) }))
    }
  }
}
