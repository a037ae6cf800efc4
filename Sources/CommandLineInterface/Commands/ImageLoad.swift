import Engine
import Glibc
import ImageStore
import Problems

/// `berth load`: docker-archive, oci-archive, or the directory of an OCI layout or of one image.
struct ImageLoad: Command {
  var input: String?
  var quiet = false
  var signaturePolicy: String?
  var given: [String] = []
  init() {}

  static var about: About { About("load", "Load images from an archive") }
  static var flags: [Flag<Self>] {
    [
      .value("input", "i", "path", "Archive or directory; standard input without", completion: .file) { $0.input = $1 },
      .toggle("quiet", "q", "Without progress") { $0.quiet = $1 },
      .value("signature-policy", "file", "Whose images may come in, instead of policy.json", completion: .file) {
        $0.signaturePolicy = $1
      },
    ]
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    if input == nil, isatty(0) == 1 {
      throw Problem(
        code: .invalid, message: "standard input is a terminal, not an archive",
        hint: "berth load -i FILE, or berth load <FILE")
    }
    let engine = try context.engine()
    let progress = PullProgress(quiet: quiet)
    let receipts = try progress.showing { report throws(Problem) in
      try engine.loadImages(from: input.map(absolutePath), signaturePolicy: signaturePolicy, progress: report)
    }
    for receipt in receipts {
      for name in receipt.names { context.output.line("Loaded image: \(name)") }
      if receipt.names.isEmpty { context.output.line("Loaded image: sha256:\(receipt.id)") }
    }
    return 0
  }
}
