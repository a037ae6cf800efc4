import CSys
import Glibc
import JSON
package import Problems
import Sys

/// A `docker-credential-NAME` program: it keeps the passwords that auth files only point to.
///
/// Source: docker/docker-credential-helpers, README: the verb is the argument, the question comes on stdin.
package struct CredentialHelper {
  package let name: String
  package let environment: [String]

  package enum Limit {
    package static let answerBytesMax = 64 << 10
  }

  package init(name: String, environment: [String]) {
    self.name = name
    self.environment = environment
  }

  /// - Returns: nil where the helper knows none.
  package func get(_ key: String) throws(Problem) -> Credentials? {
    let (status, answer) = try run("get", input: key)
    let text = String(decoding: answer, as: UTF8.self)
    if status.shellCode != 0 {
      if text.contains("credentials not found") { return nil }  // the protocol has no other sign
      throw failure("get", text)
    }
    guard let json = try? JSON.parse(answer), let user = json["Username"]?.string, let secret = json["Secret"]?.string
    else {
      throw Problem(code: .invalid, message: "credential helper \(name) gave no credentials for \(key)")
    }
    if user == "<token>" { return Credentials(user: "", password: "", identityToken: secret) }
    return user.isEmpty && secret.isEmpty ? nil : Credentials(user: user, password: secret)
  }

  package func store(_ credentials: Credentials, for key: String) throws(Problem) {
    let input: JSON = [
      "ServerURL": JSON(key), "Username": JSON(credentials.user), "Secret": JSON(credentials.password),
    ]
    let (status, answer) = try run("store", input: input.text())
    if status.shellCode != 0 { throw failure("store", String(decoding: answer, as: UTF8.self)) }
  }

  /// - Returns: false where there was nothing.
  package func erase(_ key: String) throws(Problem) -> Bool {
    if try get(key) == nil { return false }
    let (status, answer) = try run("erase", input: key)
    if status.shellCode != 0 { throw failure("erase", String(decoding: answer, as: UTF8.self)) }
    return true
  }

  private func failure(_ verb: String, _ text: String) -> Problem {
    let reason = text.split(separator: "\n").first.map { ": \($0)" } ?? ""
    return Problem(code: .denied, message: "credential helper \(name) failed to \(verb)\(reason)")
  }

  private func run(_ verb: String, input: String) throws(Problem) -> (ExitStatus, [UInt8]) {
    guard let path = program() else {
      throw Problem(
        code: .notFound, message: "credential helper docker-credential-\(name) is not in PATH",
        hint: "install it, or remove it from the auth file")
    }
    return try doing("run \(path)") { () throws(Errno) in
      let question = OwnedFD(adopting: try check(csys_memfd_create("question", MFD_CLOEXEC_)))
      try writeAll(question, input + "\n")
      _ = lseek(question.borrowed, 0, SEEK_SET)
      let pipe = try Pipe.make()
      var spawn = Spawn(path, [verb], environment: environment)
      spawn.descriptors = [question.borrowed, pipe.writer.borrowed, 2]
      let child = try spawn.start()
      let reader = pipe.closingWriter()  // the writer closes here
      let answer = try readAll(reader, limit: Limit.answerBytesMax)
      return (try child.wait(), answer)
    }
  }

  /// A name is a word: a path in it would run any program that an auth file names.
  private func program() -> String? {
    guard !name.isEmpty, !name.contains("/") else { return nil }
    let path = environment.first { $0.hasPrefix("PATH=") }.map { String($0.dropFirst("PATH=".count)) }
    return ProgramSearch(path: path).find("docker-credential-\(name)")
  }
}
