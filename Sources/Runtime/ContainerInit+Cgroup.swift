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
      let attributes = options.set & ~MountAttribute.readOnly
      let tree = try MountTree(
        type: "tmpfs", source: "cgroup", options: [("mode", "755")], attributes: attributes)
      try tree.move(onto: target)
      for controller in plan.cgroupMounts {
        try check(csys_mkdirat(tree.fd.borrowed, controller.name, 0o755))
        let place = try open(at: tree.fd, controller.name, O_PATH_ | O_DIRECTORY | O_NOFOLLOW)
        let branch = try MountTree(cloning: controller.hostPath, recursive: false)
        try branch.set(options.set)
        try branch.move(onto: place)
        for link in controller.links { try check(csys_symlinkat(controller.name, tree.fd.borrowed, link)) }
      }
      if options.set & MountAttribute.readOnly != 0 { try tree.set(MountAttribute.readOnly) }
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
