/// Where a container's cgroup is, and what it sees of the others.
extension ContainerOptions {
  /// Below the root of the hierarchies; with systemd or delegation it is elsewhere.
  func cgroupPath(id: String) -> String { (cgroupParent.map { PathText.normal("/" + $0) } ?? "/berth") + "/" + id }
  /// A cgroup namespace of its own is the default where all is cgroup v2. Source: podman-run(1), "--cgroupns".
  func cgroupMode(isCgroup2: Bool) -> NamespaceMode { cgroupNamespace ?? (isCgroup2 ? .private : .host) }
}
