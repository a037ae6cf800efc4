import Engine
import Problems

/// `berth kill`.
struct ContainerKill: Command {
  var selection = SelectionFlags()
  var signal: Int32 = 9
  var given: [String] = []
  init() {}

  static var about: About { About("kill", "Send a signal to containers") }
  static var operands: [Operand] { [Operand("CONTAINER", "Name or ID", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .value("signal", "s", "signal", "Name or number (default KILL)") {
        $0.signal = try FlagValue.signal($1, flag: "--signal")
      }
    ] + SelectionFlags.flags(all: "All running containers").lifted { try $1(&$0.selection) }
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    return context.each(try selection.names(given, engine, running: true, path: "berth kill")) { name throws(Problem) in
      try engine.kill(name, signal: signal)
      context.output.line(name)
    }
  }
}
