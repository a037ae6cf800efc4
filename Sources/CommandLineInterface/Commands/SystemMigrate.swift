import Engine
import Problems

/// `berth system migrate`.
struct SystemMigrate: Command {
  var given: [String] = []
  init() {}

  static var about: About { About("migrate", "Stop all containers and leave the user's namespace, to make a new one") }
  static var flags: [Flag<Self>] { [] }

  func run(_ context: Context) throws(Problem) -> Int32 {
    for id in try context.engine().migrate() { context.output.line(id) }
    return 0
  }
}
