import CSys
import Sys

/// What of cgroup version 2 an ordinary user was given. Source: systemd, "Control Group APIs and Delegation".
struct CgroupDelegation: Hashable, Sendable {
  enum Driver: String {
    /// Cgroups are made below the caller's own.
    case cgroupfs
    /// The user's manager makes them.
    case systemd
  }
  var driver: Driver
  /// What can be limited in them.
  var controllers: [String]

  private static let mountPoint = "/sys/fs/cgroup"

  /// A user's manager comes first: it can put a container aside from a login session, which is not the user's.
  /// - Returns: nil without version 2, too.
  static func current() -> CgroupDelegation? {
    let uid = callerUID()
    let runtimeDirectory = environmentVariable("XDG_RUNTIME_DIR") ?? "/run/user/\(uid)"
    let manager = "/user.slice/user-\(uid).slice/user@\(uid).service"
    if exists(runtimeDirectory + "/systemd/private"), let controllers = controllers(of: manager) {
      return CgroupDelegation(driver: .systemd, controllers: controllers)
    }
    guard let own = path(ofProcess: "self"), let controllers = controllers(of: own),
      (try? status(mountPoint + own))?.st_uid == callerInNamespace
    else { return nil }
    return CgroupDelegation(driver: .cgroupfs, controllers: controllers)
  }
  /// The caller is root of the engine's user namespace.
  private static let callerInNamespace: UInt32 = 0

  private static func controllers(of cgroup: String) -> [String]? {
    guard let text = try? readText("\(mountPoint)\(cgroup)/cgroup.controllers") else { return nil }
    return text.split(whereSeparator: \.isWhitespace).map(String.init)
  }

  /// Where a process is in version 2; nil where that is not there, or the process is not. Source: cgroups(7).
  static func path(ofProcess pid: String) -> String? {
    guard let text = try? readText("/proc/\(pid)/cgroup") else { return nil }
    return text.split(separator: "\n").first { $0.hasPrefix("0::/") }.map { String($0.dropFirst(3)) }
  }
}
