import Engine
import Problems

/// `berth restart`.
struct ContainerRestart: Command {
  var selection = SelectionFlags()
  var seconds: Int?
  var running = false
  var given: [String] = []
  init() {}

  static var about: About { About("restart", "Stop containers where they run, and start them") }
  static var operands: [Operand] { [Operand("CONTAINER", "Name or ID", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .value("time", "t", "seconds", "Seconds from the stop signal to SIGKILL (default 10)", also: ["timeout"]) {
        $0.seconds = try number($1, "--time", 0...Int(Int32.max))
      },
      .toggle("running", "Only those that run") { $0.running = $1 },
    ] + SelectionFlags.flags(all: "All containers, running or not").lifted { try $1(&$0.selection) }
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    var selection = selection
    if running, given.isEmpty { selection.all = true }
    return context.each(try selection.names(given, engine, running: running, path: "berth restart")) {
      name throws(Problem) in
      try engine.restart(name, timeoutSeconds: seconds)
      context.output.line(name)
    }
  }
}
