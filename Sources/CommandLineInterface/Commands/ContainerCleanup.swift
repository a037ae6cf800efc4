import Engine
import Problems

/// `berth container cleanup`: what the monitor runs when a container has ended.
struct ContainerCleanup: Command {
  var removes = false
  var selection = SelectionFlags()
  var given: [String] = []
  init() {}

  static var about: About { About("cleanup", "Undo what a run of a container left", hidden: true) }
  static var operands: [Operand] { [Operand("CONTAINER", "Name or ID", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .toggle("rm", "Remove the container, too") { $0.removes = $1 },
      .toggle("all", "a", "All containers") { $0.selection.all = $1 },
      .toggle("latest", "l", "The container made last") { $0.selection.latest = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    return context.each(try selection.names(given, engine, path: "berth container cleanup")) { name throws(Problem) in
      try engine.cleanup(name, remove: removes)
    }
  }
}
