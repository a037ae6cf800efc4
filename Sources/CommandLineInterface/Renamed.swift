import Problems

/// A command under a second name: `berth ps` is `berth container ls`.
protocol Renamed: Command {
  associatedtype Original: Command
  var original: Original { get set }
}

extension Renamed {
  static var flags: [Flag<Self>] { Original.flags.lifted { try $1(&$0.original) } }
  static var operands: [Operand] { Original.operands }
  static var flagsEndAtOperand: Bool { Original.flagsEndAtOperand }
  var given: [String] {
    get { original.given }
    set { original.given = newValue }
  }
  func run(_ context: Context) throws(Problem) -> Int32 { try original.run(context) }
}
