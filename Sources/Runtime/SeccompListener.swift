import CSys
import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

extension LinuxSeccomp {
  /// Whether some rule sends this call to the agent.
  func notifies(_ call: String) -> Bool {
    syscalls?.contains { $0.action == .notify && $0.names.contains(call) } ?? false
  }
}

/// Hands a seccomp notify descriptor to the agent at `linux.seccomp.listenerPath`.
/// Source: runtime-spec, config-linux.md, "The Container Process State".
struct SeccompListener {
  let plan: LaunchPlan
  let pid: pid_t

  func hand(over descriptor: consuming OwnedFD) throws(Problem) {
    guard let path = plan.linux.seccomp?.listenerPath, !path.isEmpty else {
      throw Problem(code: .invalid, message: "the seccomp profile notifies, but has no listenerPath")
    }
    var state = State(ociVersion: plan.spec.ociVersion, id: plan.id, status: .creating, bundle: plan.bundle)
    state.pid = pid
    state.annotations = plan.spec.annotations
    var object = JSON.Object()
    object["ociVersion"] = .string(plan.spec.ociVersion)
    object["fds"] = JSON(["seccompFd"])
    object["pid"] = JSON(pid)
    object["metadata"] = .string(plan.linux.seccomp?.listenerMetadata ?? "")
    object["state"] = state.json
    let bytes = JSON.object(object).bytes()
    let lent = descriptor.borrowed
    let socket = try doing("failed to connect with seccomp agent at \(path)") { () throws(Errno) in
      try connectUnix(path, type: CInt(SOCK_STREAM.rawValue))
    }
    try doing("send the seccomp descriptor to \(path)") { () throws(Errno) in
      try send(socket, bytes, descriptors: [lent])
    }
  }
}
