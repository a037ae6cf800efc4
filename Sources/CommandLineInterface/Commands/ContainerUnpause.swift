import Engine
import Problems

/// `berth unpause`.
struct ContainerUnpause: Command {
  var selection = SelectionFlags()
  var given: [String] = []
  init() {}

  static var about: About { About("unpause", "Let paused containers go on") }
  static var operands: [Operand] { [Operand("CONTAINER", "Name or ID", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] { SelectionFlags.flags(all: "All paused containers").lifted { try $1(&$0.selection) } }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    var names = try selection.names(given, engine, path: "berth unpause")
    if selection.all { names = try engine.containerIDs(in: [.paused]) }
    return context.each(names) { name throws(Problem) in
      try engine.unpause(name)
      context.output.line(name)
    }
  }
}
