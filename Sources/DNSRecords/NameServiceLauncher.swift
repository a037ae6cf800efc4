import CSys
import Glibc
package import Problems
import Sys

/// The engine's side of `berth-dns`: starts it where it does not run, and waits until the records are served.
package struct NameServiceLauncher {
  package let directory: RecordDirectory
  /// Path of `berth-dns`.
  package let program: String
  /// More arguments for it, such as `--pid-file FILE`.
  package var arguments: [String] = []

  enum Limit {
    /// Milliseconds for an answer of the service.
    static let answerMilliseconds: CInt = 10_000
    /// Starts, where a service that had nothing left to serve was just ending.
    static let attemptsMax = 3
    static let answerBytesMax = 64 << 10
  }

  package init(directory: RecordDirectory, program: String) {
    self.directory = directory
    self.program = program
  }

  /// Returns when everything that was written before the call is served: containers may be started then.
  ///
  /// The service lives in the network namespace of the caller that started it; it is nobody's child.
  /// - Parameter id: the network that must be served. Others' troubles are not this caller's.
  /// - Throws: why this network is not served, such as an address that somebody else's name server holds.
  package func settle(_ id: String) throws(Problem) {
    for _ in 0..<Limit.attemptsMax {
      if let answer = try Self.ask(directory) {
        if let failure = Self.failure(of: id, in: answer) { throw failure }
        return
      }
      try start()
    }
    throw Problem(code: .unavailable, message: "the name service of \(directory.path) does not stay")
  }

  /// As `settle`, for a network that may be gone: where no service runs there is nothing to do.
  package func settleIfRunning() throws(Problem) { _ = try Self.ask(directory) }

  private func start() throws(Problem) {
    let errors = try doing("make a file in memory") { () throws(Errno) in
      OwnedFD(adopting: try check(csys_memfd_create("berth-dns-errors", 0)))
    }
    let status = try doing("start \(program)") { () throws(Errno) in
      var spawn = Spawn(program, ["--directory", directory.path] + arguments, environment: [])
      spawn.descriptors = [-1, -1, errors.borrowed]
      return try spawn.start().wait()
    }
    if status == .exited(code: 0) { return }
    lseek(errors.borrowed, 0, SEEK_SET)
    let text = (try? readAll(errors, limit: Limit.answerBytesMax)) ?? []
    throw Problem(
      code: .unavailable, message: "start the name service",
      cause: Problem(code: .unavailable, message: String(decoding: text.prefix { $0 != 10 }, as: UTF8.self)))
  }

  /// Asks the service whether all that was written so far is served.
  /// - Returns: nil where none runs, or one that is just ending.
  package static func ask(_ directory: RecordDirectory) throws(Problem) -> [UInt8]? {
    let socket: OwnedFD
    do throws(Errno) {
      socket = try connectUnix(directory.controlSocket, type: CInt(SOCK_SEQPACKET.rawValue))
    } catch {
      switch error {
      case .notFound, .connectionRefused, .noData: return nil
      default: throw Problem(code: Problem.Code(error), message: "ask the name service", cause: error)
      }
    }
    var wanted = pollfd(fd: socket.borrowed, events: Int16(POLLIN), revents: 0)
    let ready = try doing("wait for the name service") { () throws(Errno) in
      try uninterrupted { () throws(Errno) in try check(csys_poll(&wanted, 1, Limit.answerMilliseconds)) }
    }
    if ready == 0 { throw Problem(code: .timeout, message: "the name service does not answer") }
    guard let answer = try? Sys.receive(socket, bytesMax: Limit.answerBytesMax).bytes, !answer.isEmpty else {
      return nil
    }
    return answer
  }

  /// The service's answer: `ok`, then a line `ID MESSAGE` for each network that it cannot serve.
  package static func answer(failures: [(id: String, message: String)]) -> [UInt8] {
    var text = "ok\n"
    for failure in failures where text.utf8.count + failure.message.utf8.count < Limit.answerBytesMax - 512 {
      text += "\(failure.id) \(failure.message)\n"
    }
    return Array(text.utf8)
  }
  static func failure(of id: String, in answer: [UInt8]) -> Problem? {
    for line in answer.split(separator: 10) where line.starts(with: (id + " ").utf8) {
      let message = String(decoding: line.dropFirst(id.utf8.count + 1), as: UTF8.self)
      return Problem(
        code: .unavailable, message: "name service of network \(id): \(message)",
        hint: "stop the other name server on that address, or create the network with --disable-dns")
    }
    return nil
  }
}
