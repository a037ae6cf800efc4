import Engine
import ImageStore
import Problems

/// `berth image prune`.
struct ImagePrune: Command {
  var all = false
  var force = false
  var filters: [ListFilter] = []
  var given: [String] = []
  init() {}

  static var about: About { About("prune", "Remove images that nothing uses") }
  static var flags: [Flag<Self>] {
    [
      .toggle("all", "a", "Those with names, too") { $0.all = $1 },
      .value("filter", "key=value", "Only those that match: label, until") {
        $0.filters.append(try ListFilter(flag: $1))
      },
      .toggle("force", "f", "Do not ask") { $0.force = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let what = all ? "images that no container uses" : "images without a name that no container uses"
    guard force || context.confirms("This removes all \(what).") else { return 0 }
    let removal = try context.engine().pruneImages(all: all, filters: filters)
    for id in removal.deleted { context.output.line(id) }
    context.tellReclaimed(removal.reclaimedBytes)
    return 0
  }
}
