import Engine
import Problems

/// `berth network exists`: 0 or 1.
struct NetworkExists: Command {
  var given: [String] = []
  init() {}

  static var about: About { About("exists", "Exit 0 where a network is there, 1 where it is not") }
  static var operands: [Operand] { [Operand("NETWORK", "Name or ID")] }

  func run(_ context: Context) throws(Problem) -> Int32 {
    try context.engine().networkExists(given[0]) ? 0 : 1
  }
}
