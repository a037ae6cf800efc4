import Engine
import Problems

/// `berth network disconnect`.
struct NetworkDisconnect: Command {
  var force = false
  var given: [String] = []
  init() {}

  static var about: About { About("disconnect", "Take a container off a network") }
  static var operands: [Operand] { [Operand("NETWORK", "Name or ID"), Operand("CONTAINER", "Name or ID")] }
  static var flags: [Flag<Self>] {
    [.toggle("force", "f", "A container that is not there is fine") { $0.force = $1 }]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    try context.engine().disconnect(given[1], from: given[0], force: force)
    return 0
  }
}
