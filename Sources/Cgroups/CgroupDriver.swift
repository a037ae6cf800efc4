package import Problems

/// Who makes a container's cgroup.
package enum CgroupDriver: String, Sendable, CaseIterable {
  /// We do, as directories.
  case cgroupfs
  /// systemd does, as a scope.
  case systemd
  /// Nobody: the container stays in its creator's.
  case disabled

  /// Names the cgroup of a container; nothing is made.
  ///
  /// - Parameter path: `linux.cgroupsPath`, a path or, for systemd, "slice:prefix:name".
  package func cgroup(path: String?, id: String, annotations: [String: String]) throws(Problem) -> Cgroup {
    switch self {
    case .cgroupfs: try Cgroup(path: path, id: id)
    case .systemd: try Cgroup(systemd: path, id: id, annotations: annotations)
    case .disabled: .none
    }
  }
}
