import Engine
import Problems

/// `berth exec`: runs a command in a running container.
struct ContainerExec: Command {
  var options = ExecOptions([])
  var detached = false
  var latest = false
  var given: [String] = []
  init() {}

  static var about: About { About("exec", "Run a command in a running container") }
  static var operands: [Operand] {
    [
      Operand("CONTAINER", "Name or ID", optional: true),
      Operand("COMMAND", "Command and arguments", optional: true, repeats: true),
    ]
  }
  static var flagsEndAtOperand: Bool { true }
  static var flags: [Flag<Self>] {
    [
      .toggle("detach", "d", "Leave the command running and print the session's ID") { $0.detached = $1 },
      .value("detach-keys", "keys", "Key sequence that detaches; \"\" is none") { $0.options.detachKeys = $1 },
      .value("env", "e", "NAME=value", "Set an environment variable") { $0.options.environment.append($1) },
      .value("env-file", "file", "Read environment variables from a file", completion: .file) {
        $0.options.environmentFiles.append($1)
      },
      .toggle("interactive", "i", "Keep stdin open") { $0.options.interactive = $1 },
      .toggle("latest", "l", "The container made last") { $0.latest = $1 },
      .value("preserve-fds", "count", "Pass this many of the caller's descriptors, from 3 on") {
        $0.options.preserveFDs = try number($1, "--preserve-fds", 0...1024)
      },
      .toggle("privileged", "Give the command all capabilities") { $0.options.privileged = $1 },
      .toggle("tty", "t", "Give the command a terminal") { $0.options.terminal = $1 },
      .value("user", "u", "user[:group]", "User and group by name or number, as the container knows them") {
        $0.options.user = $1
      },
      .value("workdir", "w", "directory", "Working directory in the container") { $0.options.workingDirectory = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    let name = try oneContainer(Array(given.prefix(latest ? 0 : 1)), latest: latest, engine, path: "berth exec")
    var options = options
    options.command = Array(given.dropFirst(latest ? 0 : 1))
    if options.command.isEmpty {
      throw Problem(
        code: .invalid, message: "the command to run in \(name) is missing", hint: "See 'berth exec --help'")
    }
    if detached {
      context.output.line(try engine.execDetached(name, options))
      return 0
    }
    return try engine.exec(name, options).exitStatus
  }
}
