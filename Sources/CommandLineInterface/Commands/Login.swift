import CSys
import Engine
import Glibc
import Problems
import Sys

/// `berth login`: checks a name and password with a registry and keeps them.
struct Login: Command {
  var options = LoginOptions()
  var user: String?
  var password: String?
  var readsPassword = false
  var showsLogin = false
  var verbose = false
  var given: [String] = []
  init() {}

  static var about: About { About("login", "Log in to a registry") }
  static var operands: [Operand] {
    [Operand("REGISTRY", "Host, with a port or a namespace; docker.io without", optional: true)]
  }
  static var flags: [Flag<Self>] {
    [
      .value("authfile", "file", "The file of credentials", completion: .file) { $0.options.authFile = $1 },
      .value("cert-dir", "directory", "Certificates for the registry", completion: .directory) {
        $0.options.certDirectory = $1
      },
      .toggle("get-login", "Print the name that is logged in") { $0.showsLogin = $1 },
      .value("password", "p", "password", "Password; others can see it: prefer --password-stdin") { $0.password = $1 },
      .toggle("password-stdin", "Read the password from standard input") { $0.readsPassword = $1 },
      .toggle("tls-verify", "Require HTTPS and check certificates (default true)") { $0.options.tlsVerify = $1 },
      .value("username", "u", "name", "Name") { $0.user = $1 },
      .toggle("verbose", "v", "Tell which file keeps the credentials") { $0.verbose = $1 },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    let registry = given.first ?? "docker.io"
    if showsLogin {
      guard let name = try engine.loggedIn(registry, options) else {
        throw Problem(code: .notFound, message: "nobody is logged in to \(registry)", hint: "berth login \(registry)")
      }
      context.output.line(name)
      return 0
    }
    if readsPassword, password != nil {
      throw Problem(code: .invalid, message: "--password and --password-stdin exclude each other")
    }
    let name = if let user { user } else { try Self.ask("Username: ", registry, context) }
    let secret =
      if let password { password } else if readsPassword { try Self.passwordFromInput() } else {
        try Self.askSecretly("Password: ", registry, context)
      }
    let keeper = try engine.login(registry, user: name, password: secret, options)
    if verbose { context.output.line("Used: \(keeper)") }
    context.output.line("Login Succeeded!")
    return 0
  }

  private static func passwordFromInput() throws(Problem) -> String {
    let bytes = try doing("read the password") { () throws(Errno) -> [UInt8] in
      let input = OwnedFD(adopting: try check(dup(0)))
      return try readAll(input, limit: 64 << 10)
    }
    let text = String(decoding: bytes, as: UTF8.self)
    return text.hasSuffix("\r\n") ? String(text.dropLast()) : text.hasSuffix("\n") ? String(text.dropLast()) : text
  }

  private static func ask(_ prompt: String, _ registry: String, _ context: Context) throws(Problem) -> String {
    if isatty(0) == 1 {
      context.output.write(prompt)
      context.output.flush()
      if let line = readLine(), !line.isEmpty { return line }
    }
    throw Problem(
      code: .invalid, message: "a user name for \(registry) is missing",
      hint: "berth login -u NAME --password-stdin \(registry)")
  }

  private static func askSecretly(_ prompt: String, _ registry: String, _ context: Context) throws(Problem) -> String {
    if isatty(0) == 1 {
      context.output.flush()
      defer { context.output.line("") }
      if let line = try SecretLine.read(prompt), !line.isEmpty { return line }
    }
    throw Problem(
      code: .invalid, message: "a password for \(registry) is missing",
      hint: "berth login -u NAME --password-stdin \(registry)")
  }
}
