import Engine
import Problems

/// `berth rm`.
struct ContainerRemove: Command {
  var selection = SelectionFlags()
  var options = RemoveOptions()
  var given: [String] = []
  init() {}

  static var about: About { About("rm", "Remove containers", aliases: ["remove"]) }
  static var operands: [Operand] { [Operand("CONTAINER", "Name or ID", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .toggle("force", "f", "Kill those that run, and be content with those that are not there") {
        $0.options.force = $1
      },
      .toggle("ignore", "i", "A container that is not there is fine") { $0.options.ignore = $1 },
      .toggle("volumes", "v", "Remove their anonymous volumes, too") { $0.options.volumes = $1 },
      .toggle("depend", "Remove the containers that depend on them, too") { $0.options.dependents = $1 },
      .value("time", "t", "seconds", "With --force: seconds from the stop signal to SIGKILL", also: ["timeout"]) {
        $0.options.timeoutSeconds = try number($1, "--time", 0...Int(Int32.max))
      },
      .toggle("all", "a", "All containers") { $0.selection.all = $1 },
      .toggle("latest", "l", "The container made last") { $0.selection.latest = $1 },
      .value("filter", "key=value", "Containers that match") {
        $0.selection.filters.append(try ListFilter(flag: $1))
      },
      .value("cidfile", "file", "Read the container's ID from a file", completion: .file) {
        $0.selection.idFiles.append($1)
      },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    var names = try selection.names(given, engine, path: "berth rm")
    // A container can only depend on older ones, which wait for it to go.
    if given.isEmpty { names.reverse() }
    var options = options
    // podman 4: `rm -f` of a name that is not there succeeds (decision G.4).
    if options.force { options.ignore = true }
    return context.each(names, missing: 1, inUse: 2) { name throws(Problem) in
      if try engine.remove(name, options) != nil { context.output.line(name) }
    }
  }
}
