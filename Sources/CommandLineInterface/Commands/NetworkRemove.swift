import Engine
import Problems

/// `berth network rm`.
struct NetworkRemove: Command {
  var force = false
  var seconds: Int?
  var given: [String] = []
  init() {}

  static var about: About { About("rm", "Remove networks", aliases: ["remove"]) }
  static var operands: [Operand] { [Operand("NETWORK", "Name or ID", repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .toggle("force", "f", "With the containers that belong to them") { $0.force = $1 },
      .value("time", "t", "seconds", "With --force: seconds from the stop signal to SIGKILL") {
        $0.seconds = try number($1, "--time", 0...Int(Int32.max))
      },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    return context.each(given, missing: 1, inUse: 2) { name throws(Problem) in
      context.output.line(try engine.removeNetwork(name, force: force, timeoutSeconds: seconds))
    }
  }
}
