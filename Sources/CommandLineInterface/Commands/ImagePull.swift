import Engine
import ImageStore
import Problems

/// `berth pull`.
struct ImagePull: Command {
  var options = PullOptions()
  var quiet = false
  var platform = PlatformFlags()
  var given: [String] = []
  init() {}

  static var about: About { About("pull", "Fetch images from registries") }
  static var operands: [Operand] { [Operand("IMAGE", "Name, with tag or digest", repeats: true)] }
  static var flags: [Flag<Self>] {
    [
      .value("authfile", "file", "Credentials for registries", completion: .file) { $0.options.authFile = $1 },
      .value("cert-dir", "directory", "Certificates for the registry", completion: .directory) {
        $0.options.certDirectory = $1
      },
      .value("creds", "user:password", "Credentials for this pull") { $0.options.credentials = $1 },
      .toggle("quiet", "q", "Only the image's ID") { $0.quiet = $1 },
      .value("signature-policy", "file", "Whose images may come in, instead of policy.json", completion: .file) {
        $0.options.signaturePolicy = $1
      },
      .toggle("tls-verify", "Require HTTPS and check certificates (default true)") { $0.options.tlsVerify = $1 },
      .pending("all-tags", "a", value: false), .pending("disable-content-trust", value: false),
      .pending("decryption-key"),
    ] + PlatformFlags.flags.lifted { try $1(&$0.platform) }
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    let engine = try context.engine()
    var options = options
    options.platform = try platform.text()
    return context.each(given) { name throws(Problem) in
      let progress = PullProgress(quiet: quiet)
      let receipt = try progress.showing { report throws(Problem) in try engine.pull(name, options, progress: report) }
      context.output.line(receipt.id)
      context.output.flush()
    }
  }
}
