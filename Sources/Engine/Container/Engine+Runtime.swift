import Problems
import RuntimeClient
import Sys

extension Engine {
  /// - Throws: `.invalid` naming it where it is gone from this machine.
  func runtime(of config: ContainerConfig) throws(Problem) -> RuntimeProgram {
    let path: String
    do throws(Problem) { path = try programs.runtime(config.options.runtime) } catch {
      throw Problem(
        code: error.code, message: error.message,
        hint: "install it again; without it the container can only be removed: berth rm --force")
    }
    return try program(path)
  }
  func program(_ path: String) throws(Problem) -> RuntimeProgram {
    RuntimeProgram(
      path: path, arguments: options.runtimeArguments + (try cgroupDriver) + ["--root", paths.runtimeState],
      environment: helperEnvironment)
  }

  /// Deletes by force. Nothing there is fine.
  func deleteForced(_ id: String, _ config: ContainerConfig) throws(Problem) {
    let state = "\(paths.runtimeState)/\(id)"
    guard exists(state) else { return }
    guard let runtime = try? runtime(of: config) else { return try deleteWithoutRuntime(id, state) }
    do throws(Problem) { try runtime.run("delete", "--force", id) } catch {
      if exists(state) { throw error }  // else somebody else was quicker
    }
  }

  /// Deletes what a runtime that is gone has left (capability line PD-05): ours does it.
  ///
  /// Ours cannot read another's record and takes it for a creation that was cut off: it kills and removes the cgroup
  /// that the specification names, then the record. Where a runtime keeps no copy of it, the bundle's goes there.
  private func deleteWithoutRuntime(_ id: String, _ state: String) throws(Problem) {
    let copy = state + "/config.json", original = paths.bundle(id) + "/config.json"
    if !exists(copy) && exists(original) {
      try doing("write \(copy)") { () throws(Errno) in
        try replaceFile(copy, with: try readFile(original), durable: false)
      }
    }
    let ours = RuntimeProgram(
      path: try programs.runtime("berth-runtime"), arguments: (try cgroupDriver) + ["--root", paths.runtimeState],
      environment: helperEnvironment)
    try ours.run("delete", "--force", id)
  }

  private var cgroupDriver: [String] {
    get throws(Problem) {
      guard try delegation()?.driver == .systemd else { return [] }
      return ["--systemd-cgroup"]
    }
  }

  /// What monitors, runtimes and the exit command see of the environment: where this engine's things are, no more.
  var helperEnvironment: [String] {
    var result = [
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "BERTH_ROOT=\(paths.root)",
      "BERTH_RUNROOT=\(paths.runroot)", "BERTH_EVENTS_BACKEND=\(eventsBackend.rawValue)",
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
