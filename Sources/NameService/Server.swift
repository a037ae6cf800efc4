import CSys
import DNSRecords
import Glibc
import Problems
import Sys

/// The service: one loop, one thread. Records that were renamed into place before a question was sent are read before
/// the question is answered.
final class Server {
  enum Limit {
    /// Datagrams in one system call, each way.
    static let batch = 64
    /// Milliseconds without events after which memory is given back.
    static let quietMilliseconds: CInt = 1_000
    /// Milliseconds until the next try to end, when a writer held the directory.
    static let endMilliseconds: CInt = 50
    static let scratchBytes = 65_536
  }

  let directory: RecordDirectory
  let port: UInt16
  /// Opened before privilege was given up.
  let openDirectory: OwnedFD
  /// The writers' lock file: held while the service ends.
  let writersLock: OwnedFD
  let changes: OwnedFD
  let signals: OwnedFD
  let control: OwnedFD
  let poller: Poller
  var slots = Slots()
  var resolver: Resolver
  var upstreams = Upstreams()
  /// By network.
  var listeners: [String: [(listener: Listener, slot: Slots.Number)]] = [:]
  /// Why a network is not served (wholly, or with its newest records).
  var failures: [String: String] = [:]
  var forwards: [Slots.Number: Forward] = [:]
  var clients: [Slots.Number: StreamClient] = [:]
  /// Nothing is due before.
  var nextDeadline = UInt64.max
  var now: UInt64 = 0
  private var isStopped = false
  private var isTrimDue = true

  // Memory for packets: touched as far as it is used.
  let questions: UnsafeMutableRawBufferPointer
  let replies: UnsafeMutableRawBufferPointer
  let scratch: UnsafeMutableRawBufferPointer
  let received: UnsafeMutableBufferPointer<csys_datagram>
  let answered: UnsafeMutableBufferPointer<csys_datagram>
  /// A client's address, as bytes.
  var clientBytes: [UInt8] = []

  /// Everything that needs privilege: watches, sockets in the directory, limits.
  init(_ directory: RecordDirectory, port: UInt16) throws(Problem) {
    self.directory = directory
    self.port = port
    let path = directory.path
    resolver = Resolver(Catalogue())
    openDirectory = try doing("open \(path)") { () throws(Errno) in try open(path, O_RDONLY | O_DIRECTORY) }
    writersLock = try doing("open \(directory.writersLock)") { () throws(Errno) in
      try open(directory.writersLock, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o600)
    }
    changes = try doing("watch \(path)") { () throws(Errno) in
      let changes = OwnedFD(adopting: try check(csys_inotify_init1(O_NONBLOCK)))
      try check(csys_inotify_add_watch(changes.borrowed, path, UInt32(IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE)))
      return changes
    }
    _ = csys_unlinkat(AT_FDCWD, directory.controlSocket, 0)  // of a service that has gone: we hold the lock
    control = try doing("listen on \(directory.controlSocket)") { () throws(Errno) in
      try listenUnix(
        directory.controlSocket, type: CInt(SOCK_SEQPACKET.rawValue) | CInt(SOCK_NONBLOCK.rawValue), backlog: 128)
    }
    signals = try doing("make a signalfd") { () throws(Errno) in try signalDescriptor([SIGTERM, SIGINT, SIGHUP]) }
    poller = try doing("make an epoll") { () throws(Errno) in try Poller() }
    questions = .allocate(byteCount: Limit.batch * Query.Limit.bytesMax, alignment: 16)
    replies = .allocate(byteCount: Limit.batch * Reply.Limit.datagramBytes, alignment: 16)
    scratch = .allocate(byteCount: Limit.scratchBytes, alignment: 16)
    received = .allocate(capacity: Limit.batch)
    received.initialize(repeating: csys_datagram())
    answered = .allocate(capacity: Limit.batch)
    answered.initialize(repeating: csys_datagram())
    try doing("wait for events") { () throws(Errno) in
      try poller.add(signals.borrowed, slots.add(.signals))
      try poller.add(changes.borrowed, slots.add(.changes))
      try poller.add(control.borrowed, slots.add(.control))
    }
    loadAll()
  }

  /// Serves until nothing is left to serve, or until SIGTERM.
  func run() throws(Problem) {
    let events = UnsafeMutableBufferPointer<epoll_event>.allocate(capacity: Poller.Limit.eventsMax)
    defer { events.deallocate() }
    tick()
    while !isStopped {
      if listeners.isEmpty && failures.isEmpty && canEnd() { return }
      let milliseconds = pause
      let count = try doing("wait for events") { () throws(Errno) in
        try poller.wait(milliseconds: milliseconds, events)
      }
      tick()
      takeChanges()
      for event in events[..<count] { handle(event.data.u64, event.events) }
      if now >= nextDeadline { expire() }
      if count == 0 && isTrimDue && milliseconds == Limit.quietMilliseconds { trim() }
    }
  }

  private func tick() {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    now = UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
  }

  private var pause: CInt {
    if listeners.isEmpty && failures.isEmpty { return Limit.endMilliseconds }
    if nextDeadline != .max { return CInt(nextDeadline > now ? min(nextDeadline - now, 60_000) : 0) }
    return isTrimDue ? Limit.quietMilliseconds : -1
  }
  func remindAt(_ deadline: UInt64) { nextDeadline = min(nextDeadline, deadline) }
  func memoryWasUsed() { isTrimDue = true }
  private func trim() {
    isTrimDue = false
    csys_trim()
    csys_trim_stack()
  }

  private func handle(_ number: Slots.Number, _ flags: UInt32) {
    switch slots[number] {
    case .listener(let listener): listener.isStream ? accept(listener) : takeQuestions(listener)
    case .client(let client): serve(client, number, flags)
    case .forward(let forward): advance(forward)
    case .control: answerControl()
    case .signals: takeSignals()
    case .changes, nil: break  // changes are read before every event
    }
  }

  private func takeSignals() {
    var info = signalfd_siginfo()
    while csys_read(signals.borrowed, &info, MemoryLayout<signalfd_siginfo>.size) > 0 {
      if info.ssi_signo == UInt32(SIGHUP) { loadAll() } else { isStopped = true }
    }
  }

  /// No writer is at work and no file is there. The lock stays held until the process ends: whoever writes next finds
  /// nobody at the control socket and starts a new service.
  private func canEnd() -> Bool {
    guard csys_flock(writersLock.borrowed, LOCK_EX | LOCK_NB) == 0 else { return false }
    loadAll()
    if listeners.isEmpty && failures.isEmpty { return true }
    _ = csys_flock(writersLock.borrowed, LOCK_UN)
    return false
  }

  // MARK: deadlines

  private func expire() {
    nextDeadline = .max
    for forward in forwards.values where forward.deadline <= now { retry(forward, after: nil) }
    for (number, client) in clients where client.deadline <= now && !client.isWaiting { close(client, number) }
    for forward in forwards.values { remindAt(forward.deadline) }
    for client in clients.values where !client.isWaiting { remindAt(client.deadline) }
  }
}
