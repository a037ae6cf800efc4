import CSys
import Glibc
import Problems
import Sys

/// CRIU at work: `criu swrk`, which takes one request over a socket. Source: criu.org, "RPC".
struct CriuProcess: ~Copyable {
  private let socket: OwnedFD
  private let child: ChildProcess
  var pid: pid_t { child.pid }

  private enum Limit {
    static let messageBytesMax = 64 << 10
    static let logBytesMax = 64 << 20
    static let quotedLines = 3
  }
  /// Descriptor numbers in CRIU: the socket, and the first of ours that it inherits.
  static let socketNumber: CInt = 3, firstInherited: CInt = 4

  /// Where the program is.
  /// - Throws: `.unsupported`, with what to install.
  static func find(_ given: String?) throws(Problem) -> String {
    if let given {
      if csys_faccessat2(AT_FDCWD, given, X_OK, 0) == 0 { return given }
      throw Problem(code: .unsupported, message: "--criu: \(given) cannot be executed")
    }
    if let program = ProgramSearch(more: ["/usr/local/sbin", "/usr/sbin", "/sbin"]).find("criu") { return program }
    throw Problem(
      code: .unsupported, message: "checkpoint and restore need CRIU, and there is no program \"criu\"",
      hint: "install the package criu, or name the program with --criu")
  }

  /// - Parameter streams: CRIU's first three descriptors, which a restored container may keep.
  /// - Parameter inherited: become descriptors 4, 5, … of CRIU.
  init(program: String, streams: [CInt], inherited: [CInt]) throws(Problem) {
    let ends = try doing("make a socket pair") { () throws(Errno) in
      try SocketPair.make(type: CInt(SOCK_SEQPACKET.rawValue))
    }
    var spawn = Spawn(program, ["swrk", String(Self.socketNumber)], environment: currentEnvironment())
    spawn.descriptors = streams + [ends.second.borrowed] + inherited
    let start = spawn
    child = try doing("start \(program)") { () throws(Errno) in try start.start() }
    ends.second.close()
    socket = ends.first
  }

  /// Sends the request and answers notices until the work is done.
  ///
  /// - Parameter notice: hears each notice, with the terminal's master where it brings one; may refuse to go on.
  /// - Returns: CRIU's last word. It has ended.
  func serve(
    _ request: CriuRequest, notice: (CriuResponse, CInt?) throws(Problem) -> Void
  ) throws(Problem) -> CriuResponse {
    let outcome: Result<CriuResponse, Problem>
    do throws(Problem) { outcome = .success(try converse(request, notice)) } catch {
      let cause = error.cause as? Errno
      let hasGone = cause == .brokenPipe || cause?.rawValue == ECONNRESET
      outcome = hasGone ? .success(CriuResponse(failure: "criu ended unexpectedly")) : .failure(error)
    }
    _ = csys_shutdown(socket.borrowed, CInt(SHUT_WR))  // CRIU takes its work back when nobody listens any more
    let status = try doing("wait for criu") { () throws(Errno) in try child.wait() }
    let response = try outcome.get()
    if response.isSuccess, status != .exited(code: 0), request.task != .preDump {
      throw Problem(code: .unavailable, message: "criu ended with \(status)")
    }
    return response
  }

  private borrowing func converse(
    _ request: CriuRequest, _ notice: (CriuResponse, CInt?) throws(Problem) -> Void
  ) throws(Problem) -> CriuResponse {
    try say(request.bytes)
    while true {
      let got = try doing("hear from criu") { () throws(Errno) in
        try receive(socket, bytesMax: Limit.messageBytesMax, descriptorsMax: 1)
      }
      if got.bytes.isEmpty { return CriuResponse(failure: "criu ended unexpectedly") }
      guard let response = CriuResponse(bytes: got.bytes) else {
        throw Problem(code: .unavailable, message: "criu sent something unreadable")
      }
      guard response.type == CriuResponse.notice, response.isSuccess else { return response }
      defer { for fd in got.descriptors { _ = csys_close(fd) } }
      try notice(response, got.descriptors.first)
      try say(CriuRequest.proceed)
    }
  }
  private borrowing func say(_ bytes: [UInt8]) throws(Problem) {
    try doing("speak to criu") { () throws(Errno) in try send(socket, bytes) }
  }

  /// What went wrong, in CRIU's words: its log's last errors.
  static func failure(_ what: String, _ response: CriuResponse, log: String) -> Problem {
    let text = (try? readText(log, limit: Limit.logBytesMax)) ?? ""
    var quoted = text.split(separator: "\n").filter { $0.contains("Error (") }.map { String($0.drop { $0 != "E" }) }
    if quoted.isEmpty, let message = response.message, !message.isEmpty { quoted = [message] }
    return Problem(
      code: .unavailable,
      message: ["\(what): criu failed", quoted.suffix(Limit.quotedLines).joined(separator: "; ")]
        .filter { !$0.isEmpty }.joined(separator: ": "),
      hint: "`criu check` tells what this kernel lacks; open files, sockets and terminals need their flag "
        + "(--file-locks, --tcp-established, --ext-unix-sk, --shell-job)",
      cause: response.errno == 0 ? nil : Errno(rawValue: response.errno))
  }
}
