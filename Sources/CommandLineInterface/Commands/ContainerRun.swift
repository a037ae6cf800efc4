import Engine
import Problems

/// `berth run`: makes a container, starts it, and stays with it unless `-d` says otherwise.
struct ContainerRun: Command {
  var group = CreateFlags()
  var detached = false
  var signalProxy = true
  /// Of `--attach`; empty is all.
  var streams: Set<String> = []
  var given: [String] = []
  init() {}

  static var about: About { About("run", "Run a command in a new container") }
  static var operands: [Operand] {
    [
      Operand("IMAGE", "Image to run; it is pulled when it is not there"),
      Operand("COMMAND", "Command and arguments, in place of the image's", optional: true, repeats: true),
    ]
  }
  static var flagsEndAtOperand: Bool { true }
  static var flags: [Flag<Self>] {
    [
      .value(
        "attach", "a", "stream", "Show only this stream: stdout or stderr; stdin comes with -i",
        completion: .words(streamNames)
      ) {
        guard streamNames.contains($1) else { throw choice("--attach", $1, streamNames) }
        $0.streams.insert($1)
      },
      .toggle("detach", "d", "Leave the container running and print its ID") { $0.detached = $1 },
      .toggle("sig-proxy", "Pass signals on to the container (default true)") { $0.signalProxy = $1 },
    ] + CreateFlags.flags.lifted { try $1(&$0.group) }
  }

  private static let streamNames = ["stdin", "stdout", "stderr"]

  func run(_ context: Context) throws(Problem) -> Int32 {
    let options = try group.options(given, context)
    let engine = try context.engine(showingPulls: !options.pullOptions.quiet)
    if detached {
      context.output.line(try engine.run(options))
      return 0
    }
    var attach = AttachOptions()
    attach.stdin = options.interactive
    attach.stdout = streams.isEmpty || streams.contains("stdout")
    attach.stderr = streams.isEmpty || streams.contains("stderr")
    attach.signalProxy = signalProxy && !options.terminal
    attach.detachKeys = options.detachKeys
    return try engine.runAttached(options, attach).exitStatus
  }
}

extension AttachResult {
  var exitStatus: Int32 {
    switch self {
    case .exited(let code): code
    case .detached: 0
    }
  }
}
