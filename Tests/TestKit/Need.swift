import CSys
import Glibc
import Sys
package import Testing

/// What a test needs of the machine. With MUST_RUN=1 (CI) nothing may be skipped: the test runs and fails instead.
package enum Need: Sendable {
  case root
  /// The installed release programs: BERTH_TEST_PREFIX, which scripts/test sets.
  case installed
  /// A program on PATH, such as `docker-registry`.
  case program(String)
  /// Hierarchies of version 1 where systemd mounts them.
  case cgroup1

  var isMet: Bool {
    switch self {
    case .root: geteuid() == 0
    case .installed: environmentVariable("BERTH_TEST_PREFIX") != nil
    case .program(let name): findProgram(name) != nil
    case .cgroup1: exists("/sys/fs/cgroup/pids/cgroup.procs")
    }
  }
}

private let mustRun = environmentVariable("MUST_RUN") == "1"

extension Trait where Self == ConditionTrait {
  package static func needs(_ need: Need) -> Self { .enabled("needs \(need)") { need.isMet || mustRun } }
}

/// The path of a program on PATH.
package func findProgram(_ name: String) -> String? {
  let directories = (environmentVariable("PATH") ?? "/usr/bin:/bin").split(separator: ":")
  return (directories.map(String.init) + ["/usr/sbin", "/sbin"]).map { "\($0)/\(name)" }.first {
    csys_faccessat2(AT_FDCWD, $0, X_OK, 0) == 0
  }
}

/// The installed release programs.
package enum Installed {
  package static var prefix: String { environmentVariable("BERTH_TEST_PREFIX") ?? "/nonexistent" }
  package static var berth: String { prefix + "/bin/berth" }
  package static var runtime: String { prefix + "/bin/berth-runtime" }
  package static var libexec: String { prefix + "/libexec/berth" }
  package static var monitor: String { libexec + "/berth-monitor" }
  package static var unpack: String { libexec + "/berth-unpack" }
  package static var registry: String { libexec + "/berth-registry" }
  package static var dns: String { libexec + "/berth-dns" }
}
