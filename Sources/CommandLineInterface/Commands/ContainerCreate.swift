import Engine
import Problems

/// `berth create`: makes a container and prints its ID.
struct ContainerCreate: Command {
  var group = CreateFlags()
  var given: [String] = []
  init() {}

  static var about: About { About("create", "Make a container without starting it") }
  static var flags: [Flag<Self>] {
    CreateFlags.flags.lifted { try $1(&$0.group) } + [.pending("attach", "a")]
  }
  static var operands: [Operand] { ContainerRun.operands }
  static var flagsEndAtOperand: Bool { true }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let options = try group.options(given, context)
    let engine = try context.engine(showingPulls: !options.pullOptions.quiet)
    context.output.line(try engine.create(options))
    return 0
  }
}
