package import CSys
import Glibc
package import Sys

/// A network namespace of a test's own, held by a sleeping process: links, addresses and rules made in it go with it,
/// and the host's are never touched.
package struct TestNamespace: ~Copyable {
  private let holder: ChildProcess
  package var pid: pid_t { holder.pid }

  package static func make() throws -> TestNamespace {
    let namespace = TestNamespace(holder: try start(["unshare", "--net", "sleep", "1000000"]))
    let own = try readLink("/proc/self/ns/net")
    let pid = namespace.pid
    guard eventually(10, { (try? readLink("/proc/\(pid)/ns/net")).map { $0 != own } ?? false }) else {
      namespace.end()
      throw CommandFailed(description: "no network namespace came into being: it takes root")
    }
    try namespace.run("ip", "link", "set", "lo", "up")
    return namespace
  }
  private init(holder: consuming ChildProcess) { self.holder = holder }
  /// The command line of a program that runs inside.
  package static func entering(_ pid: pid_t, _ command: [String]) -> [String] {
    ["nsenter", "--net=/proc/\(pid)/ns/net", "--"] + command
  }
  /// Runs a program inside.
  @discardableResult
  package func run(_ command: String..., input: [UInt8]? = nil, seconds: Int = 60) throws -> Outcome {
    try TestKit.run(Self.entering(pid, command), input: input, seconds: seconds)
  }
  /// Starts one that goes on while the test does.
  package func begin(_ command: [String], output: CInt = -1, errors: CInt = -1) throws -> ChildProcess {
    try start(Self.entering(pid, command), output: output, errors: errors)
  }
  package consuming func end() {
    try? holder.signal(SIGKILL)
    _ = try? holder.wait()
  }
}

package func withNamespace<R>(_ body: (borrowing TestNamespace) throws -> R) throws -> R {
  let namespace = try TestNamespace.make()
  let outcome: Result<R, any Error>
  do { outcome = .success(try body(namespace)) } catch { outcome = .failure(error) }
  namespace.end()
  return try outcome.get()
}
