import CSys
import Glibc
package import Problems
package import Sys

/// A client's side of attaching: copies between this process's streams and the container's until one of them ends.
package struct AttachSession: ~Copyable {
  /// What is connected to what. Descriptors are lent.
  package struct Options {
    /// Read and sent as the container's input; nil sends nothing.
    package var input: CInt? = 0
    /// Where the container's standard output goes; nil drops it.
    package var output: CInt? = 1
    package var errors: CInt? = 2
    /// The container has a terminal: ours becomes raw, and its size is passed on.
    package var terminal = false
    package var detachKeys = DetachKeys.standard
    /// The window's size is sent twice, a row too many first, so that a program that runs already draws itself again.
    package var redraws = false
    /// Gets signals that this process receives, for the container. nil: they end this process, terminal restored.
    package var forwardSignal: ((CInt) -> Void)?

    package init() {}
  }

  package enum Outcome: Equatable, Sendable {
    case exited(ExitRecord)
    /// The detach keys were typed: the container goes on.
    case detached
    /// The monitor has gone, or has dropped this client, without telling the end.
    case disconnected
  }

  enum Limit {
    /// Bytes of one read of the input.
    static let inputBytes = AttachPacket.Limit.payloadBytesMax
    /// Milliseconds that a monitor may take to notice a new client: a container's output may keep it busy.
    static let connectMilliseconds: CInt = 30_000
  }
  /// Signals for the container. Terminal stops (SIGTSTP, ...) stay this process's own.
  static let forwarded: [CInt] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM, SIGCONT]
  /// Without forwarding: signals that end this process, after the terminal is restored.
  static let ending: [CInt] = [SIGHUP, SIGINT, SIGQUIT, SIGTERM]

  private let socket: OwnedFD
  private let options: Options
  private var watch: DetachWatch
  /// Watching for detach keys makes sense for a person only: bytes of a file may be any.
  private let isInteractive: Bool
  private var isInputOpen: Bool
  /// Packets that the socket did not take yet: input is not read meanwhile.
  private var outbox: [[UInt8]] = []
  private var isSizeDue: Bool
  private var buffer: UnsafeMutableRawBufferPointer

  /// - Parameter socket: a connection from `connect`, or the other end of a monitor's descriptor 5.
  package init(_ socket: consuming OwnedFD, options: Options = Options()) {
    self.socket = socket
    self.options = options
    isInteractive = options.terminal && options.input.map(RawTerminal.isTerminal) == true
    watch = DetachWatch(isInteractive ? options.detachKeys : .none)
    isInputOpen = options.input != nil
    isSizeDue = options.terminal
    buffer = .allocate(byteCount: 2 * AttachPacket.Limit.packetBytesMax, alignment: 16)
  }
  deinit { buffer.deallocate() }

  /// Connects to a monitor's attach socket. From now on no output is missed: start the container after this.
  /// - Throws: `.notFound` where no monitor listens: the container has ended.
  package static func connect(_ path: String) throws(Problem) -> OwnedFD {
    let socket: OwnedFD
    do throws(Errno) { socket = try connectUnix(path, type: CInt(SOCK_SEQPACKET.rawValue)) } catch {
      let code: Problem.Code = error == .connectionRefused ? .notFound : Problem.Code(error)
      throw Problem(code: code, message: "attach to \(path)", cause: error)
    }
    // The monitor's first packet says that it has this client on its list; it is looked at, not taken.
    var wanted = pollfd(fd: socket.borrowed, events: Int16(POLLIN), revents: 0)
    let ready = try doing("attach to \(path)") { () throws(Errno) in
      try uninterrupted { () throws(Errno) in try check(csys_poll(&wanted, 1, Limit.connectMilliseconds)) }
    }
    if ready == 0 { throw Problem(code: .timeout, message: "attach to \(path): the monitor does not answer") }
    return socket
  }

  /// Gives a container's terminal a size, without attaching. Where there is no terminal it does nothing.
  package static func resize(_ path: String, rows: UInt16, columns: UInt16) throws(Problem) {
    let socket = try connect(path)
    try doing("resize the terminal at \(path)") { () throws(Errno) in
      try Sys.send(socket, AttachPacket.resize(rows: rows, columns: columns).bytes)
    }
  }

  /// Runs until the container ends, the user detaches or the monitor goes. The terminal is restored on every path.
  package consuming func run() throws(Problem) -> Outcome {
    let listened = options.forwardSignal == nil ? Self.ending : Self.forwarded
    let mask = SignalMask(blocking: listened + [SIGWINCH, SIGPIPE])
    defer { mask.restore() }
    let signals = try doing("make a signalfd") { () throws(Errno) in try signalDescriptor(listened + [SIGWINCH]) }
    switch try copyRaw(signals) {  // the terminal is as it was before anybody sees the outcome
    case .outcome(let outcome): return outcome
    case .signal(let number):
      mask.restore()
      signal(number, SIG_DFL)
      _ = csys_kill(getpid(), number)
      return .disconnected
    }
  }

  private enum Ending {
    case outcome(Outcome)
    case signal(CInt)
  }

  private mutating func copyRaw(_ signals: borrowing OwnedFD) throws(Problem) -> Ending {
    guard isInteractive, let input = options.input else { return try copy(signals) }
    let terminal = try doing("make the terminal raw") { () throws(Errno) in try RawTerminal(input) }
    let ending: Ending
    do throws(Problem) { ending = try copy(signals) } catch {
      terminal.restore()
      throw error
    }
    terminal.restore()
    return ending
  }

  private mutating func copy(_ signals: borrowing OwnedFD) throws(Problem) -> Ending {
    while true {
      sendSize()
      let readsInput = isInputOpen && outbox.isEmpty
      var waiting = (
        pollfd(fd: socket.borrowed, events: Int16(POLLIN | (outbox.isEmpty ? 0 : POLLOUT)), revents: 0),
        pollfd(fd: signals.borrowed, events: Int16(POLLIN), revents: 0),
        pollfd(fd: readsInput ? options.input ?? -1 : -1, events: Int16(POLLIN), revents: 0)
      )
      try doing("wait for the container") { () throws(Errno) in
        _ = try uninterrupted { () throws(Errno) in try check(csys_poll(&waiting, 3, -1)) }
      }
      if waiting.1.revents != 0, let ending = takeSignals(signals) { return .signal(ending) }
      if waiting.0.revents & Int16(POLLOUT) != 0 { sendOutbox() }
      if waiting.0.revents & ~Int16(POLLOUT) != 0, let outcome = try takePackets() { return .outcome(outcome) }
      if waiting.2.revents != 0, takeInput() { return .outcome(.detached) }
    }
  }

  /// - Returns: a signal that ends this process.
  private mutating func takeSignals(_ signals: borrowing OwnedFD) -> CInt? {
    var info = signalfd_siginfo()
    while csys_read(signals.borrowed, &info, MemoryLayout<signalfd_siginfo>.size) > 0 {
      let number = CInt(info.ssi_signo)
      if number == SIGWINCH {
        isSizeDue = options.terminal
      } else if let forward = options.forwardSignal {
        forward(number)
      } else {
        return number
      }
    }
    return nil
  }

  // MARK: container to us

  private mutating func takePackets() throws(Problem) -> Outcome? {
    for _ in 0..<16 {
      var descriptors: CInt = 0
      let got = csys_receive_fds(
        socket.borrowed, buffer.baseAddress, AttachPacket.Limit.packetBytesMax, nil, &descriptors, CInt(MSG_DONTWAIT))
      if got == -Int(EAGAIN) || got == -Int(EINTR) { return nil }
      // The monitor left with input unread: told once, before the output that still waits here.
      if got == -Int(ECONNRESET) { continue }
      if got <= 0 { return .disconnected }
      let payload = UnsafeRawBufferPointer(rebasing: buffer[1..<got])
      switch AttachPacket.Kind(rawValue: buffer[0]) {
      case .stdout: try show(payload, on: options.output)
      case .stderr: try show(payload, on: options.errors)
      case .exit: return .exited(try ExitRecord(bytes: Array(payload)))
      case .delivered, .stdin, .stdinEnd, .resize, .detach, nil: break
      }
    }
    return nil
  }

  private func show(_ bytes: UnsafeRawBufferPointer, on fd: CInt?) throws(Problem) {
    guard let fd else { return }
    var rest = bytes
    while !rest.isEmpty {
      let written = csys_write(fd, rest.baseAddress, rest.count)
      if written == -Int(EINTR) { continue }
      if written == -Int(EAGAIN) {  // somebody else made it non-blocking
        var wanted = pollfd(fd: fd, events: Int16(POLLOUT), revents: 0)
        _ = csys_poll(&wanted, 1, -1)
        continue
      }
      if written < 0 {
        let error = Errno(rawValue: CInt(-written))
        throw Problem(code: Problem.Code(error), message: "write the container's output", cause: error)
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
    }
  }

  // MARK: us to container

  /// - Returns: true when the detach keys were typed.
  private mutating func takeInput() -> Bool {
    let space = UnsafeMutableRawBufferPointer(rebasing: buffer[AttachPacket.Limit.packetBytesMax...])
    let got = csys_read(options.input ?? -1, space.baseAddress! + 1, Limit.inputBytes)
    if got == -Int(EAGAIN) || got == -Int(EINTR) { return false }
    if got <= 0 {  // a terminal that has gone reads as an error: for the container both are the end
      isInputOpen = false
      let held = watch.finish()
      if !held.isEmpty { post(AttachPacket.stdin(held).bytes) }
      post(AttachPacket.stdinEnd.bytes)
      return false
    }
    if !isInteractive {  // the fast path: the packet lies in the buffer
      space[0] = AttachPacket.Kind.stdin.rawValue
      let packet = UnsafeRawBufferPointer(rebasing: space[..<(got + 1)])
      if !send(packet) { outbox.append(Array(packet)) }
      return false
    }
    let (bytes, isDetached) = watch.pass(space[1...got])
    if !bytes.isEmpty { post(AttachPacket.stdin(bytes).bytes) }
    if isDetached { post(AttachPacket.detach.bytes) }
    return isDetached
  }

  private mutating func sendSize() {
    guard isSizeDue, outbox.isEmpty else { return }
    isSizeDue = false
    let terminals = [options.input, options.output, options.errors].compactMap { $0 }
    for fd in terminals {
      guard let size = RawTerminal.size(fd) else { continue }
      if options.redraws && size.rows < .max {
        post(AttachPacket.resize(rows: size.rows + 1, columns: size.columns).bytes)
      }
      post(AttachPacket.resize(rows: size.rows, columns: size.columns).bytes)
      return
    }
  }

  private mutating func post(_ packet: [UInt8]) {
    if !outbox.isEmpty || !packet.withUnsafeBytes({ send($0) }) { outbox.append(packet) }
  }

  private mutating func sendOutbox() {
    while let packet = outbox.first, packet.withUnsafeBytes({ send($0) }) { outbox.removeFirst() }
  }

  /// - Returns: false when the socket is full.
  private func send(_ packet: UnsafeRawBufferPointer) -> Bool {
    while true {
      let sent = csys_send_fds(socket.borrowed, packet.baseAddress, packet.count, nil, 0, CInt(MSG_DONTWAIT))
      if sent == -Int(EINTR) { continue }
      if sent == -Int(EAGAIN) || sent == -Int(ENOBUFS) { return false }
      return true  // a monitor that has gone shows when its packets are read: the last ones may wait there
    }
  }
}

/// Signals blocked for a while; the mask before is known.
private struct SignalMask {
  private var before = sigset_t()

  init(blocking signals: [CInt]) {
    var set = sigset_t()
    sigemptyset(&set)
    for signal in signals { sigaddset(&set, signal) }
    _ = csys_sigprocmask(SIG_BLOCK, &set, &before)
  }
  func restore() {
    var set = before
    _ = csys_sigprocmask(SIG_SETMASK, &set, nil)
  }
}
