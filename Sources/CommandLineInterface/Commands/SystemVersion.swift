import Engine
import JSON
import Problems
import Templates

/// `berth version`.
struct SystemVersion: Command {
  var format: String?
  var given: [String] = []
  init() {}

  static var about: About { About("version", "Show the version") }
  static var flags: [Flag<Self>] {
    [.value("format", "f", "template", "json or a Go template") { $0.format = $1 }]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let client: JSON = [
      "Name": "Berth", "Version": .string(Version.text), "APIVersion": .string(Version.text),
      "OsArch": .string("linux/" + Self.architecture), "Os": "linux", "Arch": .string(Self.architecture),
    ]
    let document: JSON = ["Client": client]
    switch RowFormat(format) {
    case .json: context.output.line(document.text())
    case .table(nil):
      context.output.write(
        "Client:       Berth\nVersion:      \(Version.text)\nOS/Arch:      linux/\(Self.architecture)\n")
    case .table(let text?): context.output.line(try Template(format: text).filling(document))
    case .lines(let text): context.output.line(try Template(format: text).filling(document))
    }
    return 0
  }

  /// As Go names it.
  private static var architecture: String {
    #if arch(x86_64)
      "amd64"
    #elseif arch(arm64)
      "arm64"
    #else
      "unknown"
    #endif
  }
}
