import Cgroups
import Glibc
import Problems
import RuntimeSpec
import Sys

extension Launch {
  private var resources: Resources { plan.linux.resources ?? Resources() }
  private var filtersDevices: Bool { options.driver != .disabled && gates.hasDevices }

  /// Gives the cgroup its limits, where it is there already.
  func furnishCgroup() throws(Problem) {
    log.warn(ofIgnored: resources.memory, cgroup)
    if cgroup.isPending { return }
    try cgroup.apply(resources, settingDevices: filtersDevices)
    try giveCgroup()
  }

  /// Has systemd make its unit around the container's process, which waits meanwhile.
  mutating func startUnit(around child: pid_t) throws(Problem) {
    try cgroup.start(around: child, resources, settingDevices: filtersDevices)
    try cgroup.apply(resources, settingDevices: filtersDevices)
    try giveCgroup()
  }

  /// A container that can write its own part of version 2, and that alone, owns it.
  /// Source: config-linux.md, "Cgroup ownership".
  private func giveCgroup() throws(Problem) {
    guard let user = plan.namespace(.user), plan.hasNew(.cgroup), cgroup.isUnified, hasWritableCgroupMount,
      isMachineRoot()
    else { return }
    let path = user.path ?? ""
    let maps = path.isEmpty ? plan.linux.uidMappings ?? [] : try IDMaps.uids(ofNamespace: path)
    guard let owner = Self.hostID(of: plan.spec.process?.user?.uid ?? 0, in: maps) else { return }
    try cgroup.give(to: owner)
  }
  private var hasWritableCgroupMount: Bool {
    (plan.spec.mounts ?? []).contains { mount in
      (mount.type == "cgroup" || mount.type == "cgroup2") && !MountOptions(mount.options ?? []).isReadOnly
    }
  }

  /// - Source: user_namespaces(7), "User and group ID mappings".
  static func hostID(of id: UInt32, in maps: [IDMapping]) -> UInt32? {
    for map in maps where id >= map.containerID && id - map.containerID < map.size {
      return map.hostID &+ (id - map.containerID)
    }
    return nil
  }

  /// What a `cgroup` mount shows where the host has version 1: one directory a hierarchy.
  func mountsOfCgroup() throws(Problem) -> [LaunchPlan.CgroupMount] {
    let directories = try cgroup.expectedDirectories()
    if directories.count == 1 && directories[0].version == .two { return [] }
    return directories.map { directory in
      let name = fileName(of: directory.mountPoint)
      let links = directory.controllers.count > 1 ? directory.controllers.filter { $0 != name } : []
      return LaunchPlan.CgroupMount(name: name, hostPath: directory.path, links: links)
    }
  }
}

extension Log {
  /// Limits that the kernel has no more. Source: config-linux.md, "Memory"; memory.rst; cgroup-v2.rst.
  func warn(ofIgnored memory: MemoryLimits?, _ cgroup: Cgroup) {
    guard let memory else { return }
    if memory.kernel != nil { write(.warning, "kernel memory limits are ignored: the kernel has none any more") }
    if memory.kernelTCP != nil && cgroup.isUnified {
      write(.warning, "kernel TCP memory limits are ignored: version 2 of cgroups has none")
    }
  }
}
