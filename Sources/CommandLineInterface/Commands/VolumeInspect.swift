import Engine
import Problems

/// `berth volume inspect`.
struct VolumeInspect: Command {
  var all = false
  var format: String?
  var given: [String] = []
  init() {}

  static var about: About { About("inspect", "Show all that is known of volumes") }
  static var operands: [Operand] { [Operand("VOLUME", "Name", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .toggle("all", "a", "All volumes") { $0.all = $1 },
      .value("format", "f", "template", "json or a Go template") { $0.format = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    guard all != !given.isEmpty else {
      throw Problem(
        code: .invalid, message: all ? "--all goes without names" : "a volume's name is missing",
        hint: "See 'berth volume inspect --help'")
    }
    let names = all ? try engine.volumes().map(\.name) : given
    return try context.inspect(names, format: format) { name throws(Problem) in try engine.inspectVolume(name) }
  }
}
