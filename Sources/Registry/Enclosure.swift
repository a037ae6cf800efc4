import CSys
import Glibc
import Problems
import Seccomp
import Sys

/// How the program shuts itself in before it hears from a stranger: another user, no capability, no new program, no
/// file but what the name service reads. What it serves with is open already: its socket, and what comes over it.
enum Enclosure {
  /// `nobody`, on every distribution.
  private static let nobody: UInt32 = 65534

  /// The name service's files; configuration, certificates and credentials are read before, or never.
  private static let readablePaths = [
    "/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services",
    "/etc/ld.so.cache", "/etc/localtime", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo",
    "/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/dev/null", "/dev/urandom",
    // Dispatch counts its busy threads in /proc/<thread>/stat, and crashes where it cannot.
    "/proc", "/sys/devices/system/cpu",
  ]

  static func enter() throws(Problem) {
    try becomeNobody()
    var confinement = Confinement(.registryClient, highestDescriptor: 3)
    confinement.readablePaths = readablePaths
    do throws(Problem) { try confinement.install() } catch {
      throw Problem(code: error.code, message: "berth-registry cannot shut itself in", cause: error)
    }
  }

  /// Where there is no Landlock, this keeps root's files out of reach.
  private static func becomeNobody() throws(Problem) {
    guard geteuid() == 0 else { return }
    // While it may: the bounding set, until the kernel knows no more (PR_CAPBSET_DROP).
    for capability in UInt(0)..<64 { if csys_prctl(24, capability, 0, 0, 0) < 0 { break } }
    for step in [
      csys_setgroups(0, nil), csys_setresgid(nobody, nobody, nobody), csys_setresuid(nobody, nobody, nobody),
    ] {
      switch Errno(rawValue: step < 0 ? -step : 0) {
      case Errno(rawValue: 0): break
      case .invalid, .notPermitted: return  // a user namespace without that user: its root is nobody elsewhere
      case let error: throw Problem(code: .unavailable, message: "berth-registry cannot change its user", cause: error)
      }
    }
  }
}
