import CSys
import Glibc
import JSON
import MonitorProtocol
import Problems
import Sys

extension Supervisor {
  enum ExitFile {
    /// Tries, and milliseconds between them, where the disk is full: the engine waits for this file.
    static let triesMax = 30
    static let pauseMilliseconds: Int32 = 100
  }

  /// The container's process has ended: output, exit file, clients, exit command, in this order.
  func processEnded(_ status: ExitStatus) {
    phase = .ended
    drainOutput()
    noticeKills()
    let record = ExitRecord(status, oom: kills > 0, finished: LogTime.now.text())
    let bytes = record.json.bytes()
    writeExitFile(bytes + [10])
    acceptClients()
    let moment = now
    for client in clients {
      client.send(.delivered, now: moment)
      client.send(.exit(bytes), now: moment)
    }
    closeSockets()
    // The first client may clean up itself: it says so, or goes without a word (MonitorConfiguration.exitCommand).
    isExitCommandDue = !configuration.exitCommand.isEmpty
    if !clients.contains(where: \.isFirst) { runExitCommand() }
  }

  private func writeExitFile(_ bytes: [UInt8]) {
    for attempt in 1...ExitFile.triesMax {
      do throws(Errno) {
        try replaceFile(configuration.exitFile, with: bytes, mode: 0o600, durable: configuration.durable)
        return
      } catch {
        if attempt == 1 { notes.write("write \(configuration.exitFile): \(error)") }
        if error == .notFound { return }  // the engine has removed the directory: nobody waits
        _ = csys_poll(nil, 0, ExitFile.pauseMilliseconds)
      }
    }
  }

  private func closeSockets() {
    if listener != nil, let path = configuration.attachSocket { _ = csys_unlinkat(AT_FDCWD, path, 0) }
    if let fd = listener.number { poller.remove(fd) }
    listener = nil
    streams.stdout = nil
    streams.stderr = nil
    input = InputPipe(nil, isTerminal: false)
    memory = nil
    isOutputPaused = false
  }

  func runExitCommand() {
    guard isExitCommandDue else { return }
    isExitCommandDue = false
    guard let program = configuration.exitCommand.first else { return }
    var spawn = Spawn(program, Array(configuration.exitCommand.dropFirst()), environment: currentEnvironment())
    spawn.descriptors = [-1, -1, -1]
    spawn.newSession = true
    do throws(Errno) { _ = try spawn.start() } catch { notes.write("run \(program): \(error)") }
  }
}
