import Problems

/// `--security-opt`, understood. Source: podman-run(1), docker-run(1).
struct SecurityOptions: Hashable, Sendable {
  enum Seccomp: Hashable, Sendable {
    case standard, unconfined
    /// A profile's path.
    case file(String)
  }
  var seccomp = Seccomp.standard
  var noNewPrivileges = false
  /// More paths to hide.
  var mask: [String] = []
  var unmaskAll = false
  var unmask: [String] = []

  init(_ words: [String]) throws(Problem) {
    for word in words { try take(word) }
  }

  private mutating func take(_ word: String) throws(Problem) {
    // `name=value`; Docker's older form has a colon.
    let cut = word.firstIndex(of: "=") ?? word.firstIndex(of: ":")
    let name = cut.map { String(word[..<$0]) } ?? word
    let value = cut.map { String(word[word.index(after: $0)...]) }
    switch (name, value) {
    case ("no-new-privileges", nil), ("no-new-privileges", "true"): noNewPrivileges = true
    case ("no-new-privileges", "false"): noNewPrivileges = false
    case ("seccomp", "unconfined"): seccomp = .unconfined
    case ("seccomp", let path?) where !path.isEmpty: seccomp = .file(path)
    case ("mask", let paths?): mask += try Self.paths(paths, word)
    case ("unmask", "ALL"), ("unmask", "all"), ("systempaths", "unconfined"): unmaskAll = true
    case ("unmask", let paths?): unmask += try Self.paths(paths, word)
    // Nothing to switch off where the kernel has neither; asking for a profile is refused below.
    case ("label", "disable"), ("apparmor", "unconfined"): break
    case ("label", _?), ("apparmor", _?), ("proc-opts", _?), ("writable-cgroups", _?):
      throw Problem(code: .unsupported, message: "--security-opt \(word) is not supported")
    default:
      throw Problem(
        code: .invalid, message: "--security-opt \"\(word)\" is not known",
        hint: "seccomp=, no-new-privileges, mask= and unmask= are")
    }
  }
  private static func paths(_ text: String, _ word: String) throws(Problem) -> [String] {
    let paths = text.split(separator: ":").map(String.init)
    guard !paths.isEmpty, paths.allSatisfy({ $0.hasPrefix("/") }) else {
      throw Problem(code: .invalid, message: "--security-opt \"\(word)\": want absolute paths separated by colons")
    }
    return paths
  }

  /// Source: containers/common, `pkg/config`'s and Docker's defaults.
  static let maskedPaths = [
    "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list", "/proc/timer_stats", "/sys/dev/block", "/sys/devices/virtual/powercap", "/sys/firmware",
    "/sys/fs/selinux",
  ]
  static let readOnlyPaths = ["/proc/asound", "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]

  var masked: [String] { unmaskAll ? mask : Self.maskedPaths.filter { !isUnmasked($0) } + mask }
  var readOnly: [String] { unmaskAll ? [] : Self.readOnlyPaths.filter { !isUnmasked($0) } }

  /// `unmask=/proc/*` unmasks all below.
  private func isUnmasked(_ path: String) -> Bool {
    unmask.contains { $0 == path || ($0.hasSuffix("/*") && path.hasPrefix($0.dropLast())) }
  }
}
