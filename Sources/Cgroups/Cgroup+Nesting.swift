import CSys
import Glibc
package import Problems
import Sys

/// Cgroups of version 2 for a caller without root's rights: inside the one that they were given.
extension Cgroup {
  private enum Name {
    /// Where the processes of a delegated cgroup move to: one with controllers to hand down may have none itself.
    static let supervisor = "berth-supervisor"
  }

  /// Puts the directory of version 2 below the caller's own cgroup, where the host's top is refused.
  ///
  /// - Returns: false where the caller's own cgroup is none of theirs.
  mutating func nest(_ directory: Directory) -> Bool {
    guard directory.version == .two, let own = Self.callersPath() else { return false }
    let below = directory.path.dropFirst(directory.mountPoint.utf8.count)
    let name = below.hasPrefix(own + "/") ? below.dropFirst(own.utf8.count) : below
    let path = directory.mountPoint + own + name
    do throws(Errno) { try makeDirectories(path) } catch { return false }
    let nested = Directory(version: .two, controllers: [], path: path, mountPoint: directory.mountPoint)
    directories = directories.map { $0 == directory ? nested : $0 }
    return true
  }

  /// Where the caller's processes belong below the mount point: "" is its top.
  private static func callersPath() -> String? {
    guard let bytes = try? readFile("/proc/self/cgroup"),
      let own = CgroupLayout.parse(memberships: bytes).first(where: { $0.controllers.isEmpty })?.path
    else { return nil }
    if own.hasSuffix("/" + Name.supervisor) { return String(own.dropLast(Name.supervisor.utf8.count + 1)) }
    return own == "/" ? "" : own
  }

  /// A container's cgroup inside the caller's own one: the caller's processes move into a sibling of the container's,
  /// so that controllers can be handed down. Without that the kernel would hand down some of them and make the
  /// container's cgroup one that takes no process ("domain invalid").
  ///
  /// - Source: cgroup-v2.rst, "Delegation", "No Internal Process Constraint", "Threads".
  func vacateCallersCgroup() {
    guard let unified, let own = Self.callersPath() else { return }
    let base = unified.mountPoint + own
    if unified.path.hasPrefix(base + "/"), (try? status(base))?.st_uid == geteuid() { Self.vacate(base) }
  }

  /// Moves every process of a cgroup into the leaf for them. One that ends or refuses meanwhile is left alone: then
  /// the controllers are refused, and whoever needs one hears it.
  private static func vacate(_ base: String) {
    guard let text = try? readText(base + "/cgroup.procs"), !text.isEmpty else { return }
    let leaf = base + "/" + Name.supervisor
    do throws(Errno) { try makeDirectory(leaf) } catch {
      guard error == .exists else { return }
    }
    for pid in text.split(separator: "\n") { try? write(Array(pid.utf8), to: leaf + "/cgroup.procs") }
  }
}

extension Cgroup {
  /// Gives the directory of version 2 to the container's root: it may make cgroups of its own in there, and nothing
  /// more.
  ///
  /// - Parameter owner: the host's ID of the container's root.
  /// - Source: config-linux.md, "Cgroup ownership"; cgroups(7), /sys/kernel/cgroup/delegate.
  package func give(to owner: UInt32) throws(Problem) {
    guard let unified else { return }
    let usual = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n"
    let files = ((try? readText("/sys/kernel/cgroup/delegate")) ?? usual).split(separator: "\n")
    try doing("give cgroup \(unified.path) to user \(owner)") { () throws(Errno) in
      try check(csys_fchownat(AT_FDCWD, unified.path, owner, uid_t.max, 0))
      for file in files {
        let result = csys_fchownat(AT_FDCWD, "\(unified.path)/\(file)", owner, uid_t.max, 0)
        if result < 0 && result != -ENOENT { throw Errno(rawValue: -result) }
      }
    }
  }
}
