import CSys
import Glibc
import JSON
package import Problems
import Sys

/// A running `berth-unpack`, as the engine holds it.
package struct UnpackWorker: ~Copyable {
  private let child: ChildProcess
  private let answer: OwnedFD
  private static let answerBytesMax = 64 << 10

  /// Starts one worker for one layer.
  ///
  /// - Parameters:
  ///   - program: path of `berth-unpack`.
  ///   - input: the layer's bytes: a pipe or a file; the caller closes its own copy after the start.
  ///   - directory: the empty directory that becomes the layer, opened `O_RDONLY | O_DIRECTORY`.
  package init(program: String, input: CInt, directory: CInt, options: UnpackOptions = UnpackOptions()) throws(Problem)
  {
    var spawn = Spawn(program, options.arguments, environment: [])
    spawn.deathSignal = SIGKILL
    let pipe = try doing("make a pipe for \(program)") { () throws(Errno) in try Pipe.make() }
    spawn.descriptors = [input, -1, 2, directory, pipe.writer.borrowed]
    let ready = spawn
    child = try doing("start \(program)") { () throws(Errno) in try ready.start() }
    answer = pipe.reader
  }

  /// Ends the worker early; `wait` then reports a problem.
  package borrowing func cancel() { try? child.signal(SIGKILL) }

  /// The worker's process, for poll(2).
  package var pidfd: CInt { child.pidfd.borrowed }

  /// Waits for the answer and the end of the worker.
  ///
  /// - Throws: the worker's own problem: `.invalid` where the layer is at fault, else `.unavailable` and the like.
  package consuming func wait() throws(Problem) -> UnpackedLayer {
    let bytes = try? readAll(answer, limit: UnpackWorker.answerBytesMax)
    let status = try doing("wait for the layer worker") { () throws(Errno) in try child.wait() }
    guard let bytes, let json = try? JSON.parse(bytes), let answer = UnpackAnswer(json: json) else {
      let how =
        switch status {
        case .exited(let code): "ended with status \(code)"
        case .killed(let signal): "was killed by \(SignalName.name(of: signal))"
        }
      throw Problem(
        code: .unavailable, message: "the layer worker \(how) and gave no answer",
        hint: "see whether ldd finds all libraries of berth-unpack, and whether dmesg tells of a kill for memory")
    }
    switch answer {
    case .failed(let problem): throw problem
    case .unpacked(let layer):
      guard status == .exited(code: 0) else {
        throw Problem(code: .bug, message: "the layer worker answered and then failed")
      }
      return layer
    }
  }
}
