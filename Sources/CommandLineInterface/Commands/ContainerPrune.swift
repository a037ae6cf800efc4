import Engine
import Problems

/// `berth container prune`.
struct ContainerPrune: Command {
  var filters: [ListFilter] = []
  var force = false
  var given: [String] = []
  init() {}

  static var about: About { About("prune", "Remove the containers that do not run") }
  static var flags: [Flag<Self>] {
    [
      .value("filter", "key=value", "Only those that match: label, until") {
        $0.filters.append(try ListFilter(flag: $1))
      },
      .toggle("force", "f", "Do not ask") { $0.force = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    guard force || context.confirms("This removes all containers that do not run.") else { return 0 }
    return context.show(try context.engine().pruneContainers(filters))
  }
}
