import Engine
import Problems

/// `berth logs`.
struct ContainerLogs: Command {
  var query = LogQuery()
  var latest = false
  var colors = false
  var given: [String] = []
  init() {}

  static var about: About { About("logs", "Show what containers wrote") }
  static var operands: [Operand] { [Operand("CONTAINER", "Name or ID", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .toggle("color", "Give each container's lines a colour of their own") { $0.colors = $1 },
      .toggle("follow", "f", "Go on until the container ends") { $0.query.follow = $1 },
      .toggle("latest", "l", "The container made last") { $0.latest = $1 },
      .toggle("names", "n", "Begin each line with the container's name") { $0.query.names = $1 },
      .value("since", "time", "From this time on: RFC 3339, seconds since 1970, or back from now (10m)") {
        $0.query.since = $1
      },
      .value("tail", "lines", "Only so many lines from the end; -1 is all") {
        let count = $1 == "all" ? -1 : try number($1, "--tail", -1...Int.max)
        $0.query.tail = count < 0 ? nil : count
      },
      .toggle("timestamps", "t", "Begin each line with its time") { $0.query.timestamps = $1 },
      .value("until", "time", "Up to this time") { $0.query.until = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    var selection = SelectionFlags()
    selection.latest = latest
    let names = try selection.names(given, engine, path: "berth logs")
    if query.follow, names.count > 1 {
      throw Problem(code: .unsupported, message: "--follow takes one container, not \(names.count)")
    }
    var query = query
    query.ids = names.count > 1
    for (number, name) in names.enumerated() {
      if colors { query.color = 1 + number % 7 }
      try engine.logs(name, query)
    }
    return 0
  }
}
