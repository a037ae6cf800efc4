import Engine
import Problems

/// `berth untag`.
struct ImageUntag: Command {
  var given: [String] = []
  init() {}

  static var about: About { About("untag", "Take names from an image") }
  static var operands: [Operand] {
    [
      Operand("IMAGE", "Name or ID"),
      Operand("NAME", "Name to take; all of them without", optional: true, repeats: true),
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    try context.engine().untagImage(given[0], names: Array(given.dropFirst()))
    return 0
  }
}
