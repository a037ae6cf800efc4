import Glibc
public import Problems
import Sys

/// Where an engine keeps its things and which programs it uses.
public struct EngineOptions: Sendable {
  /// Images, layers, volumes, state: survives a reboot.
  public var root: String
  /// Sockets, pids, mounts: a reboot clears it.
  public var runroot: String
  /// OCI runtime: a path, or a name that is looked up next to `berth` and then in PATH.
  public var runtime: String?
  /// Flags of the runtime, before its subcommand.
  public var runtimeArguments: [String] = []
  /// Directory of berth-monitor, berth-unpack, berth-registry, berth-init; nil finds it.
  public var libexec: String?

  public init(root: String, runroot: String) {
    self.root = root
    self.runroot = runroot
  }

  /// $BERTH_ROOT, $BERTH_RUNROOT, $BERTH_LIBEXEC, $BERTH_RUNTIME over the defaults of DESIGN.md part 3.
  public static func fromEnvironment() -> EngineOptions {
    func variable(_ name: String) -> String? { environmentVariable(name).flatMap { $0.isEmpty ? nil : $0 } }
    var result = EngineOptions(
      root: variable("BERTH_ROOT") ?? "/var/lib/berth", runroot: variable("BERTH_RUNROOT") ?? "/run/berth")
    result.libexec = variable("BERTH_LIBEXEC")
    result.runtime = variable("BERTH_RUNTIME")
    return result
  }
}

/// Containers, images and volumes under one root directory.
///
/// Synchronous; use one engine from one thread. Opening one costs nothing: directories, database and
/// programs are looked up when the first call needs them.
public final class Engine {
  public let options: EngineOptions

  /// - Throws: `.invalid` for an empty or relative directory.
  public init(_ options: EngineOptions) throws(Problem) {
    for (name, path) in [("root", options.root), ("runroot", options.runroot)] {
      guard path.hasPrefix("/") else {
        throw Problem(code: .invalid, message: "--\(name) \"\(path)\" is not an absolute path")
      }
    }
    self.options = options
  }
}
