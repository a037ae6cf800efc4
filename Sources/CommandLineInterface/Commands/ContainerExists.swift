import Engine
import Problems

/// `berth container exists`: 0 or 1.
struct ContainerExists: Command {
  var given: [String] = []
  init() {}

  static var about: About { About("exists", "Exit 0 where a container is there, 1 where it is not") }
  static var operands: [Operand] { [Operand("CONTAINER", "Name or ID")] }

  func run(_ context: Context) throws(Problem) -> Int32 {
    try context.engine().containerExists(given[0]) ? 0 : 1
  }
}
