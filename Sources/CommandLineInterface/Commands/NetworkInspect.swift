import Engine
import JSON
import Problems

/// `berth network inspect`.
struct NetworkInspect: Command {
  var format: String?
  var given: [String] = []
  init() {}

  static var about: About { About("inspect", "Show all that is known of networks") }
  static var operands: [Operand] { [Operand("NETWORK", "Name or ID", repeats: true)] }
  static var flags: [Flag<Self>] {
    [.value("format", "f", "template", "json or a Go template") { $0.format = $1 }]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    return try context.inspect(given, format: format) { name throws(Problem) in
      let document = try engine.inspectNetwork(name)
      if case .lines = RowFormat(format) { return Self.completed(document) }
      return document
    }
  }

  /// What JSON leaves out where it is empty, a template may ask for. Source: podman-network-inspect(1).
  private static func completed(_ document: JSON) -> JSON {
    guard case .object(var object) = document else { return document }
    for name in ["subnets", "routes", "network_dns_servers"] where object[name] == nil { object[name] = [] }
    for name in ["labels", "options"] where object[name] == nil { object[name] = [:] }
    return .object(object)
  }
}
