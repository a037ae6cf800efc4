import Engine
import Problems

/// `berth pause`.
struct ContainerPause: Command {
  var selection = SelectionFlags()
  var given: [String] = []
  init() {}

  static var about: About { About("pause", "Freeze the processes of containers") }
  static var operands: [Operand] { [Operand("CONTAINER", "Name or ID", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    SelectionFlags.flags(all: "All running containers").lifted { try $1(&$0.selection) }
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    return context.each(try selection.names(given, engine, running: true, path: "berth pause")) {
      name throws(Problem) in
      try engine.pause(name)
      context.output.line(name)
    }
  }
}
