import Engine
import Problems

/// `berth network inspect`.
struct NetworkInspect: Command {
  var format: String?
  var given: [String] = []
  init() {}

  static var about: About { About("inspect", "Show all that is known of networks") }
  static var operands: [Operand] { [Operand("NETWORK", "Name or ID", repeats: true)] }
  static var flags: [Flag<Self>] {
    [.value("format", "f", "template", "json or a Go template") { $0.format = $1 }]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    return try context.inspect(given, format: format) { name throws(Problem) in try engine.inspectNetwork(name) }
  }
}
