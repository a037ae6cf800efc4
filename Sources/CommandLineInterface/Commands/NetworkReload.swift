import Engine
import Problems

/// `berth network reload`.
struct NetworkReload: Command {
  var all = false
  var latest = false
  var given: [String] = []
  init() {}

  static var about: About { About("reload", "Bring back the firewall rules of running containers") }
  static var operands: [Operand] { [Operand("CONTAINER", "Name or ID", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .toggle("all", "a", "All running containers") { $0.all = $1 },
      .toggle("latest", "l", "The container made last") { $0.latest = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    var names = given
    if all { names = try engine.list(ListQuery()).filter { !$0.networks.isEmpty }.map(\.id) }
    if latest { names = [try engine.latestContainer()] }
    if names.isEmpty && !all {
      throw Problem(
        code: .invalid, message: "a container's name is missing", hint: "See 'berth network reload --help'")
    }
    return context.each(names) { name throws(Problem) in context.output.line(try engine.reloadNetwork(name)) }
  }
}
