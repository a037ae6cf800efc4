import Engine
import Glibc
import Problems
import Sys

/// What a command gets from the program: the engine and where to write.
final class Context {
  let engineOptions: EngineOptions
  let output: StandardOutput
  /// The whole command line, program name included.
  let arguments: [String]

  init(engineOptions: EngineOptions, output: StandardOutput, arguments: [String]) {
    self.engineOptions = engineOptions
    self.output = output
    self.arguments = arguments
  }

  /// An engine that may work: an ordinary user's has entered the user's namespace.
  func engine() throws(Problem) -> Engine {
    let engine = try Engine(engineOptions)
    engine.warning = { [self] in note($0.warning) }
    for note in try engine.enterUserNamespace() { self.note("note: " + note) }
    return engine
  }

  /// - Parameter showingPulls: an image that is not there is fetched before the eyes of the user.
  func engine(showingPulls: Bool) throws(Problem) -> Engine {
    let engine = try engine()
    if showingPulls {
      let progress = PullProgress(quiet: false)
      engine.pullProgress = { progress.receive($0) }
    }
    return engine
  }

  /// Does something to each of several objects; goes on after a failure.
  /// - Parameters:
  ///   - missing: the exit status when one is not there.
  ///   - inUse: the exit status when one is in use. Source: podman-rm(1), podman-rmi(1), "Exit Status".
  func each(
    _ names: [String], missing: Int32? = nil, inUse: Int32? = nil, _ body: (String) throws(Problem) -> Void
  ) -> Int32 {
    var status: Int32 = 0
    for name in names {
      do throws(Problem) {
        try body(name)
      } catch {
        status = max(status, report([error], missing: missing, inUse: inUse))
      }
    }
    return status
  }

  /// Tells of what went wrong with some of several objects. - Returns: the exit status, as `each` has it.
  func report(_ failures: [Problem], missing: Int32? = nil, inUse: Int32? = nil) -> Int32 {
    output.flush()
    var status: Int32 = 0
    for failure in failures {
      Program.report(failure)
      let special = failure.code == .notFound ? missing : failure.code == .conflict ? inUse : nil
      status = max(status, special ?? failure.exitStatus)
    }
    return status
  }

  /// A note on standard error.
  func note(_ text: String) {
    output.flush()
    try? writeAll(2, text + "\n")
  }
}

/// Standard output, gathered: one write(2) for a short answer.
final class StandardOutput {
  private var buffer: [UInt8] = []
  private let descriptor: CInt
  /// The reader has gone, or the disk is full: the program's exit status says so.
  private(set) var failed = false

  init(descriptor: CInt = 1) { self.descriptor = descriptor }

  func write(_ text: String) {
    buffer.append(contentsOf: text.utf8)
    if buffer.count > 1 << 16 { flush() }
  }
  func line(_ text: String) {
    buffer.append(contentsOf: text.utf8)
    buffer.append(10)
    if buffer.count > 1 << 16 { flush() }
  }
  func flush() {
    if buffer.isEmpty { return }
    do { try writeAll(descriptor, buffer) } catch { failed = true }
    buffer.removeAll(keepingCapacity: true)
  }
  var isTerminal: Bool { isatty(descriptor) == 1 }
}
