import Engine
import ImageStore
import Problems

/// `berth import`: a root filesystem's tar becomes an image.
struct ImageImport: Command {
  var options = ImportOptions()
  var platform = PlatformFlags()
  var quiet = false
  var given: [String] = []
  init() {}

  static var about: About { About("import", "Make an image of a root filesystem's tar") }
  static var operands: [Operand] {
    [
      Operand("FILE", "The tar: a path or an http or https address; - is standard input"),
      Operand("NAME", "Name of the image", optional: true),
    ]
  }
  static var flags: [Flag<Self>] {
    [
      .value("change", "c", "instruction", "CMD, ENTRYPOINT, ENV, EXPOSE, LABEL, STOPSIGNAL, USER, VOLUME or WORKDIR") {
        $0.options.changes.append($1)
      },
      .value("message", "m", "text", "Comment in the image's history") { $0.options.message = $1 },
      .toggle("quiet", "q", "Without progress") { $0.quiet = $1 },
      .value("signature-policy", "file", "Whose images may come in, instead of policy.json", completion: .file) {
        $0.options.signaturePolicy = $1
      },
    ] + PlatformFlags.flags.lifted { try $1(&$0.platform) }
  }

  func run(_ context: Context) throws(Problem) -> Int32 {
    var options = options
    options.reference = given.count > 1 ? given[1] : nil
    options.platform = try platform.text()
    let path: String? =
      switch given[0] {
      case "-": nil
      case let address where ImageLibrary.isWebAddress(address): address
      case let file: absolutePath(file)
      }
    let engine = try context.engine()
    let progress = PullProgress(quiet: quiet)
    let receipt = try progress.showing { report throws(Problem) in
      try engine.importImage(from: path, options, progress: report)
    }
    context.output.line("sha256:" + receipt.id)
    return 0
  }
}
