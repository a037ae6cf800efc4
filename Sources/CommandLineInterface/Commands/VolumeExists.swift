import Engine
import Problems

/// `berth volume exists`: 0 or 1.
struct VolumeExists: Command {
  var given: [String] = []
  init() {}

  static var about: About { About("exists", "Exit 0 where a volume is there, 1 where it is not") }
  static var operands: [Operand] { [Operand("VOLUME", "Name")] }

  func run(_ context: Context) throws(Problem) -> Int32 {
    try context.engine().volumes().contains { $0.name == given[0] } ? 0 : 1
  }
}
