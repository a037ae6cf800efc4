import CSys
import Glibc
package import Sys

/// What a finished program left.
package struct Outcome: Sendable, CustomStringConvertible {
  package var command: [String]
  package var status: ExitStatus
  package var output: [UInt8]
  package var errors: [UInt8]

  /// The exit code as a shell shows it.
  package var code: CInt { status.shellCode }
  package var text: String { String(decoding: output, as: UTF8.self) }
  package var errorText: String { String(decoding: errors, as: UTF8.self) }
  /// Output without the white space around it.
  package var trimmed: String { text.trimmed }
  package var lines: [String] { text.split(separator: "\n").map(String.init) }
  package var description: String { "\(command.joined(separator: " ")) → \(status)\n\(text)\(errorText)" }
}

extension StringProtocol {
  package var trimmed: String {
    var text = Substring(self)
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}

package struct CommandFailed: Error, CustomStringConvertible {
  package let description: String
}

/// Runs a program to its end; its whole process is killed after `seconds`.
///
/// - Parameter command: the program (a path, or a name on PATH) and its arguments.
/// - Parameter input: bytes for its stdin; nil is /dev/null.
/// - Parameter environment: added to (and over) this process's own.
@discardableResult
package func run(_ command: [String], input: [UInt8]? = nil, environment: [String: String] = [:], seconds: Int = 120)
  throws -> Outcome
{
  guard let path = command[0].contains("/") ? command[0] : findProgram(command[0]) else {
    throw CommandFailed(description: "\(command[0]): not on PATH")
  }
  let output = try temporaryFile()
  let errors = try temporaryFile()
  var spawn = Spawn(path, Array(command.dropFirst()), environment: merged(environment))
  var stdin: OwnedFD?
  if let input {
    let file = try temporaryFile()
    try writeAll(file, input)
    lseek(file.borrowed, 0, SEEK_SET)
    stdin = consume file
  }
  spawn.descriptors = [stdin?.borrowed ?? -1, output.borrowed, errors.borrowed]
  let child = try spawn.start()
  try waitOrKill(child, seconds: seconds, command: command)
  let status = try child.wait()
  return Outcome(command: command, status: status, output: try rewound(output), errors: try rewound(errors))
}

/// Starts a program that goes on while the test does.
package func start(
  _ command: [String], output: CInt = -1, errors: CInt = -1, input: CInt = -1, environment: [String: String] = [:]
) throws -> ChildProcess {
  guard let path = command[0].contains("/") ? command[0] : findProgram(command[0]) else {
    throw CommandFailed(description: "\(command[0]): not on PATH")
  }
  var spawn = Spawn(path, Array(command.dropFirst()), environment: merged(environment))
  spawn.descriptors = [input, output, errors]
  spawn.deathSignal = 0
  return try spawn.start()
}

private func merged(_ extra: [String: String]) -> [String] {
  let kept = currentEnvironment().filter { entry in !extra.keys.contains { entry.hasPrefix("\($0)=") } }
  return kept + extra.map { "\($0)=\($1)" }
}

/// An unnamed file: pipes would need a reader, and a full one would stop the program.
package func temporaryFile() throws -> OwnedFD { OwnedFD(adopting: try check(csys_memfd_create("test", 0))) }

package func rewound(_ file: borrowing OwnedFD) throws -> [UInt8] {
  lseek(file.borrowed, 0, SEEK_SET)
  return try readAll(file, limit: 1 << 30)
}

private func waitOrKill(_ child: borrowing ChildProcess, seconds: Int, command: [String]) throws {
  var wanted = pollfd(fd: child.pidfd.borrowed, events: Int16(POLLIN), revents: 0)
  let raised = try uninterrupted { () throws(Errno) in try check(csys_poll(&wanted, 1, CInt(seconds * 1000))) }
  if raised > 0 { return }
  try? child.signal(SIGKILL)  // it may have ended this moment
  _ = try child.wait()
  throw CommandFailed(description: "\(command.joined(separator: " ")): not finished after \(seconds) s")
}

/// Waits until `condition` holds, for at most `seconds`: for a test that watches somebody else's program.
package func eventually(_ seconds: Double = 10, _ condition: () throws -> Bool) rethrows -> Bool {
  for _ in 0..<Int(seconds * 50) {
    if try condition() { return true }
    usleep(20_000)
  }
  return try condition()
}
