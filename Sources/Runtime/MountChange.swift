import CSys
import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

extension Session {
  /// Adds mounts to a running container, or takes them away: `mounts add|remove ID FILE`, where FILE holds the `mounts`
  /// section of a config.json. Of a mount to remove the destination alone counts.
  ///
  /// - Source: crun(1), "mounts add", "mounts remove".
  func mounts(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    let words = try anyFlags(rest, []).positional
    guard words.count == 3, words[0] == "add" || words[0] == "remove" else {
      throw Problem(code: .invalid, message: "mounts needs add or remove, a container ID and a file")
    }
    let record = try store.load(words[1])
    guard let pidfd = try record.pidfd() else {
      throw Problem(code: .conflict, message: "cannot change the mounts of a container that has stopped: \(words[1])")
    }
    var spec = try store.spec(of: words[1])
    spec.mounts = try Self.mounts(fromFile: words[2])
    spec.hooks = nil
    var plan = LaunchPlan(id: record.id, bundle: record.bundle, spec: spec)
    plan.rootPath = record.rootPath
    guard plan.namespace(.mount) != nil else {
      throw Problem(code: .unsupported, message: "\(words[1]) has no mount namespace: its mounts are the host's")
    }
    let isAddition = words[0] == "add"
    if isAddition { try plan.openBindSources() }
    try MountChange(plan: plan).run(pidfd, isAddition: isAddition)
    return 0
  }

  static func mounts(fromFile path: String) throws(Problem) -> [Mount] {
    let bytes = try doing("read \(path)") { () throws(Errno) in try readFile(path, limit: 16 << 20) }
    var mounts: [Mount] = []
    do {
      guard let list = try JSON.parse(bytes).array else { throw SpecError(path: "", reason: "mounts must be an array") }
      for json in list { mounts.append(try Mount(json: json)) }
    } catch { throw Problem(code: .invalid, message: "read mounts from \(path)", cause: error) }
    for mount in mounts {
      if mount.destination.isEmpty { throw Problem(code: .invalid, message: "a mount without a destination") }
      let words = MountOptions(mount.options ?? [])
      if words.idMapped || !(mount.uidMappings ?? []).isEmpty {
        throw Problem(
          code: .unsupported, message: "the mount at \(mount.destination) is idmapped: only create can make those")
      }
    }
    return mounts
  }
}

/// Changes mounts from inside a container.
struct MountChange {
  let plan: LaunchPlan

  func run(_ pidfd: borrowing OwnedFD, isAddition: Bool) throws(Problem) {
    let ends = try doing("make a socket pair") { () throws(Errno) in
      try SocketPair.make(type: CInt(SOCK_SEQPACKET.rawValue))
    }
    // A new procfs is that of its mounter's PID namespace, which only a child enters.
    if plan.namespace(.pid) != nil {
      try doing("join the pid namespace of \(plan.id)") { () throws(Errno) in
        _ = try check(csys_setns(pidfd.borrowed, CInt(truncatingIfNeeded: CSYS_CLONE_NEWPID)))
      }
    }
    let end = ends.second.borrowed
    let child = try doing("fork") { () throws(Errno) in try check(csys_fork(0, nil)) }
    if child == 0 { inside(pidfd, isAddition: isAddition, end) }
    ends.second.close()
    let channel = Channel(ends.first)
    let got = try doing("hear from the process in \(plan.id)") { () throws(Errno) in try channel.receive() }
    var status: CInt = 0
    _ = csys_wait4(child, &status, 0)
    if let got, let failure = StepFailure(bytes: got.payload) { throw failure.problem }
    guard ExitStatus(waitStatus: status) == .exited(code: 0) else {
      throw Problem(code: .unavailable, message: "the process that changes mounts of \(plan.id) ended unexpectedly")
    }
  }

  private func inside(_ pidfd: borrowing OwnedFD, isAddition: Bool, _ end: CInt) -> Never {
    do throws(StepFailure) {
      _ = csys_prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
      _ = csys_umask(0)
      let hostProc = try during(.sysctl, "/proc") { () throws(Errno) in try open("/proc", O_PATH_ | O_DIRECTORY) }
      let copy = try during(.synchronize) { () throws(Errno) in try check(csys_fcntl(end, F_DUPFD_CLOEXEC, 3)) }
      var flags: UInt64 = 0
      for namespace in plan.linux.namespaces ?? [] where namespace.kind != .pid && namespace.kind != .time {
        flags |= namespace.kind.cloneFlag ?? 0
      }
      try during(.joinNamespace, "the namespaces of \(plan.id)") { () throws(Errno) in
        try check(csys_setns(pidfd.borrowed, CInt(truncatingIfNeeded: flags)))
      }
      try ContainerInit.becomeRoot(plan)
      let root = try during(.rootfs, "/") { () throws(Errno) in
        RootFilesystem(directory: try open("/", O_PATH_ | O_DIRECTORY))
      }
      if isAddition {
        let container = ContainerInit(plan: plan, channel: Channel(OwnedFD(adopting: copy)), hostProc: hostProc)
        var placed = PlacedMounts(Linux())
        for (number, mount) in (plan.spec.mounts ?? []).enumerated() {
          try container.place(mount, number: number, on: root, &placed)
        }
        for fd in placed.readOnlyLater {
          try during(.readOnly, "a tmpfs") { () throws(Errno) in
            try MountTree(adopting: OwnedFD(adopting: fd)).set(MountAttribute.readOnly)
          }
        }
      } else {
        for mount in plan.spec.mounts ?? [] { try remove(mount.destination, from: root, hostProc) }
      }
      _exit(0)
    } catch { NamespaceJoins.report(error, end) }
  }

  /// umount2(2) takes a path only: the host's procfs has one for an open descriptor, the container's could lie.
  private func remove(
    _ destination: String, from root: borrowing RootFilesystem, _ hostProc: borrowing OwnedFD
  ) throws(StepFailure) {
    try during(.mount, "to remove at \(destination)") { () throws(Errno) in
      let target = try root.open(destination)
      try check(csys_fchdir(hostProc.borrowed))
      try check(csys_umount2("self/fd/\(target.borrowed)", CInt(MNT_DETACH)))
    }
  }
}
