import CSys
import Glibc
import JSON
public import Problems
import Sys

/// Descriptors that become 0, 1 and 2 of a container's process; nil is /dev/null. They are lent for the call.
public struct ContainerStreams: Hashable, Sendable {
  public var input: Int32?
  public var output: Int32?
  public var errors: Int32?
  public init(input: Int32? = nil, output: Int32? = nil, errors: Int32? = nil) {
    self.input = input
    self.output = output
    self.errors = errors
  }
  /// Those of this process.
  public static let inherited = ContainerStreams(input: 0, output: 1, errors: 2)
}

/// The program `berth-runtime` and the directory in which it keeps its containers' states.
public struct ContainerRuntime: Sendable {
  let program: RuntimeProgram

  /// - Parameters:
  ///   - program: absolute path of `berth-runtime`; nil looks beside this program, then in `PATH`.
  ///   - root: directory of the states; nil is the runtime's own default.
  /// - Throws: `.notFound` where there is no such program.
  public init(program: String? = nil, root: String? = nil) throws(Problem) {
    guard let path = program ?? Self.ownProgram(), exists(path) else {
      throw Problem(
        code: .notFound, message: "\(program ?? "berth-runtime") is not there",
        hint: "install Berth, or name the program's path")
    }
    self.program = RuntimeProgram(
      path: path, arguments: root.map { ["--root", $0] } ?? [], environment: currentEnvironment())
  }
  private static func ownProgram() -> String? {
    if let executable = try? readLink("/proc/self/exe") {  // without /proc, PATH is left
      let beside = parentPath(of: executable) + "/berth-runtime"
      if exists(beside) { return beside }
    }
    return ProgramSearch().find("berth-runtime")
  }

  /// Makes a container whose process waits for ``Container/start()``.
  ///
  /// - Parameters:
  ///   - id: letters, digits, `_`, `+`, `-` and `.`; not in use under this root.
  ///   - bundle: its config.json is copied as it is now; its root filesystem is the container's.
  ///   - streams: of the container's process, which keeps them.
  /// - Throws: `.invalid` for a bundle with a terminal, `.unavailable` with the runtime's own words.
  public func create(_ id: String, from bundle: OCIBundle, streams: ContainerStreams = .init()) throws(Problem)
    -> Container
  {
    guard !bundle.hasTerminal else {
      throw Problem(
        code: .invalid, message: "bundle \(bundle.path) wants a terminal",
        hint: "set process.terminal to false, or use the engine, whose monitor holds terminals")
    }
    try succeed(["create", "--bundle", bundle.path, id], streams)
    return try container(id)
  }

  /// A container that is there already, whoever created it.
  /// - Throws: `.notFound` where there is none.
  public func container(_ id: String) throws(Problem) -> Container {
    let state: ContainerState
    do throws(Problem) { state = try self.state(of: id) } catch {
      // A runtime has no code for it, and words decide nothing: its own list says whether there is one.
      let list = try call(["list", "--quiet"], .init(), capturing: true)
      let names = String(decoding: list.output, as: UTF8.self).split(separator: "\n")
      guard list.status == .exited(code: 0), !names.contains(where: { $0 == id }) else { throw error }
      throw Problem(code: .notFound, message: "no container \(id)", cause: error)
    }
    return try Container(state, self)
  }

  func state(of id: String) throws(Problem) -> ContainerState {
    let outcome = try call(["state", id], .init(), capturing: true)
    guard outcome.status == .exited(code: 0) else { throw outcome.problem("state") }
    return try ContainerState(outcome.output)
  }

  func succeed(_ words: [String], _ streams: ContainerStreams = .init()) throws(Problem) {
    let outcome = try call(words, streams)
    guard outcome.status == .exited(code: 0) else { throw outcome.problem(words[0]) }
  }

  /// What a subcommand left.
  struct Outcome {
    var status: ExitStatus
    var output: [UInt8]
    /// The last error that the runtime logged; nil where it had none.
    var error: String?

    func problem(_ command: String) -> Problem {
      let words = RuntimeWords(text: error ?? "exit status \(status.shellCode)")
      let found = words.problem(status.shellCode)
      if found.code != .unavailable { return found }
      return Problem(code: .unavailable, message: "berth-runtime \(command)", cause: words)
    }
  }

  /// Runs a subcommand to its end. Its log goes to a descriptor of its own: 2 is the container's.
  func call(_ words: [String], _ streams: ContainerStreams, capturing: Bool = false) throws(Problem) -> Outcome {
    try doing("run \(program.path) \(words[0])") { () throws(Errno) in
      let log = OwnedFD(adopting: try check(csys_memfd_create("runtime-log", 0)))
      let output = OwnedFD(adopting: try check(csys_memfd_create("runtime-output", 0)))
      let logging = ["--log", "/proc/self/fd/3", "--log-format", "json"]
      var spawn = Spawn(program.path, program.arguments + logging + words, environment: program.environment)
      spawn.descriptors = [
        streams.input ?? -1, capturing ? output.borrowed : streams.output ?? -1, streams.errors ?? -1, log.borrowed,
      ]
      let status = try spawn.start().wait()
      return Outcome(status: status, output: try Self.all(of: output), error: Self.lastError(try Self.all(of: log)))
    }
  }

  private static func all(of file: borrowing OwnedFD) throws(Errno) -> [UInt8] {
    lseek(file.borrowed, 0, SEEK_SET)
    return try readAll(file, limit: 16 << 20)
  }
  private static func lastError(_ log: [UInt8]) -> String? {
    for line in log.split(separator: UInt8(ascii: "\n")).reversed() {
      guard let entry = try? JSON.parse(Array(line)), entry["level"]?.string == "error" else { continue }
      return entry["msg"]?.string
    }
    return nil
  }
}
