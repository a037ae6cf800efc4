import Engine
import Problems

/// `berth logout`.
struct Logout: Command {
  var options = LoginOptions()
  var all = false
  var given: [String] = []
  init() {}

  static var about: About { About("logout", "Forget the credentials of a registry") }
  static var operands: [Operand] {
    [Operand("REGISTRY", "Host, with a port or a namespace; docker.io without", optional: true)]
  }
  static var flags: [Flag<Self>] {
    [
      .toggle("all", "a", "All registries") { $0.all = $1 },
      .value("authfile", "file", "The file of credentials", completion: .file) { $0.options.authFile = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    if all {
      guard given.isEmpty else { throw Problem(code: .invalid, message: "--all goes without a registry") }
      try engine.logoutEverywhere(options)
      context.output.line("Removed login credentials for all registries")
      return 0
    }
    let registry = given.first ?? "docker.io"
    try engine.logout(registry, options)
    context.output.line("Removed login credentials for \(registry)")
    return 0
  }
}
