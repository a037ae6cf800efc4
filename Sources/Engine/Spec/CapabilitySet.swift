import CSys
import Glibc
import Problems
import Sys

/// Linux capabilities by name. Source: capabilities(7), <linux/capability.h>.
enum CapabilitySet {
  /// In the kernel's order: the index is the number.
  static let names = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID",
    "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN",
    "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE",
  ]
  /// What podman and Docker both give. Source: containers.conf(5), "default_capabilities".
  static let standard = [
    "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_NET_BIND_SERVICE", "CAP_SETFCAP",
    "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
  ]

  /// What this process could pass on at all: its bounding set.
  static func ofThisProcess() -> [String] {
    names.enumerated().filter { csys_prctl(PR_CAPBSET_READ, UInt($0.offset), 0, 0, 0) == 1 }.map(\.element)
  }

  /// "net_admin", "CAP_NET_ADMIN" → "CAP_NET_ADMIN".
  static func canonical(_ text: String, flag: String) throws(Problem) -> String {
    let upper = text.uppercased()
    let name = upper.hasPrefix("CAP_") ? upper : "CAP_" + upper
    guard names.contains(name) || name == "CAP_ALL" else {
      throw Problem(
        code: .invalid, message: "\(flag) \"\(text)\" is not a capability",
        hint: "capabilities(7) lists them; ALL means all")
    }
    return name
  }

  /// The bounding set of a container. Source: podman-run(1), "--cap-add".
  /// - Parameter available: what ALL and `privileged` mean.
  static func bounding(add: [String], drop: [String], privileged: Bool, available: () -> [String]) throws(Problem)
    -> [String]
  {
    var added: [String] = []
    for name in add { added.append(try canonical(name, flag: "--cap-add")) }
    var dropped: [String] = []
    for name in drop { dropped.append(try canonical(name, flag: "--cap-drop")) }
    if added.contains("CAP_ALL"), dropped.contains("CAP_ALL") {
      throw Problem(code: .invalid, message: "--cap-add ALL and --cap-drop ALL contradict each other")
    }
    for name in added where dropped.contains(name) {
      throw Problem(code: .invalid, message: "capability \"\(name)\" is both added and dropped")
    }
    var set = Set(privileged || added.contains("CAP_ALL") ? available() : standard)
    if dropped.contains("CAP_ALL") { set = [] }
    set.formUnion(added.filter { $0 != "CAP_ALL" })
    set.subtract(dropped)
    return names.filter(set.contains)
  }
}
