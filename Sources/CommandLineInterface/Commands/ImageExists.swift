import Engine
import Problems

/// `berth image exists`: 0 or 1.
struct ImageExists: Command {
  var given: [String] = []
  init() {}

  static var about: About { About("exists", "Exit 0 where an image is there, 1 where it is not") }
  static var operands: [Operand] { [Operand("IMAGE", "Name or ID")] }

  func run(_ context: Context) throws(Problem) -> Int32 {
    try context.engine().imageExists(given[0]) ? 0 : 1
  }
}
