import JSON
import Problems
import RuntimeSpec

/// Defences that the administrator has switched off for all containers (BERTH_RUNTIME_APPARMOR=false, ...): their part
/// of a specification is left out, with a warning. The choice is kept with the container, so that an exec has it too.
struct FeatureGates: Equatable {
  /// Names of those that are closed, in the order of `names`.
  let closed: [String]

  static let names = ["apparmor", "capabilities", "cgroup-devices", "seccomp"]
  static let allOpen = FeatureGates(closed: [])

  init(closed: [String]) { self.closed = closed }
  init(_ settings: Settings) throws(Problem) {
    var closed: [String] = []
    for name in Self.names where try !settings.isOpen(Self.variable(name)) {
      closed.append(name)
    }
    self.closed = closed
  }
  private static func variable(_ name: String) -> String {
    String(decoding: name.uppercased().utf8.map { $0 == UInt8(ascii: "-") ? UInt8(ascii: "_") : $0 }, as: UTF8.self)
  }

  var hasDevices: Bool { !closed.contains("cgroup-devices") }

  /// Takes what is switched off out of a specification.
  func apply(to spec: inout Spec) {
    if closed.isEmpty { return }
    if closed.contains("seccomp") { spec.linux?.seccomp = nil }
    if let process = spec.process { spec.process = apply(to: process) }
  }
  func apply(to process: Process) -> Process {
    var process = process
    if closed.contains("apparmor") { process.apparmorProfile = nil }
    if closed.contains("capabilities") {
      let all = CapabilityName.all.map { "CAP_" + $0 }
      var capabilities = Capabilities()
      (capabilities.bounding, capabilities.effective, capabilities.permitted) = (all, all, all)
      process.capabilities = capabilities
    }
    return process
  }
}
