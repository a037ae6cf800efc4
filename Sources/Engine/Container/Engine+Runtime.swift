import Problems
import RuntimeClient
import Sys

extension Engine {
  func runtime(of config: ContainerConfig) throws(Problem) -> RuntimeProgram {
    RuntimeProgram(
      path: try programs.runtime(config.options.runtime),
      arguments: options.runtimeArguments + ["--root", paths.runtimeState],
      environment: helperEnvironment)
  }

  /// What monitors, runtimes and the exit command see of the environment: where this engine's things are, no more.
  var helperEnvironment: [String] {
    var result = [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "BERTH_ROOT=\(paths.root)",
      "BERTH_RUNROOT=\(paths.runroot)",
    ]
    if let caller = environmentVariable(callerVariable) { result.append("\(callerVariable)=\(caller)") }
    if let libexec = options.libexec { result.append("BERTH_LIBEXEC=\(libexec)") }
    return result
  }
}
