import Engine
import Problems

/// `berth container inspect`.
struct ContainerInspect: Command {
  var format: String?
  var sizes = false
  var latest = false
  var given: [String] = []
  init() {}

  static var about: About { About("inspect", "Show all that is known of containers") }
  static var operands: [Operand] { [Operand("CONTAINER", "Name or ID", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .value("format", "f", "template", "json or a Go template") { $0.format = $1 },
      .toggle("size", "s", "Sizes, too") { $0.sizes = $1 },
      .toggle("latest", "l", "The container made last") { $0.latest = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    var selection = SelectionFlags()
    selection.latest = latest
    let names = try selection.names(given, engine, path: "berth container inspect")
    return try context.inspect(names, format: format) { name throws(Problem) in try engine.inspect(name, sizes: sizes) }
  }
}
