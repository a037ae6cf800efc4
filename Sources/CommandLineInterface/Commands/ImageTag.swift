import Engine
import Problems

/// `berth tag`.
struct ImageTag: Command {
  var given: [String] = []
  init() {}

  static var about: About { About("tag", "Give an image more names") }
  static var operands: [Operand] { [Operand("IMAGE", "Name or ID"), Operand("NAME", "New name", repeats: true)] }

  func run(_ context: Context) throws(Problem) -> Int32 {
    try context.engine().tagImage(given[0], as: Array(given.dropFirst()))
    return 0
  }
}
