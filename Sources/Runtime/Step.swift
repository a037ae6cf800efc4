import CSys
import Glibc
import Problems
import Sys

/// What a child was doing when it failed; the parent finds the words.
enum Step: Int32, CaseIterable {
  case synchronize = 1, joinNamespace, unshare, setIDs, hostname, propagation, rootfs, mountSource, mountTarget, mount
  case device, mask, readOnly, pivotRoot, sysctl, loopback, console, keyring, hook, capabilities, user, groups
  case noNewPrivileges, seccomp, label, scheduling, workingDirectory, workingDirectoryOutside, lookUp, permission
  case execute, descriptors, session, cgroupNamespace, timeOffsets, startSocket, unsupported, invalid, cgroupMount
  case notInPath, isDirectory, cgroupEntrance, limits

  /// The sentence for the user; `object` is what the step was about.
  func sentence(_ object: String) -> String {
    switch self {
    case .synchronize: "speak with the runtime's other half"
    case .joinNamespace: "join \(object)"
    case .unshare: "create namespaces"
    case .setIDs: "become root of the user namespace"
    case .hostname: "set \(object)"
    case .propagation: "set the propagation of \(object)"
    case .rootfs: "open root filesystem \(object)"
    case .mountSource: "open mount source \(object)"
    case .mountTarget: "make mount target \(object)"
    case .mount: "mount \(object)"
    case .device: "make device \(object)"
    case .mask: "mask \(object)"
    case .readOnly: "make \(object) read-only"
    case .pivotRoot: "pivot_root into \(object)"
    case .sysctl: "set sysctl \(object)"
    case .loopback: "bring up the loopback interface"
    case .console: "set up the console: \(object)"
    case .keyring: "join a new session keyring"
    case .hook: object
    case .capabilities: "set capabilities: \(object)"
    case .user: "set user \(object)"
    case .groups: "set additional groups"
    case .noNewPrivileges: "set no_new_privs"
    case .seccomp: "load the seccomp filter"
    case .label: "set the security label \(object)"
    case .scheduling: "set \(object)"
    case .workingDirectory: "chdir to cwd (\"\(object)\") set in config.json failed"
    case .workingDirectoryOutside: "cwd \"\(object)\" is outside of the container's root"
    case .lookUp: "exec: \"\(object)\": stat \(object)"
    case .permission: "exec: \"\(object)\": permission denied"
    case .execute: "exec \(object)"
    case .descriptors: "close descriptors"
    case .session: "make a new session"
    case .cgroupNamespace: "create the cgroup namespace"
    case .timeOffsets: "write time namespace offsets"
    case .cgroupEntrance: "enter the container's cgroup"
    case .limits: "set \(object)"
    case .startSocket: "wait for start"
    case .unsupported, .invalid: object
    case .cgroupMount: "mount cgroups: \(object)"
    case .notInPath: "exec: \"\(object)\": executable file not found in $PATH"
    case .isDirectory: "exec: \"\(object)\": is a directory"
    }
  }

  func code(_ errno: Errno) -> Problem.Code {
    switch self {
    case .lookUp, .notInPath: .commandNotFound
    case .permission, .isDirectory: .cannotExecute
    case .execute: errno == .notFound ? .commandNotFound : .cannotExecute
    case .unsupported: .unsupported
    case .invalid, .workingDirectoryOutside: .invalid
    default: Problem.Code(errno)
    }
  }
}

/// A step that failed, what it was about, and the kernel's answer (0: none, the sentence says it all).
struct StepFailure: Error {
  let step: Step
  let errno: Errno
  let object: String

  init(_ step: Step, _ errno: Errno, _ object: String = "") {
    self.step = step
    self.errno = errno
    self.object = object
  }

  /// As the child sends it: step, errno, text.
  var bytes: [UInt8] {
    var result = withUnsafeBytes(of: (step.rawValue, errno.rawValue)) { Array($0) }
    result.append(contentsOf: object.utf8.prefix(2000))
    return result
  }
  init?(bytes: [UInt8]) {
    guard bytes.count >= 8 else { return nil }
    let numbers = bytes.withUnsafeBytes { raw in
      (raw.loadUnaligned(as: Int32.self), raw.loadUnaligned(fromByteOffset: 4, as: Int32.self))
    }
    guard let step = Step(rawValue: numbers.0) else { return nil }
    self.init(step, Errno(rawValue: numbers.1), String(decoding: bytes.dropFirst(8), as: UTF8.self))
  }
  /// As every runtime words it; the file itself was found, so it is its interpreter that is not there.
  private var isMissing: Bool { step == .execute && errno == .notFound }
  var problem: Problem {
    Problem(
      code: step.code(errno), message: step.sentence(object) + (isMissing ? ": no such file or directory" : ""),
      cause: errno.rawValue == 0 || isMissing || [.permission, .notInPath, .isDirectory].contains(step) ? nil : errno)
  }
}

/// Runs `body`; its errno becomes a failure of this step.
@discardableResult
func during<R: ~Copyable>(
  _ step: Step, _ object: @autoclosure () -> String = "", _ body: () throws(Errno) -> R
) throws(StepFailure) -> R {
  do throws(Errno) { return try body() } catch { throw StepFailure(step, error, object()) }
}
