import Engine
import Problems

/// `berth volume prune`.
struct VolumePrune: Command {
  var filters: [ListFilter] = []
  var force = false
  var given: [String] = []
  init() {}

  static var about: About { About("prune", "Remove the volumes that no container uses") }
  static var flags: [Flag<Self>] {
    [
      .value("filter", "key=value", "Only those that match: label, until") {
        $0.filters.append(try ListFilter(flag: $1))
      },
      .toggle("force", "f", "Do not ask") { $0.force = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    guard force || context.confirms("This removes all volumes that no container uses.") else { return 0 }
    return context.show(try context.engine().pruneVolumes(filters))
  }
}
