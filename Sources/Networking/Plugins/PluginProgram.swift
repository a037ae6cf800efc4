import CSys
import Glibc
import JSON
import Problems
import Sys

/// Where plugins are looked for: absolute directories, the first that has one counts.
public struct PluginDirectories: Hashable, Sendable {
  public let paths: [String]
  /// Source: CNI's own place, Debian's, and Fedora's.
  public static let standard = PluginDirectories(["/opt/cni/bin", "/usr/lib/cni", "/usr/libexec/cni"])
  public init(_ paths: [String]) { self.paths = paths }

  /// The program of a plugin. - Throws: `.notFound`; `.denied` for one that others than root could have changed.
  func program(_ type: String, network: String) throws(Problem) -> String {
    for directory in paths {
      let path = "\(directory)/\(type)"
      guard csys_faccessat2(AT_FDCWD, path, X_OK, AT_EACCESS) == 0 else { continue }
      try TrustedFile.check(directory, what: "CNI plugin directory")
      try TrustedFile.check(path, what: "CNI plugin")
      return path
    }
    throw Problem(
      code: .notFound,
      message: "CNI plugin \"\(type)\" of network \(network) is not in \(paths.joined(separator: ", "))",
      hint: "install it (Debian: containernetworking-plugins), or name its directory with --cni-plugin-dir")
  }
}

/// Files by which root runs what they say: only root may be able to change them.
enum TrustedFile {
  static func check(_ path: String, what: String) throws(Problem) {
    let found = try doing("look at \(what) \(path)") { () throws(Errno) in try status(path) }
    try check(found, path, what: what)
  }
  static func check(_ found: stat, _ path: String, what: String) throws(Problem) {
    guard found.st_uid == 0 || found.st_uid == geteuid(), found.st_mode & (S_IWGRP | S_IWOTH) == 0 else {
      throw Problem(
        code: .denied, message: "\(what) \(path) is not used: others than root can change it",
        hint: "chown root:root \(path); chmod go-w \(path)")
    }
  }
}

/// One run of a plugin. Source: CNI specification 1.0.0, section 2.
struct PluginProgram {
  enum Command: String { case add = "ADD", check = "CHECK", delete = "DEL", version = "VERSION" }

  enum Limit {
    /// Bytes of an answer.
    static let answerBytesMax = 1 << 20
    /// Bytes on its standard error; what is more is not kept.
    static let errorBytesMax = 16 << 10
    /// How long one run may take: a lease by DHCP takes some seconds.
    static let milliseconds = 60_000
    /// Of its words in our messages.
    static let wordsBytesMax = 1024
  }

  let path: String
  /// "CNI plugin bridge of network web".
  let title: String
  var milliseconds = Limit.milliseconds

  /// - Parameters:
  ///   - variables: CNI_CONTAINERID and the others; nothing else of our environment is there but a fixed PATH.
  ///   - held: a lock that the plugin holds, too, until its end.
  /// - Returns: what it wrote; empty where it succeeded without a word. - Throws: what it says went wrong.
  func run(_ command: Command, input: JSON, variables: [String], held: CInt? = nil) throws(Problem) -> [UInt8] {
    let environment =
      ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "CNI_COMMAND=\(command.rawValue)"]
      + variables
    let run = Output()
    let status = try doing("run \(title) (\(path))") { () throws(Errno) in
      let question = OwnedFD(adopting: try check(csys_memfd_create("cni-input", 0)))
      try writeAll(question, input.bytes())
      _ = lseek(question.borrowed, 0, SEEK_SET)
      let out = try Pipe.make()
      let err = try Pipe.make()
      var spawn = Spawn(path, [], environment: environment)
      spawn.descriptors = [question.borrowed, out.writer.borrowed, err.writer.borrowed]
      if let held { spawn.descriptors.append(held) }
      spawn.newSession = true  // so that all that it started can be ended with it
      let child = try spawn.start()
      try run.gather(child, out.closingWriter(), err.closingWriter(), milliseconds: milliseconds)
      return try child.wait()
    }
    switch run.end {
    case .tooMuch:
      throw Problem(
        code: .invalid, message: "\(title) (\(command.rawValue)) answered more than \(Limit.answerBytesMax) bytes")
    case .tooLong:
      throw Problem(
        code: .timeout, message: "\(title) (\(command.rawValue)) did not end within \(milliseconds / 1000) seconds",
        hint: "it was killed; try it by hand: \(path)")
    case .ended: break
    }
    if status == .exited(code: 0) { return run.answer }
    throw failure(command, status, run)
  }

  /// - Source: CNI specification 1.0.0, section 5, "Error".
  private func failure(_ command: Command, _ status: ExitStatus, _ run: Output) -> Problem {
    let title = "\(title) failed (\(command.rawValue))"
    guard let json = try? JSON.parse(run.answer), let code = json["code"]?.integer(Int.self) else {
      let said = Self.words(String(decoding: run.errors.isEmpty ? run.answer : run.errors, as: UTF8.self))
      let end =
        if case .killed(let signal) = status { "killed by signal \(signal)" } else { "exit \(status.shellCode)" }
      return Problem(code: .unavailable, message: "\(title): \(said.isEmpty ? "it said nothing" : said) (\(end))")
    }
    var message = "\(title): \(Self.words(json["msg"]?.string ?? "no message"))"
    if let details = json["details"]?.string, !details.isEmpty { message += ": \(Self.words(details))" }
    message += " (code \(code))"
    let (kind, hint): (Problem.Code, String?) =
      switch code {
      case 1: (.unsupported, "write a cniVersion that the plugin knows: CNI_COMMAND=VERSION \(path)")
      case 2: (.unsupported, "the plugin does not know a field of the network's configuration: correct that")
      case 3: (.notFound, nil)
      case 4: (.invalid, nil)
      case 6, 7: (.invalid, "correct the network's configuration file")
      case 11: (.unavailable, "the plugin asks to try again later")
      default: (.unavailable, nil)
      }
    return Problem(code: kind, message: message, hint: hint)
  }

  /// On one line, without what would move a terminal's cursor.
  private static func words(_ text: String) -> String {
    let line = text.unicodeScalars.map { $0.value < 0x20 || (0x7f...0x9f).contains($0.value) ? " " : Character($0) }
    return String(String(line).split(separator: " ").joined(separator: " ").prefix(Limit.wordsBytesMax))
  }
}

/// What a program writes until it ends.
private final class Output {
  enum End { case ended, tooMuch, tooLong }
  private(set) var answer: [UInt8] = []
  private(set) var errors: [UInt8] = []
  private(set) var end = End.ended

  /// Reads until the program ends, also where something that it started keeps the pipes.
  func gather(
    _ child: borrowing ChildProcess, _ out: borrowing OwnedFD, _ err: borrowing OwnedFD, milliseconds: Int
  ) throws(Errno) {
    try out.setNonBlocking()
    try err.setNonBlocking()
    let deadline = Self.now() + milliseconds
    var polls = [out.borrowed, err.borrowed, child.pidfd.borrowed].map {
      pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
    }
    while true {
      let left = deadline - Self.now()
      let ready = left > 0 ? csys_poll(&polls, CUnsignedInt(polls.count), CInt(clamping: left)) : 0
      if ready == -EINTR { continue }
      try check(ready)
      let hasEnded = polls[2].revents != 0
      if polls[0].revents != 0, try drain(out, into: \.answer, max: PluginProgram.Limit.answerBytesMax) {
        polls[0].fd = -1  // poll(2): not asked any more
      }
      if polls[1].revents != 0, try drain(err, into: \.errors, max: PluginProgram.Limit.errorBytesMax) {
        polls[1].fd = -1
      }
      if answer.count > PluginProgram.Limit.answerBytesMax { end = .tooMuch }
      if ready == 0 { end = .tooLong }
      if end != .ended {
        _ = csys_kill(-child.pid, SIGKILL)  // its whole session: it is not reaped yet, so the number is still its own
        return
      }
      if hasEnded {
        // What it wrote before its end is in the pipes.
        _ = try drain(out, into: \.answer, max: PluginProgram.Limit.answerBytesMax)
        _ = try drain(err, into: \.errors, max: PluginProgram.Limit.errorBytesMax)
        if answer.count > PluginProgram.Limit.answerBytesMax { end = .tooMuch }
        return
      }
    }
  }

  /// Reads what is there; keeps one byte more than `max`. - Returns: whether the other end is closed.
  private func drain(_ fd: borrowing OwnedFD, into place: ReferenceWritableKeyPath<Output, [UInt8]>, max: Int)
    throws(Errno) -> Bool
  {
    var buffer = [UInt8](repeating: 0, count: 64 << 10)
    let raw = fd.borrowed
    for _ in 0..<Self.readsMax {  // one that writes without an end is asked about the time in between
      let count = buffer.withUnsafeMutableBytes { csys_read(raw, $0.baseAddress, $0.count) }
      if count == -Int(EINTR) { continue }
      if count == -Int(EAGAIN) { return false }
      if try check(count) == 0 { return true }
      self[keyPath: place] += buffer[..<min(count, max + 1 - self[keyPath: place].count)]
    }
    return false
  }
  /// More than an answer may have.
  private static let readsMax = 32
  private static func now() -> Int {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
  }
}
