import Problems
import RuntimeSpec
import Sys

/// What can be known to be wrong before anything is made.
struct SpecCheck {
  let spec: Spec
  private let linux: Linux

  init(spec: Spec) {
    self.spec = spec
    linux = spec.linux ?? Linux()
  }

  func all() throws(Problem) {
    try version()
    try namespaces()
    try names()
    try sysctls()
    try process()
    try mounts()
    try onlyLinux()
  }

  func refuse(_ message: String) -> Problem { Problem(code: .invalid, message: message) }

  private func version() throws(Problem) {
    let major = spec.ociVersion.utf8.prefix { $0 != UInt8(ascii: ".") }
    guard major.elementsEqual("1".utf8) || major.elementsEqual("0".utf8) else {
      throw refuse("unsupported specification version \"\(spec.ociVersion)\"")
    }
    guard let root = spec.root, !root.path.isEmpty else { throw refuse("root.path is missing") }
  }

  private func namespaces() throws(Problem) {
    var seen: UInt64 = 0
    for namespace in linux.namespaces ?? [] {
      guard let flag = namespace.kind.cloneFlag else {
        throw refuse("unknown namespace type \"\(namespace.kind.rawValue)\"")
      }
      if seen & flag != 0 { throw refuse("duplicate namespace \"\(namespace.kind.rawValue)\"") }
      seen |= flag
    }
    let hasUIDs = !(linux.uidMappings ?? []).isEmpty, hasGIDs = !(linux.gidMappings ?? []).isEmpty
    let user = linux.namespaces?.first { $0.kind == .user }
    if user == nil && (hasUIDs || hasGIDs) { throw refuse("uidMappings and gidMappings need a user namespace") }
    if let user, (user.path ?? "").isEmpty, !hasUIDs || !hasGIDs {
      throw refuse("a new user namespace needs uidMappings and gidMappings")
    }
    if !(linux.timeOffsets ?? [:]).isEmpty && !has(.time) { throw refuse("timeOffsets need a time namespace") }
  }
  func has(_ kind: NamespaceKind) -> Bool { linux.namespaces?.contains { $0.kind == kind } ?? false }

  private func names() throws(Problem) {
    if let hostname = spec.hostname, !hostname.isEmpty, !has(.uts) {
      throw refuse("hostname \(hostname) needs a UTS namespace")
    }
    if let domain = spec.domainname, !domain.isEmpty, !has(.uts) {
      throw refuse("domainname \(domain) needs a UTS namespace")
    }
  }

  /// Only what a namespace of the container's own keeps away from the host. Source: namespaces(7), runc's list.
  private func sysctls() throws(Problem) {
    let ipc = [
      "kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.sem", "kernel.shmall", "kernel.shmmax",
      "kernel.shmmni", "kernel.shm_rmid_forced",
    ]
    for (key, _) in linux.sysctl ?? [:] {
      let name = String(SysctlName.path(key).map { $0 == "/" ? "." : $0 })
      let kind: NamespaceKind?
      if ipc.contains(name) || name.hasPrefix("fs.mqueue.") {
        kind = .ipc
      } else if name.hasPrefix("net.") {
        kind = .network
      } else if name.hasPrefix("user.") {
        kind = .user
      } else if name == "kernel.domainname" || name == "kernel.hostname" {
        kind = .uts
      } else {
        kind = nil
      }
      guard let kind else { throw refuse("sysctl \"\(key)\" is not in a separate kernel namespace") }
      if !has(kind) { throw refuse("sysctl \"\(key)\" needs a \(kind.rawValue) namespace of the container's own") }
      let field =
        name == "kernel.hostname" ? spec.hostname : name == "kernel.domainname" ? spec.domainname : nil
      if let field, !field.isEmpty { throw refuse("sysctl \"\(key)\" contradicts the field \(name.dropFirst(7))") }
      if name.split(separator: ".", omittingEmptySubsequences: false).contains(where: { $0.isEmpty || $0 == ".." }) {
        throw refuse("sysctl \"\(key)\" is no name")
      }
    }
  }

  private func process() throws(Problem) {
    guard let process = spec.process else { return }
    try Self.check(process)
  }
  static func check(_ process: Process) throws(Problem) {
    if !process.cwd.hasPrefix("/") {
      throw Problem(code: .invalid, message: "cwd must be an absolute path: \"\(process.cwd)\"")
    }
    // To setresuid(2) and setresgid(2) it means "as it is": such a process would keep root's.
    if let user = process.user,
      user.uid == .max || user.gid == .max || user.additionalGids?.contains(.max) == true
    {
      throw Problem(code: .invalid, message: "process.user: \(UInt32.max) is no user or group ID")
    }
    if (process.args ?? []).isEmpty { throw Problem(code: .invalid, message: "process.args must not be empty") }
    var seen = 0
    for limit in process.rlimits ?? [] {
      guard let resource = ProcessLimits.resource(limit.type) else {
        throw Problem(code: .invalid, message: "unknown resource limit \"\(limit.type)\"")
      }
      if seen & 1 << resource != 0 {
        throw Problem(code: .invalid, message: "duplicate resource limit \(limit.type)")
      }
      seen |= 1 << resource
    }
    let affinity = process.execCPUAffinity
    for list in [affinity?.initialCPUs ?? "", affinity?.finalCPUs ?? ""]
    where !list.isEmpty && Scheduling.mask(list) == nil {
      throw Problem(code: .invalid, message: "execCPUAffinity \"\(list)\" is no list of processors")
    }
    if let priority = process.ioPriority?.priority, !(0...7).contains(priority) {
      throw Problem(code: .invalid, message: "ioPriority.priority \(priority) is not one of 0 to 7")
    }
    if let score = process.oomScoreAdj, !(-1000...1000).contains(score) {
      throw Problem(code: .invalid, message: "oomScoreAdj \(score) is outside -1000 to 1000")
    }
    for text in (process.args ?? []) + (process.env ?? []) where text.utf8.contains(0) {
      throw Problem(code: .invalid, message: "an argument or variable contains a zero byte")
    }
  }

  private func mounts() throws(Problem) {
    for mount in spec.mounts ?? [] where mount.destination.isEmpty {
      throw refuse("a mount without a destination")
    }
    if let word = linux.rootfsPropagation, !word.isEmpty, MountOptions.propagation(word) == nil {
      throw refuse("unknown rootfsPropagation \"\(word)\"")
    }
    let hides = !(linux.maskedPaths ?? []).isEmpty || !(linux.readonlyPaths ?? []).isEmpty
    if hides && !has(.mount) {
      throw refuse("maskedPaths and readonlyPaths need a mount namespace of the container's own")
    }
    for device in linux.devices ?? [] where !["b", "c", "u", "p", "f"].contains(device.type) {
      throw refuse("device \(device.path) has the unknown type \"\(device.type)\"")
    }
    for device in linux.devices ?? [] where (device.major ?? 0) < 0 || (device.minor ?? 0) < 0 {
      throw refuse("device \(device.path) has no number \(device.major ?? 0):\(device.minor ?? 0)")
    }
  }
}

extension SpecCheck {
  private func onlyLinux() throws(Problem) {
    if let policy = linux.memoryPolicy { _ = try policy.request() }
    if let flag = linux.personality?.flags?.first {
      throw Problem(code: .invalid, message: "unknown personality flag \"\(flag)\"")
    }
    if let label = linux.mountLabel, !label.isEmpty, !exists("/sys/fs/selinux/enforce") {
      throw Problem(
        code: .unsupported, message: "selinux label \(label) is wanted for mounts, but this kernel has no SELinux")
    }
    try NetDevices.check(spec)
    try seccomp()
    if try IntelRdt(linux.intelRdt, id: "") != nil { _ = try IntelRdt.mountPoint() }
  }
}

extension SpecCheck {
  /// The descriptor itself has to reach the agent, by one of two calls: that one cannot wait for the agent.
  private func seccomp() throws(Problem) {
    guard let profile = linux.seccomp else { return }
    if profile.defaultAction == .notify { throw refuse("SCMP_ACT_NOTIFY cannot be used as default action") }
    if profile.notifies("sendmsg") && profile.notifies("sendmmsg") {
      throw refuse("SCMP_ACT_NOTIFY cannot be used for both of the syscalls sendmsg and sendmmsg")
    }
  }
}

/// Names of sysctls as sysctl(8) has them: the first separator of a name decides which of "." and "/" separates; the
/// other one is part of a name ("net.ipv4.conf.eth0/1.forwarding").
enum SysctlName {
  static func path(_ name: String) -> String {
    guard name.first(where: { $0 == "." || $0 == "/" }) == "." else { return name }
    return String(name.map { $0 == "." ? "/" : $0 == "/" ? "." : $0 })
  }
}
