import Engine
import Problems

/// `berth network update`.
struct NetworkUpdate: Command {
  var added: [String] = []
  var dropped: [String] = []
  var given: [String] = []
  init() {}

  static var about: About { About("update", "Change a network's name servers") }
  static var operands: [Operand] { [Operand("NETWORK", "Name or ID")] }
  static var flags: [Flag<Self>] {
    [
      .value("dns-add", "address", "Add a name server") { $0.added += commaList($1) },
      .value("dns-drop", "address", "Remove a name server") { $0.dropped += commaList($1) },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    try context.engine().updateNetwork(given[0], addDNS: added, dropDNS: dropped)
    context.output.line(given[0])
    return 0
  }
}
