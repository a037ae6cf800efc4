import Engine
import Problems

/// `berth start`.
struct ContainerStart: Command {
  var attached = false
  var interactive = false
  var signalProxy = true
  var recursive = false
  var detachKeys: String?
  var selection = SelectionFlags()
  var given: [String] = []
  init() {}

  static var about: About { About("start", "Start containers") }
  static var operands: [Operand] { [Operand("CONTAINER", "Name or ID", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .toggle("attach", "a", "Stay with the container: show its output, end with its exit code") { $0.attached = $1 },
      .toggle("interactive", "i", "Give it the caller's stdin, too") { $0.interactive = $1 },
      .toggle("sig-proxy", "Pass signals on to the container (default true)") { $0.signalProxy = $1 },
      .value("detach-keys", "keys", "Key sequence that detaches; \"\" is none") { $0.detachKeys = $1 },
      .toggle("recursive", "Start the containers that they depend on first") { $0.recursive = $1 },
      .toggle("all", "Start all containers") { $0.selection.all = $1 },
      .toggle("latest", "l", "The container made last") { $0.selection.latest = $1 },
      .value("filter", "f", "key=value", "Containers that match") {
        $0.selection.filters.append(try ListFilter(flag: $1))
      },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    var names = try selection.names(given, engine, path: "berth start")
    if selection.all { names = try engine.containerIDs(in: [.configured, .created, .stopped, .exited]) }
    if attached || interactive {
      guard names.count == 1, let name = names.first else {
        throw Problem(code: .invalid, message: "only one container can be attached to, not \(names.count)")
      }
      var attach = AttachOptions()
      attach.stdin = interactive
      attach.signalProxy = signalProxy
      attach.detachKeys = detachKeys
      return try engine.startAttached(name, attach, recursive: recursive).exitStatus
    }
    return context.each(names) { name throws(Problem) in
      try engine.start(name, recursive: recursive)
      context.output.line(name)
    }
  }
}
