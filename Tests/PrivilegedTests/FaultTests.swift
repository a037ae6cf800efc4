import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// Every system call of a command fails once: the error names the step, and nothing is left behind. By default as many
/// as the budget allows, spread over all; everything with BERTH_ENDURANCE=1.
@Suite(.serialized, .needs(.root), .needs(.installed), .needs(.program("busybox")), .needs(.program("strace")))
struct FaultTests {
  private enum Limit { static let seconds = 15 }

  enum Command: String, CaseIterable, Sendable {
    case create, start, exec, delete

    func arguments(_ bundle: RuntimeBundle) -> [String] {
      switch self {
      case .create: ["create", "-b", bundle.path, "c"]
      case .start: ["start", "c"]
      case .exec: ["exec", "c", "true"]
      case .delete: ["delete", "--force", "c"]
      }
    }
    /// What has to be there first.
    func prepare(_ bundle: RuntimeBundle) throws {
      switch self {
      case .create: break
      case .start: try bundle.ok("create", "-b", bundle.path, "c")
      case .exec, .delete: try bundle.ok("run", "-d", "-b", bundle.path, "c")
      }
    }
  }

  /// covers LX-12, LX-41, LX-45, LX-46, LX-48
  @Test(arguments: Command.allCases) func everyCallFailsOnce(_ command: Command) throws {
    try withBundle { bundle in
      try bundle.configure([("process.args", ["sleep", "1000"])])
      try command.prepare(bundle)
      let log = bundle.scratch + "/trace"
      _ = try bundle.traced(["-f", "-o", log], command.arguments(bundle))
      try bundle.ok("delete", "--force", "c")
      let faults = Fault.all(inTrace: try readText(log))
      #expect(faults.count > 20, "\(command): \(faults.count) faults found")
      var hit = 0
      let done = try spread(faults, seconds: Limit.seconds) { if try check($0, command, bundle) { hit += 1 } }
      #expect(hit > done / 2, "\(command): \(hit) of \(done) faults happened")
    }
  }

  /// - Returns: whether the call was made, and failed.
  private func check(_ fault: Fault, _ command: Command, _ bundle: RuntimeBundle) throws -> Bool {
    try command.prepare(bundle)
    let log = bundle.scratch + "/fault"
    let follow = fault.followsChildren ? ["-f"] : []
    let injection = "inject=\(fault.call):error=\(fault.error):when=\(fault.position)"
    let outcome = try bundle.traced(
      follow + ["-o", log, "-e", "trace=\(fault.call)", "-e", injection], command.arguments(bundle))
    let name = "\(command) with \(fault): \(outcome)"
    if outcome.code != 0 {
      #expect(outcome.status == .exited(code: outcome.code), "a crash: \(name)")
      // Where the first write fails it is often the error's own.
      #expect(fault.call == "write" || outcome.errorText.hasPrefix("berth-runtime: "), "no step: \(name)")
      switch command {
      case .create: #expect(bundle.remains("c").isEmpty, "\(bundle.remains("c")) left: \(name)")
      case .exec:
        let pids = try JSON.parse(try bundle.ok("ps", "-f", "json", "c")).array ?? []
        #expect(pids.count == 1, "\(pids) are left: \(name)")
      case .start, .delete: break
      }
    }
    let cleaned = try bundle.runtime("delete", "--force", "c")
    #expect(cleaned.code == 0, "delete after \(name): \(cleaned)")
    #expect(bundle.remains("c").isEmpty, "\(bundle.remains("c")) left after delete: \(name)")
    return try readText(log).contains("(INJECTED)")
  }
}
