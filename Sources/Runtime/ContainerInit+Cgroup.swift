import CSys
import Glibc
import RuntimeSpec
import Sys

extension ContainerInit {
  /// A `cgroup` mount: cgroup2 where the host is pure v2, else one directory a controller on a small tmpfs.
  func mountCgroup(_ mount: Mount, _ options: MountOptions, on root: borrowing RootFilesystem) throws(StepFailure) {
    let target = try target(mount.destination, directory: true, on: root)
    if plan.cgroupMounts.isEmpty {
      try during(.cgroupMount, mount.destination) { () throws(Errno) in
        let tree = try cgroup2(options)
        try tree.move(onto: target)
        for change in options.propagation { try tree.setPropagation(change.flag, recursive: change.recursive) }
      }
      return
    }
    try during(.cgroupMount, mount.destination) { () throws(Errno) in
      let tree = try MountTree(
        type: "tmpfs", source: "cgroup", options: [SuperblockOption(key: "mode", value: "755")] + labels)
      try tree.move(onto: target)
      for controller in plan.cgroupMounts {
        // Nobody else has seen this tmpfs yet: its names are what we make them.
        try check(csys_mkdirat(tree.fd.borrowed, controller.name, 0o755))
        let branch = try MountTree(cloning: controller.hostPath, recursive: false)
        if isRootShared { try branch.setPropagation(UInt64(MS_PRIVATE), recursive: false) }  // no peer of the host's
        try branch.move(onto: controller.name, in: tree)
        for link in controller.links { try check(csys_symlinkat(controller.name, tree.fd.borrowed, link)) }
      }
      try tree.set(options.set, recursive: true)
    }
  }

  /// In a cgroup namespace a new mount shows the container's cgroup as its root; without one, or where a user
  /// namespace may not, the host's is bound.
  private func cgroup2(_ options: MountOptions) throws(Errno) -> MountTree {
    do throws(Errno) {
      return try MountTree(type: "cgroup2", source: "cgroup", options: options.superblock, attributes: options.set)
    } catch  where error == .notPermitted || error == .busy {
      let tree = try MountTree(cloning: "/sys/fs/cgroup", recursive: false)
      try tree.set(options.set)
      return tree
    }
  }
}
