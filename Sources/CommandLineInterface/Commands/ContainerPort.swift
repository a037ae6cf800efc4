import Engine
import Networking
import Problems

/// `berth port`.
struct ContainerPort: Command {
  var all = false
  var latest = false
  var given: [String] = []
  init() {}

  static var about: About { About("port", "Show published ports") }
  static var operands: [Operand] {
    [
      Operand("CONTAINER", "Name or ID", optional: true),
      Operand("PORT", "Port of the container: 80, 80/udp", optional: true),
    ]
  }
  static var flags: [Flag<Self>] {
    [
      .toggle("all", "a", "All running containers") { $0.all = $1 },
      .toggle("latest", "l", "The container made last") { $0.latest = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    if all {
      guard given.isEmpty, !latest else {
        throw Problem(code: .invalid, message: "--all goes without a container")
      }
      for id in try engine.containerIDs(running: true) {
        for line in Self.lines(try engine.ports(of: id)) { context.output.line("\(id.prefix(12))\t\(line)") }
      }
      return 0
    }
    var rest = given
    let name = latest ? try engine.latestContainer() : rest.isEmpty ? nil : rest.removeFirst()
    guard let name else {
      throw Problem(code: .invalid, message: "a container's name is missing", hint: "See 'berth port --help'")
    }
    let ports = try engine.ports(of: name)
    guard let wanted = rest.first else {
      for line in Self.lines(ports) { context.output.line(line) }
      return 0
    }
    let mapping = try PortMapping(exposed: wanted)
    guard mapping.count == 1 else {
      throw Problem(code: .invalid, message: "port \"\(wanted)\" is a range: want PORT[/tcp|udp|sctp]")
    }
    let found = ports.distinct.filter { $0.containerPort == mapping.containerPort && $0.transport == mapping.transport }
    if found.isEmpty {
      throw Problem(
        code: .notFound,
        message: "failed to find published port \"\(mapping.containerPort)/\(mapping.transport.rawValue)\"")
    }
    for port in found { context.output.line(Self.host(port)) }
    return 0
  }

  /// "80/tcp -> 0.0.0.0:8080". Source: podman port 4.3.
  private static func lines(_ ports: [PublishedPort]) -> [String] {
    ports.distinct.map { "\($0.containerPort)/\($0.transport.rawValue) -> \(host($0))" }
  }
  private static func host(_ port: PublishedPort) -> String { "\(port.hostText):\(port.hostPort)" }
}
