import CSys
import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

/// Runs hooks: the container's state on standard input, and no longer than the timeout.
/// Source: runtime-spec, config.md, "POSIX-platform Hooks".
struct HookRunner {
  var plan: LaunchPlan
  var status: Status
  /// The container's init as the hook sees it.
  var pid: Int32 = getpid()
  /// What a hook without `env` starts with: nothing on the host, the process's environment in the container (as runc).
  var environment: [String] = []
  /// Where a hook starts: those of the host in the bundle, as far as it is still there (as with runc and crun).
  var place = Place.bundle

  enum Place {
    case bundle, here
    case directory(CInt)
  }

  private enum Limit {
    static let stderrBytesMax = 4096
  }

  func run(_ hooks: [Hook]?, kind: String) throws(StepFailure) {
    for (number, hook) in (hooks ?? []).enumerated() { try run(hook, kind: kind, number: number) }
  }

  /// The last hooks of a container that is gone: one that fails is told, and the next ones run.
  func runPoststop(_ log: Log) {
    for (number, hook) in (plan.spec.hooks?.poststop ?? []).enumerated() {
      do throws(StepFailure) { try run(hook, kind: "poststop", number: number) } catch {
        log.write(.warning, error.problem.sentence)
      }
    }
  }

  func run(_ hook: Hook, kind: String, number: Int) throws(StepFailure) {
    let name = "error running \(kind) hook #\(number): \(hook.path)"
    var state = State(ociVersion: plan.spec.ociVersion, id: plan.id, status: status, bundle: plan.bundle)
    if status != .stopped { state.pid = pid }
    state.annotations = plan.spec.annotations
    let input = state.json.bytes()
    let outcome = try during(.hook, name) { () throws(Errno) in try execute(hook, input) }
    switch outcome {
    case .ended(.exited(0), _): return
    case .ended(.exited(let code), let text): throw failure("\(name) ended with status \(code)", text)
    case .ended(.killed(let signal), let text):
      throw failure("\(name) was killed by \(SignalName.name(of: signal)) (\(Self.meaning(of: signal)))", text)
    case .timedOut: throw failure("\(name) took longer than \(hook.timeout ?? 0) s and was killed", "")
    }
  }
  private func failure(_ sentence: String, _ text: String) -> StepFailure {
    let text = text.split(separator: "\n").joined(separator: "; ")
    return StepFailure(.hook, Errno(rawValue: 0), text.isEmpty ? sentence : "\(sentence): \(text)")
  }

  /// The signal in words: "bad system call" tells who wrote the seccomp profile what happened.
  private static func meaning(of signal: CInt) -> String {
    strsignal(signal).map { String(cString: $0).lowercased() } ?? "unknown"
  }

  private enum Outcome {
    case ended(ExitStatus, stderr: String)
    case timedOut
  }

  private func execute(_ hook: Hook, _ input: [UInt8]) throws(Errno) -> Outcome {
    let stdin = try Pipe.make()
    let stderr = try Pipe.make()
    var spawn = Spawn(hook.path, [], environment: hook.env ?? environment)
    var bundle: OwnedFD?
    switch place {
    case .here: break
    case .directory(let fd): spawn.workingDirectory = fd
    case .bundle:
      bundle = try? open(plan.bundle, O_PATH_ | O_DIRECTORY)
      spawn.workingDirectory = bundle?.borrowed ?? -1
    }
    spawn.arguments = hook.args.flatMap { $0.isEmpty ? nil : $0 } ?? [hook.path]
    spawn.descriptors = [stdin.reader.borrowed, -1, stderr.writer.borrowed]
    let child = try spawn.start()
    stdin.reader.close()
    stderr.writer.close()
    try stdin.writer.setNonBlocking()
    try stderr.reader.setNonBlocking()
    var feeder: OwnedFD? = consume stdin.writer
    var rest = input[...]
    var text: [UInt8] = []
    let deadline = hook.timeout.map { monotonicMilliseconds() + Int64($0) * 1000 }
    while true {
      let left = deadline.map { max(0, $0 - monotonicMilliseconds()) }
      var polls = [
        pollfd(fd: child.pidfd.borrowed, events: Int16(POLLIN), revents: 0),
        pollfd(fd: stderr.reader.borrowed, events: Int16(POLLIN), revents: 0),
        pollfd(fd: feeder?.borrowed ?? -1, events: Int16(POLLOUT), revents: 0),
      ]
      _ = try uninterrupted { () throws(Errno) in
        try check(csys_poll(&polls, 3, left.map { CInt(clamping: $0) } ?? -1))
      }
      collect(stderr.reader.borrowed, into: &text)
      if polls[2].revents != 0, let writer = feeder?.borrowed {
        let written = rest.withUnsafeBytes { csys_write(writer, $0.baseAddress, $0.count) }
        if written > 0 { rest = rest.dropFirst(written) }
        if rest.isEmpty || (written < 0 && written != -Int(EAGAIN)) { feeder = nil }  // a hook need not read it
      }
      if polls[0].revents != 0 { return .ended(try child.wait(), stderr: String(decoding: text, as: UTF8.self)) }
      if let left, left == 0 {
        try child.signal(SIGKILL)
        _ = try child.wait()
        return .timedOut
      }
    }
  }

  private func collect(_ fd: CInt, into text: inout [UInt8]) {
    var chunk = [UInt8](repeating: 0, count: 1024)
    while true {
      let got = csys_read(fd, &chunk, chunk.count)
      if got <= 0 { return }
      if text.count < Limit.stderrBytesMax { text.append(contentsOf: chunk[..<got]) }
    }
  }
}

/// CLOCK_MONOTONIC.
func monotonicMilliseconds() -> Int64 {
  var now = timespec()
  clock_gettime(CLOCK_MONOTONIC, &now)
  return Int64(now.tv_sec) * 1000 + Int64(now.tv_nsec) / 1_000_000
}
