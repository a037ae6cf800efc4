package import CSys
import Glibc
package import Sys
package import Testing

/// A directory of one test's own. At the end nothing of the test may be left: no mount, process or cgroup; then it is removed.
package func withScratch<R>(_ name: String = #function, _ body: (String) throws -> R) throws -> R {
  let path =
    "/tmp/berth-test-\(name.prefix { $0.isLetter || $0.isNumber })-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
  try makeDirectories(path, mode: 0o700)
  defer {
    let mounts = mountPoints(below: path)
    #expect(mounts.isEmpty, "mounts left behind")
    for mount in mounts.reversed() { _ = csys_umount2(mount, CInt(MNT_DETACH)) }
    do { try removeTree(path) } catch { Issue.record("cannot remove \(path): \(error)") }
  }
  return try body(path)
}

package func mountPoints(below path: String) -> [String] {
  let text = (try? readText("/proc/self/mountinfo")) ?? ""
  return text.split(separator: "\n").compactMap { line in
    let fields = line.split(separator: " ")
    guard fields.count > 4, fields[4].hasPrefix(path) else { return nil }
    return String(fields[4])
  }
}

/// Processes whose command line mentions `text`.
package func processes(mentioning text: String) -> [pid_t] {
  ((try? entries(ofPath: "/proc")) ?? []).compactMap { entry in
    guard let pid = pid_t(entry.name), pid != getpid(), let line = try? readText("/proc/\(pid)/cmdline") else {
      return nil
    }
    return line.contains(text) ? pid : nil
  }
}

/// An engine of one test's own: root and runroot in a scratch directory, all containers gone at the end.
package struct TestEngine {
  package let scratch: String
  /// Holder of the network namespace that the engine runs in; nil is the host's: only for tests without bridges.
  package let namespace: pid_t?
  package init(scratch: String, namespace: pid_t? = nil) {
    self.scratch = scratch
    self.namespace = namespace
  }
  /// A command line as it is run beside the engine.
  package func beside(_ command: [String]) -> [String] {
    namespace.map { TestNamespace.entering($0, command) } ?? command
  }
  /// Runs a program in the engine's network.
  @discardableResult
  package func host(_ command: String..., input: [UInt8]? = nil, seconds: Int = 60) throws -> Outcome {
    try TestKit.run(beside(command), input: input, seconds: seconds)
  }
  package var root: String { scratch + "/root" }
  package var runroot: String { scratch + "/run" }
  package var environment: [String: String] {
    ["BERTH_ROOT": root, "BERTH_RUNROOT": runroot, "BERTH_LIBEXEC": Installed.libexec]
  }

  /// Runs `berth` with these arguments on this engine.
  @discardableResult
  package func berth(
    _ arguments: String..., input: [UInt8]? = nil, environment extra: [String: String] = [:], seconds: Int = 120
  ) throws -> Outcome {
    try berth(arguments, input: input, environment: extra, seconds: seconds)
  }
  @discardableResult
  package func berth(
    _ arguments: [String], input: [UInt8]? = nil, environment extra: [String: String] = [:], seconds: Int = 120
  ) throws -> Outcome {
    try TestKit.run(
      beside([Installed.berth] + arguments), input: input, environment: environment.merging(extra) { $1 },
      seconds: seconds)
  }
  package func startBerth(_ arguments: [String], output: CInt = -1, errors: CInt = -1, input: CInt = -1) throws
    -> ChildProcess
  {
    try start(
      beside([Installed.berth] + arguments), output: output, errors: errors, input: input, environment: environment)
  }
  /// The exit must be 0; answers the trimmed output.
  @discardableResult
  package func ok(_ arguments: String..., input: [UInt8]? = nil, sourceLocation: SourceLocation = #_sourceLocation)
    throws -> String
  {
    let outcome = try berth(arguments, input: input)
    #expect(outcome.code == 0, "\(outcome)", sourceLocation: sourceLocation)
    return outcome.trimmed
  }
}

/// Runs `body` with an engine of its own; afterwards all its containers are removed and nothing may be left.
///
/// - Parameter sharingNetwork: in the test's own network, for servers that the test starts there; else in a network
///   namespace of its own.
package func withEngine<R>(
  sharingNetwork: Bool = false, _ name: String = #function, _ body: (TestEngine) throws -> R
) throws -> R {
  if sharingNetwork { return try withScratch(name) { try use(TestEngine(scratch: $0), body) } }
  return try withScratch(name) { scratch in
    let namespace = try TestNamespace.make()
    let engine = TestEngine(scratch: scratch, namespace: namespace.pid)
    let outcome: Result<R, any Error>
    do { outcome = .success(try use(engine, body)) } catch { outcome = .failure(error) }
    namespace.end()
    return try outcome.get()
  }
}
private func use<R>(_ engine: TestEngine, _ body: (TestEngine) throws -> R) throws -> R {
  let outcome: Result<R, any Error>
  do { outcome = .success(try body(engine)) } catch { outcome = .failure(error) }
  let removed = try engine.berth("rm", "-f", "-a", "-t", "0")
  #expect(removed.code == 0, "rm -f -a: \(removed)")
  let left = { processes(mentioning: engine.scratch) }
  #expect(eventually(10) { left().isEmpty }, "processes left behind: \(left())")
  return try outcome.get()
}
