import CSys
import Glibc
import RuntimeSpec
import Sys

extension ContainerInit {
  /// Mounts the root, everything on it, and makes the devices; hooks of the runtime run in between.
  /// - Parameter placed: gets what later steps need of the mounts.
  func setUpRoot(_ placed: inout PlacedMounts) throws(StepFailure) -> RootFilesystem {
    let root = try mountRoot()
    for (number, mount) in (spec.mounts ?? []).enumerated() {
      var mount = mount
      mount.destination = plan.inner(mount.destination)
      try place(mount, number: number, on: root, &placed)
    }
    if ownsDev { try makeDevices(in: root) }
    if let cwd = spec.process?.cwd, cwd != "/" {
      _ = try? root.make(cwd, directory: true)  // chdir will say what is wrong with it
    }
    if needsHooks {
      try during(.synchronize) { () throws(Errno) in try channel.send(.hooks) }
      try channel.await(.proceed)
    }
    try HookRunner(plan: plan, status: .creating, place: .directory(root.directory.borrowed))
      .run(spec.hooks?.createContainer, kind: "createContainer")
    return root
  }

  /// Ends the writing to the root and to filesystems that are to be read-only: all that is ours to make is there.
  func makeReadOnly(_ root: borrowing RootFilesystem, and later: [CInt]) throws(StepFailure) {
    for fd in later {
      try during(.readOnly, "a tmpfs") { () throws(Errno) in
        try MountTree(adopting: OwnedFD(adopting: fd)).set(MountAttribute.readOnly)
      }
    }
    if spec.root?.readonly == true {
      try during(.readOnly, "/") { () throws(Errno) in
        let flags = CUnsignedInt(CSYS_AT_EMPTY_PATH)
        try check(csys_mount_setattr(root.directory.borrowed, "", flags, MountAttribute.readOnly, 0, 0, 0))
      }
    }
  }

  var needsHooks: Bool {
    !(spec.hooks?.prestart ?? []).isEmpty || !(spec.hooks?.createRuntime ?? []).isEmpty
  }

  /// Cuts the propagation from and to the host and makes the root a mount of its own.
  private func mountRoot() throws(StepFailure) -> RootFilesystem {
    let word = linux.rootfsPropagation ?? "rprivate"
    guard let change = MountOptions.propagation(word.isEmpty ? "rprivate" : word) else {
      throw StepFailure(.propagation, .invalid, word)
    }
    // In the host's own mount namespace its propagation is not ours to change; `delete` unmounts the root then.
    if plan.namespace(.mount) != nil { try setPropagation(change) }
    return try during(.rootfs, plan.rootPath) { () throws(Errno) in
      let tree =
        plan.preparedRoot >= 0
        ? MountTree(adopting: OwnedFD(adopting: plan.preparedRoot))
        : try MountTree(cloning: plan.rootPath, recursive: true)
      if plan.namespace(.mount) == nil { try tree.setPropagation(UInt64(MS_PRIVATE), recursive: true) }
      do throws(Errno) { try tree.move(ontoPath: plan.rootPath) } catch {
        // The root of a user namespace may not even reach the place. Any will do: only we see it, until the pivot.
        guard error == .accessDenied, plan.preparedRoot >= 0 else { throw error }
        try tree.move(ontoPath: "/sys/block")
      }
      return RootFilesystem(directory: try tree.fd.duplicate())
    }
  }

  private func setPropagation(_ change: MountOptions.Propagation) throws(StepFailure) {
    try during(.propagation, "/") { () throws(Errno) in
      let flag = change.flag == UInt64(MS_UNBINDABLE) ? UInt64(MS_PRIVATE) : change.flag
      // Cutting off is for all mounts; sharing is only for those that the word names: what is bound from a private
      // mount of the host stays private.
      let isShared = flag == UInt64(MS_SHARED)
      let depth = isShared && !change.recursive ? 0 : CUnsignedInt(CSYS_AT_RECURSIVE)
      try check(csys_mount_setattr(AT_FDCWD, "/", depth, 0, 0, flag, 0))
      if isShared { try makeParentMountPrivate() }
    }
  }

  /// The mount that holds the root must not be shared, or what is mounted on it would appear on the host.
  private func makeParentMountPrivate() throws(Errno) {
    var best = "/"
    let path = plan.rootPath
    for mount in try MountInfo.own() {
      let isAbove = path == mount.point || path.hasPrefix(mount.point == "/" ? "/" : mount.point + "/")
      if isAbove, mount.point.utf8.count >= best.utf8.count { best = mount.point }
    }
    try check(csys_mount("", best, nil, UInt(MS_PRIVATE), nil))
  }

  /// Whether /dev is the container's own: a bound /dev is left as it is.
  private var ownsDev: Bool {
    !(spec.mounts ?? []).contains {
      $0.destination.normalizedPath == "/dev" && (MountOptions($0.options ?? []).bind || $0.type == "bind")
    }
  }
  func place(
    _ mount: Mount, number: Int, on root: borrowing RootFilesystem, _ placed: inout PlacedMounts
  ) throws(StepFailure) {
    let options = MountOptions(mount.options ?? [])
    let type = mount.type ?? "none"
    let name = "\(mount.source ?? type) at \(mount.destination)"
    if plan.isDebug { channel.report(.debug, "init: mount \(name)") }
    if options.remount { return try remount(mount, options, on: root) }
    if options.bind || type == "bind" { return try bind(mount, options, number: number, on: root, &placed) }
    if type == "cgroup" || type == "cgroup2" { return try mountCgroup(mount, options, on: root) }

    let isPlain = type == "proc" || type == "sysfs"
    var wasMade = false
    let target = try target(mount.destination, symlinksAllowed: !isPlain, wasMade: &wasMade, on: root)
    var superblock = options.superblock
    // A tmpfs is as its mount point was; one that had to be made leaves it tmpfs's own mode.
    if type == "tmpfs" && !wasMade && !superblock.contains(where: { $0.key == "mode" }) {
      let mode = try during(.mountTarget, mount.destination) { () throws(Errno) in try status(target).st_mode & 0o7777 }
      superblock.append(SuperblockOption(key: "mode", value: String(mode, radix: 8)))
    }
    // These label their files themselves.
    if !isPlain && type != "mqueue" { superblock += labels }
    let delayed = type == "tmpfs" && options.set & MountAttribute.readOnly != 0
    let attributes = delayed ? options.set & ~MountAttribute.readOnly : options.set
    let tree = try during(.mount, name) { () throws(Errno) in
      try newFilesystem(mount, superblock: superblock, attributes: attributes)
    }
    try refuseProcfs(target, tree, mount.destination)
    try mapIDs(of: tree, options, number: number)
    try during(.mount, name) { () throws(Errno) in
      if options.copyUp { try copyUp(from: target, to: tree.fd) }
      try tree.move(onto: target)
      try tree.set(options.setBelow, clear: options.clearBelow, recursive: true)
      for change in options.propagation { try tree.setPropagation(change.flag, recursive: change.recursive) }
      if delayed { placed.readOnlyLater.append(try tree.fd.duplicate().release()) }
    }
    if isPlain { placed.keep(tree, at: mount.destination.normalizedPath) }
  }

  /// Gives all files of a new filesystem the label of `mountLabel`. Source: config-linux.md, mount(8), "context=".
  var labels: [SuperblockOption] {
    guard let label = linux.mountLabel, !label.isEmpty else { return [] }
    return [SuperblockOption(key: "context", value: label)]
  }

  private static func hostPath(of type: String) -> String? {
    switch type {
    case "proc": "/proc"
    case "sysfs": "/sys"
    case "mqueue": "/dev/mqueue"
    default: nil
    }
  }

  /// A user namespace may not mount what it cannot own; the host's, bound, is the same filesystem then.
  private func newFilesystem(
    _ mount: Mount, superblock: [SuperblockOption], attributes: UInt64
  ) throws(Errno) -> MountTree {
    let type = mount.type ?? "none"
    do throws(Errno) {
      return try MountTree(type: type, source: mount.source, options: superblock, attributes: attributes)
    } catch {
      guard plan.namespace(.user) != nil else { throw error }
      // gid=5, which every config.json asks for, is no ID of a namespace with a single one.
      if type == "devpts", error == .invalid, superblock.contains(where: { $0.key == "gid" }) {
        let rest = superblock.filter { $0.key != "gid" }
        return try MountTree(type: type, source: mount.source, options: rest, attributes: attributes)
      }
      guard let host = Self.hostPath(of: type), error == .notPermitted else { throw error }
      let tree = try MountTree(cloning: host, recursive: true)
      // CVE-2023-25809: what lies below it, the host's cgroups, must not stay writable.
      try tree.set(attributes, recursive: true)
      return tree
    }
  }

  /// The open target of a mount, made where it is missing, and never inside the container's procfs.
  func target(_ path: String, directory: Bool, on root: borrowing RootFilesystem) throws(StepFailure) -> OwnedFD {
    try during(.mountTarget, path) { () throws(Errno) in try root.make(path, directory: directory) }
  }
  /// As above, for a directory; `wasMade` says whether it was missing.
  private func target(
    _ path: String, symlinksAllowed: Bool, wasMade: inout Bool, on root: borrowing RootFilesystem
  ) throws(StepFailure) -> OwnedFD {
    let target = try during(.mountTarget, path) { () throws(Errno) in
      try root.make(path, directory: true, wasMade: &wasMade)
    }
    if symlinksAllowed { return target }
    let plain = UInt64(RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS)
    return try during(.mountTarget, "\(path): it must be mounted on ordinary directory, no symlink") {
      () throws(Errno) in
      let flags = UInt64(UInt32(bitPattern: O_PATH_ | O_DIRECTORY))
      return OwnedFD(adopting: try check(csys_openat2(root.directory.borrowed, path, flags, 0, plain)))
    }
  }

  /// Changes what is mounted already: attributes and propagation of the mount at the destination.
  private func remount(
    _ mount: Mount, _ options: MountOptions, on root: borrowing RootFilesystem
  ) throws(StepFailure) {
    try during(.mount, "again \(mount.destination)") { () throws(Errno) in
      let tree = MountTree(adopting: try root.open(mount.destination))
      try tree.set(options.set, clear: options.clear)
      try tree.set(options.setBelow, clear: options.clearBelow, recursive: true)
      for change in options.propagation { try tree.setPropagation(change.flag, recursive: change.recursive) }
    }
  }

  private func bind(
    _ mount: Mount, _ options: MountOptions, number: Int, on root: borrowing RootFilesystem,
    _ placed: inout PlacedMounts
  ) throws(StepFailure) {
    guard let source = mount.source else { throw StepFailure(.mountSource, .invalid, "of \(mount.destination)") }
    let path = source.hasPrefix("/") ? source : plan.bundle + "/" + source
    let tree = try during(.mountSource, path) { () throws(Errno) in
      if let prepared = plan.preparedSources[number] {
        let tree = MountTree(adopting: OwnedFD(adopting: prepared))
        if options.propagation.isEmpty { try tree.setPropagation(UInt64(MS_PRIVATE), recursive: true) }
        return tree
      }
      if plan.isInRoot(path) {
        return try MountTree(cloning: try root.open(plan.inner(path)), recursive: options.recursive)
      }
      return try MountTree(cloning: path, recursive: options.recursive)
    }
    try mapIDs(of: tree, options, number: number)
    let isDirectory = try during(.mountSource, path) { () throws(Errno) in try status(tree.fd).isDirectory }
    let target = try target(mount.destination, directory: isDirectory, on: root)
    try refuseProcfs(target, tree, mount.destination)
    try during(.mount, "\(path) at \(mount.destination)") { () throws(Errno) in
      try setAttributes(of: tree, options)
      // What is bound does not hear from the host unless it was asked for (propagation of the root is private).
      try tree.move(onto: target)
      for change in options.propagation { try tree.setPropagation(change.flag, recursive: change.recursive) }
    }
    let destination = mount.destination.normalizedPath
    if placed.hidesPaths(below: destination) {
      let type = try during(.mount, path) { () throws(Errno) in try FilesystemMagic.of(tree.fd) }
      if type == FilesystemMagic.proc || type == FilesystemMagic.sysfs { placed.keep(tree, at: destination) }
    }
  }

  /// A bind whose options name an attribute has those attributes alone, as mount(8) and runc have it; one without any
  /// is as its source. In a user namespace it keeps what the kernel would lock there.
  private func setAttributes(of tree: borrowing MountTree, _ options: MountOptions) throws(Errno) {
    if options.namesAttribute {
      let free = MountAttribute.noSymlinkFollow
      let rest = plan.namespace(.user) == nil ? free | MountAttribute.lockable : free
      do throws(Errno) { try tree.set(options.set, clear: options.clear | rest & ~options.set) } catch {
        guard error == .notPermitted else { throw error }
        try tree.set(options.set, clear: options.clear | free & ~options.set)
      }
    }
    try tree.set(options.setBelow, clear: options.clearBelow, recursive: true)
  }

  private func mapIDs(of tree: borrowing MountTree, _ options: MountOptions, number: Int) throws(StepFailure) {
    guard let namespace = plan.idMapNamespaces[number], plan.preparedSources[number] == nil else { return }
    if plan.namespace(.user) == nil {
      return try during(.mount, "with mapped owners") { () throws(Errno) in
        try tree.mapIDs(by: namespace, recursive: options.idMappedBelow)
      }
    }
    let fd = tree.fd.borrowed
    try during(.synchronize) { () throws(Errno) in
      try channel.send(.mapIDs, withUnsafeBytes(of: Int32(number)) { Array($0) }, descriptors: [fd])
    }
    try channel.await(.proceed)
  }

  /// CVE-2023-27561, CVE-2025-52881: a mount over a part of /proc could turn our own writes elsewhere;
  /// CVE-2019-16884: one over /proc itself would leave the masks on files that nobody needs.
  private func refuseProcfs(
    _ target: borrowing OwnedFD, _ tree: borrowing MountTree, _ destination: String
  ) throws(StepFailure) {
    let allowed = [
      "cpuinfo", "diskstats", "meminfo", "stat", "swaps", "uptime", "loadavg", "slabinfo", "sys/kernel/ns_last_pid",
      "sys/crypto/fips_enabled", "net/dev",
    ]
    try during(.mountTarget, "\(destination) in /proc") { () throws(Errno) in
      let path = destination.normalizedPath
      let isInside = try FilesystemMagic.of(target) == FilesystemMagic.proc
      guard isInside || path == "/proc" else { return }
      if try FilesystemMagic.of(tree.fd) == FilesystemMagic.proc { return }
      if allowed.contains(where: { path == "/proc/" + $0 }) { return }
      throw .notPermitted
    }
  }
}

extension OwnedFD {
  /// Ends its life here.
  consuming func close() {}
}
