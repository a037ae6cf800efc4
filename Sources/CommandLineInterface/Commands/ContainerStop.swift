import Engine
import Problems

/// `berth stop`: the stop signal, a time to end, then SIGKILL.
struct ContainerStop: Command {
  var selection = SelectionFlags()
  var seconds: Int?
  var ignore = false
  var given: [String] = []
  init() {}

  static var about: About { About("stop", "Stop containers") }
  static var operands: [Operand] { [Operand("CONTAINER", "Name or ID", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .value("time", "t", "seconds", "Seconds from the stop signal to SIGKILL (default 10)", also: ["timeout"]) {
        $0.seconds = try number($1, "--time", 0...Int(Int32.max))
      },
      .toggle("ignore", "i", "A container that is not there is fine") { $0.ignore = $1 },
    ] + SelectionFlags.flags(all: "All running containers").lifted { try $1(&$0.selection) }
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    return context.each(try selection.names(given, engine, running: true, path: "berth stop")) { name throws(Problem) in
      do throws(Problem) {
        try engine.stop(name, timeoutSeconds: seconds)
        context.output.line(name)
      } catch {
        guard ignore, error.code == .notFound else { throw error }
      }
    }
  }
}
