import Problems
import RuntimeClient
import Sys

extension Engine {
  func runtime(of config: ContainerConfig) throws(Problem) -> RuntimeProgram {
    RuntimeProgram(
      path: try programs.runtime(config.options.runtime),
      arguments: options.runtimeArguments + (try cgroupDriver) + ["--root", paths.runtimeState],
      environment: helperEnvironment)
  }

  private var cgroupDriver: [String] {
    get throws(Problem) {
      guard try isRootless(), CgroupDelegation.current()?.driver == .systemd else { return [] }
      return ["--systemd-cgroup"]
    }
  }

  /// What monitors, runtimes and the exit command see of the environment: where this engine's things are, no more.
  var helperEnvironment: [String] {
    var result = [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "BERTH_ROOT=\(paths.root)",
      "BERTH_RUNROOT=\(paths.runroot)",
    ]
    if let caller = environmentVariable(callerVariable) { result.append("\(callerVariable)=\(caller)") }
    if (try? isRootless()) == true {  // how the runtime finds the user's systemd
      for name in ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"] {
        if let value = environmentVariable(name) { result.append("\(name)=\(value)") }
      }
    }
    if let libexec = options.libexec { result.append("BERTH_LIBEXEC=\(libexec)") }
    return result
  }
}
