import Engine
import Problems

/// `berth init`, `berth container init`.
struct ContainerInitialize: Command {
  var selection = SelectionFlags()
  var recursive = false
  var given: [String] = []
  init() {}

  static var about: About { About("init", "Prepare containers up to the point where start lets their process go") }
  static var operands: [Operand] { [Operand("CONTAINER", "Name or ID", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .toggle("all", "a", "All containers that do not run") { $0.selection.all = $1 },
      .toggle("latest", "l", "The container made last") { $0.selection.latest = $1 },
      .toggle("recursive", "Start the containers that they depend on first") { $0.recursive = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    var names = try selection.names(given, engine, path: "berth init")
    if selection.all { names = try engine.containerIDs(in: [.configured, .stopped, .exited]) }
    return context.each(names) { name throws(Problem) in
      try engine.initialize(name, recursive: recursive)
      context.output.line(name)
    }
  }
}
