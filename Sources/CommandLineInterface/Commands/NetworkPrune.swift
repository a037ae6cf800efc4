import Engine
import Problems

/// `berth network prune`.
struct NetworkPrune: Command {
  var filters: [ListFilter] = []
  var force = false
  var given: [String] = []
  init() {}

  static var about: About { About("prune", "Remove the networks that no container belongs to") }
  static var flags: [Flag<Self>] {
    [
      .value("filter", "key=value", "Only those that match: label, until") {
        $0.filters.append(try ListFilter(flag: $1))
      },
      .toggle("force", "f", "Do not ask") { $0.force = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    guard force || context.confirms("This removes all networks that no container belongs to.") else { return 0 }
    return context.show(try context.engine().pruneNetworks(filters), hasBytes: false)
  }
}
