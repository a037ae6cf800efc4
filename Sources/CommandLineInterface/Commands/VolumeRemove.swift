import Engine
import Problems

/// `berth volume rm`.
struct VolumeRemove: Command {
  var all = false
  var force = false
  var seconds: Int?
  var given: [String] = []
  init() {}

  static var about: About { About("rm", "Remove volumes", aliases: ["remove"]) }
  static var operands: [Operand] { [Operand("VOLUME", "Name", optional: true, repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .toggle("all", "a", "All volumes") { $0.all = $1 },
      .toggle("force", "f", "With the containers that use them; one that is not there is fine") { $0.force = $1 },
      .value("time", "t", "seconds", "With --force: seconds from the stop signal to SIGKILL", also: ["timeout"]) {
        $0.seconds = try number($1, "--time", 0...Int(Int32.max))
      },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    guard all != !given.isEmpty else {
      throw Problem(
        code: .invalid, message: all ? "--all goes without names" : "a volume's name is missing",
        hint: "See 'berth volume rm --help'")
    }
    let names = all ? try engine.volumes().map(\.name) : given
    return context.each(names, missing: 1, inUse: 2) { name throws(Problem) in
      do throws(Problem) {
        context.output.line(try engine.removeVolume(name, force: force, timeoutSeconds: seconds))
      } catch  where force && error.code == .notFound {}
    }
  }
}
