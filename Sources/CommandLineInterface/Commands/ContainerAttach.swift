import Engine
import Problems

/// `berth attach`.
struct ContainerAttach: Command {
  var attach = AttachOptions()
  var latest = false
  var given: [String] = []
  init() {}

  static var about: About { About("attach", "Join a running container's terminal or pipes") }
  static var operands: [Operand] { [Operand("CONTAINER", "Name or ID", optional: true)] }
  static var flags: [Flag<Self>] {
    [
      .value("detach-keys", "keys", "Key sequence that detaches; \"\" is none") { $0.attach.detachKeys = $1 },
      .toggle("no-stdin", "Leave stdin alone") { $0.attach.stdin = !$1 },
      .toggle("sig-proxy", "Pass signals on to the container (default true)") { $0.attach.signalProxy = $1 },
      .toggle("latest", "l", "The container made last") { $0.latest = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    return try engine.attach(try oneContainer(given, latest: latest, engine, path: "berth attach"), attach).exitStatus
  }
}

/// The one container of a command that takes a name or `--latest`.
func oneContainer(_ given: [String], latest: Bool, _ engine: Engine, path: String) throws(Problem) -> String {
  var selection = SelectionFlags()
  selection.latest = latest
  return try selection.names(given, engine, path: path)[0]
}
