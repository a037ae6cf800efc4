import Engine
import JSON
import Problems
import Templates

/// `berth info`.
struct SystemInfo: Command {
  var format: String?
  var given: [String] = []
  init() {}

  static var about: About { About("info", "Show the machine, the store and the programs in use") }
  static var flags: [Flag<Self>] {
    [.value("format", "f", "template", "json or a Go template") { $0.format = $1 }]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let document = try context.engine().info()
    switch RowFormat(format) {
    case .json: context.output.line(document.text(indent: 2))
    case .table(nil): context.output.write(Outline.text(of: document))
    case .table(let text?): context.output.line(try Template(format: text).filling(document))
    case .lines(let text): context.output.line(try Template(format: text).filling(document))
    }
    return 0
  }
}
