import Engine
import Networking
import Problems

/// `berth network update`.
struct NetworkUpdate: Command {
  var added: [NetworkNameServer] = []
  var dropped: [NetworkNameServer] = []
  var given: [String] = []
  init() {}

  static var about: About { About("update", "Change a network's name servers") }
  static var operands: [Operand] { [Operand("NETWORK", "Name or ID")] }
  static var flags: [Flag<Self>] {
    [
      .value("dns-add", "[zone/]address", "Add a name server") {
        for text in commaList($1) { $0.added.append(try NetworkNameServer(text, flag: "--dns-add")) }
      },
      .value("dns-drop", "[zone/]address", "Remove a name server") {
        for text in commaList($1) { $0.dropped.append(try NetworkNameServer(text, flag: "--dns-drop")) }
      },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    try context.engine().updateNetwork(given[0], addDNS: added, dropDNS: dropped)
    context.output.line(given[0])
    return 0
  }
}
