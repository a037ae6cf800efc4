import Engine
import Problems

/// `berth rename`.
struct ContainerRename: Command {
  var given: [String] = []
  init() {}

  static var about: About { About("rename", "Give a container another name") }
  static var operands: [Operand] { [Operand("CONTAINER", "Name or ID"), Operand("NAME", "The new name")] }

  func run(_ context: Context) throws(Problem) -> Int32 {
    try context.engine().rename(given[0], to: given[1])
    return 0
  }
}
