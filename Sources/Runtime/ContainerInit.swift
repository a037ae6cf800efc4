import CSys
import Glibc
import RuntimeSpec
import Sys

/// The child half of `create` and `run`: it makes itself the container's first process, step by step.
struct ContainerInit: ~Copyable {
  let plan: LaunchPlan
  let channel: Channel
  /// The host's /proc, verified; for writes to /proc/sys and attributes.
  let hostProc: OwnedFD

  var spec: Spec { plan.spec }
  var linux: Linux { plan.linux }
  private var rootPropagation: MountOptions.Propagation? {
    linux.rootfsPropagation.flatMap { MountOptions.propagation($0) }
  }
  /// Whether the mounts of the namespace stay peers of the host's.
  var isRootShared: Bool { rootPropagation?.flag == UInt64(MS_SHARED) }

  /// Runs in the new namespaces and ends with execve.
  /// - Throws: what failed; nothing has been executed then.
  static func run(_ plan: LaunchPlan, _ channel: consuming Channel) throws(StepFailure) -> Never {
    if plan.isDebug { channel.report(.debug, "child process in init()") }
    try channel.await(.proceed)
    _ = csys_umask(0)
    try becomeRoot(plan)
    if plan.makesIPCNamespaceLater {
      try during(.unshare) { () throws(Errno) in try check(csys_unshare(NamespaceKind.ipc.cloneFlag ?? 0)) }
    }
    let hostProc = try during(.sysctl, "/proc") { () throws(Errno) in
      let fd = try open("/proc", O_PATH_ | O_DIRECTORY)
      guard try FilesystemMagic.of(fd) == FilesystemMagic.proc else { throw .invalid }
      return fd
    }
    let container = ContainerInit(plan: plan, channel: channel, hostProc: hostProc)
    try container.setUp()
  }

  private consuming func setUp() throws(StepFailure) -> Never {
    try makeSession()
    if plan.hasNew(.cgroup) {
      try during(.cgroupNamespace) { () throws(Errno) in try check(csys_unshare(CSYS_CLONE_NEWCGROUP)) }
    }
    try setNames()
    if plan.hasNew(.network) && !plan.entersLater { try Loopback.bringUp() }
    var placed = PlacedMounts(linux)
    let root = try setUpRoot(&placed)
    try setSysctls()
    let setup = ProcessSetup(process: spec.process, plan: plan)
    try setup.applyLabels(hostProc: hostProc)
    try changeRoot(to: root)
    if plan.namespace(.mount) != nil {
      try maskPaths(in: root, placed)
      try protectPaths(in: root, placed)
    }
    placed.forget()
    if spec.process?.terminal == true { try setup.openConsole(in: root, bindingConsole: true) }
    try makeReadOnly(root, and: placed.readOnlyLater)
    let channel = channel
    try setup.finish(root: root, channel: channel)
  }

  /// In a user namespace: the IDs that own what it makes.
  static func becomeRoot(_ plan: LaunchPlan) throws(StepFailure) {
    guard plan.namespace(.user) != nil else { return }
    try during(.setIDs) { () throws(Errno) in
      try check(csys_setresgid(0, 0, 0))
      try check(csys_setresuid(0, 0, 0))
      _ = csys_setgroups(0, nil)  // refused where setgroups is denied; nothing to drop then
    }
  }

  private func makeSession() throws(StepFailure) {
    try during(.session) { () throws(Errno) in
      try check(csys_setsid())
      if !plan.isDumpable { try check(csys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)) }
    }
    if plan.newKeyring { try ProcessSetup.joinKeyring(named: "_ses.\(plan.id)") }
  }

  private func setNames() throws(StepFailure) {
    if let hostname = spec.hostname, !hostname.isEmpty {
      try during(.hostname, "hostname \(hostname)") { () throws(Errno) in
        try check(csys_sethostname(hostname, hostname.utf8.count))
      }
    }
    if let domain = spec.domainname, !domain.isEmpty {
      try during(.hostname, "domainname \(domain)") { () throws(Errno) in
        try check(csys_setdomainname(domain, domain.utf8.count))
      }
    }
  }

  private func setSysctls() throws(StepFailure) {
    guard let sysctls = linux.sysctl, !sysctls.isEmpty else { return }
    for (name, value) in sysctls.sorted(by: { $0.key < $1.key }) {
      let path = "sys/" + SysctlName.path(name)
      try during(.sysctl, name) { () throws(Errno) in
        let file = try openBeneath(hostProc, path, O_WRONLY)
        guard try FilesystemMagic.of(file) == FilesystemMagic.proc else { throw .invalid }
        try writeAll(file, value)
      }
    }
  }

  /// Makes the root the only filesystem: pivot_root, or move and chroot where that cannot work (an initramfs).
  private func changeRoot(to root: borrowing RootFilesystem) throws(StepFailure) {
    let fd = root.directory.borrowed
    guard plan.namespace(.mount) != nil else {
      return try during(.pivotRoot, plan.rootPath) { () throws(Errno) in try chroot(fd) }
    }
    if plan.noPivot {
      return try during(.pivotRoot, plan.rootPath) { () throws(Errno) in
        try hideHostFilesystems()
        try check(csys_fchdir(fd))
        let flags = CUnsignedInt(CSYS_MOVE_MOUNT_F_EMPTY_PATH)
        try check(csys_move_mount(fd, "", AT_FDCWD, "/", flags))
        try chroot(fd)
      }
    }
    try during(.pivotRoot, plan.rootPath) { () throws(Errno) in
      let old = try open("/", O_PATH_ | O_DIRECTORY)
      try check(csys_fchdir(fd))
      try check(csys_pivot_root(".", "."))
      // The old root lies on top of the new one now; it must not take the host's mounts along when it goes: where the
      // mounts are shared, they stop to be; else `mountRoot` has cut them off already (10,000 mounts take a while).
      try check(csys_fchdir(old.borrowed))
      let change = rootPropagation, isShared = isRootShared
      if isShared { try check(csys_mount("", ".", nil, UInt(MS_SLAVE | MS_REC), nil)) }
      try check(csys_umount2(".", CInt(MNT_DETACH)))
      try check(csys_chdir("/"))
      if let change, isShared || change.flag == UInt64(MS_UNBINDABLE) {
        try check(csys_mount("", "/", nil, UInt(change.flag) | (change.recursive ? UInt(MS_REC) : 0), nil))
      }
    }
  }
  /// Without pivot_root the host's mounts stay in the namespace, and the kernel lets a process mount a whole procfs or
  /// sysfs anew where it sees a whole one: those outside of the root go, or get covered.
  private func hideHostFilesystems() throws(Errno) {
    for mount in try MountInfo.own() where mount.root == "/" && (mount.type == "proc" || mount.type == "sysfs") {
      if mount.point == plan.rootPath || plan.isInRoot(mount.point) { continue }
      let result = csys_mount("", mount.point, nil, UInt(MS_SLAVE | MS_REC), nil)
      if result == -ENOENT { continue }  // it went with one above it
      try check(result)
      let gone = csys_umount2(mount.point, CInt(MNT_DETACH))
      if gone == -EINVAL || gone == -EPERM {
        try check(csys_mount("tmpfs", mount.point, "tmpfs", 0, nil))
      } else {
        try check(gone)
      }
    }
  }
  private func chroot(_ fd: CInt) throws(Errno) {
    try check(csys_fchdir(fd))
    try check(csys_chroot("."))
    try check(csys_chdir("/"))
  }
}

/// The loopback interface of the network namespace that the caller is in.
enum Loopback {
  static func bringUp() throws(StepFailure) {
    try during(.loopback) { () throws(Errno) in try setUp() }
  }
  private static func setUp() throws(Errno) {
    let socket = OwnedFD(adopting: try check(csys_socket(AF_INET, CInt(SOCK_DGRAM.rawValue), 0)))
    try check(csys_set_interface_up(socket.borrowed, "lo"))
  }
  /// In the network namespace of another process.
  static func bringUp(of pid: pid_t) throws(Errno) {
    let kind = CInt(truncatingIfNeeded: NamespaceKind.network.cloneFlag ?? 0)
    let own = try open("/proc/self/ns/net", O_RDONLY)
    let theirs = try open("/proc/\(pid)/ns/net", O_RDONLY)
    try check(csys_setns(theirs.borrowed, kind))
    defer { _ = csys_setns(own.borrowed, kind) }
    try setUp()
  }
}
