import Engine
import Problems

/// `berth volume create`.
struct VolumeCreate: Command {
  var options = VolumeOptions()
  var given: [String] = []
  init() {}

  static var about: About { About("create", "Make a volume") }
  static var operands: [Operand] { [Operand("NAME", "Name; one is made up without", optional: true)] }
  static var flags: [Flag<Self>] {
    [
      .value("driver", "d", "driver", "Volume driver: local") { $0.options.driver = $1 },
      .toggle("ignore", "A volume of that name is fine") { $0.options.ignore = $1 },
      .value("label", "l", "key=value", "Set a label") {
        let label = try FlagValue.label($1, flag: "--label")
        $0.options.labels[label.name] = label.value
      },
      .value("opt", "o", "name=value", "Option of the driver: o=uid=ID,gid=ID, whose it is") {
        let pair = try FlagValue.pair($1, flag: "--opt")
        $0.options.driverOptions[pair.name] = pair.value
      },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    var options = options
    options.name = given.first
    context.output.line(try context.engine().createVolume(options))
    return 0
  }
}
