import CSys
import Glibc
import RuntimeSpec
import Sys

/// All that the child half needs to know; the parent decides it before the clone.
struct LaunchPlan {
  var id: String
  var bundle: String
  var spec: Spec
  var rootPath: String
  var noPivot = false
  var newKeyring = true
  /// Descriptors from 3 on that the process keeps.
  var preservedDescriptors: UInt32 = 0
  /// Where the terminal's master goes; -1 without a terminal.
  var consoleSocket: CInt = -1
  /// The runtime itself relays the terminal: it adds no carriage returns, the user's own terminal does.
  var relaysConsole = false
  /// The listening socket that `start` connects to; -1 where the process starts at once.
  var startListener: CInt = -1
  /// Detached copies of the root and of bind sources, opened by the parent because the mapped root may not reach them.
  var preparedRoot: CInt = -1
  var preparedSources: [Int: CInt] = [:]
  /// User namespaces for idmapped mounts, by the mount's number.
  var idMapNamespaces: [Int: CInt] = [:]
  /// Controller mounts for a `cgroup` mount on a v1 or hybrid host: name below the mount, host path, other names.
  var cgroupMounts: [CgroupMount] = []
  /// The process is the container's first, not an exec's.
  var isInit = false
  /// Whether this process may stay traceable (without privilege it has to, for its own /proc files).
  var isDumpable = false
  /// The child makes its network namespace while the parent makes the cgroup, and enters that then: half a
  /// millisecond each, where a host has a dozen hierarchies of version 1.
  var entersLater = false
  /// The child reports its steps (`--debug`).
  var isDebug = false

  struct CgroupMount {
    var name: String
    var hostPath: String
    var links: [String] = []
  }

  init(id: String, bundle: String, spec: Spec) {
    self.id = id
    self.bundle = bundle
    self.spec = spec
    let path = spec.root?.path ?? "rootfs"
    rootPath = path.hasPrefix("/") ? path : bundle + "/" + path
  }

  /// A host path below the container's root.
  func isInRoot(_ path: String) -> Bool { path.hasPrefix(rootPath + "/") }
  /// A path as the container has it: some callers write the root's host path in front (as runc takes it).
  func inner(_ path: String) -> String { isInRoot(path) ? String(path.dropFirst(rootPath.count)) : path }

  var linux: Linux { spec.linux ?? Linux() }

  func namespace(_ kind: NamespaceKind) -> Namespace? { linux.namespaces?.first { $0.kind == kind } }
  /// The container gets a namespace of its own, made now.
  func hasNew(_ kind: NamespaceKind) -> Bool { namespace(kind).map { ($0.path ?? "").isEmpty } ?? false }

  /// The root of a message queue file system belongs to who makes the IPC namespace: in a user namespace that must be
  /// its root, which the process becomes only after the clone. Source: mqueue_get_inode(), ipc/mqueue.c.
  var makesIPCNamespaceLater: Bool { hasNew(.ipc) && namespace(.user) != nil }

  /// clone3 flags of the namespaces to make; the cgroup namespace comes later, the time namespace before.
  var cloneFlags: UInt64 {
    var flags: UInt64 = 0
    for namespace in linux.namespaces ?? [] where (namespace.path ?? "").isEmpty {
      if namespace.kind == .cgroup || namespace.kind == .time { continue }
      if namespace.kind == .ipc && makesIPCNamespaceLater { continue }
      if namespace.kind == .network && entersLater { continue }
      flags |= namespace.kind.cloneFlag ?? 0
    }
    return flags
  }
}

extension NamespaceKind {
  /// The kernel's flag; nil for a name that nobody knows. Source: clone(2).
  var cloneFlag: UInt64? {
    switch self {
    case .pid: 0x2000_0000
    case .network: 0x4000_0000
    case .mount: 0x0002_0000
    case .ipc: 0x0800_0000
    case .uts: 0x0400_0000
    case .user: 0x1000_0000
    case .cgroup: 0x0200_0000
    case .time: 0x80
    default: nil
    }
  }
  /// Its name under /proc/PID/ns.
  var procName: String {
    switch self {
    case .network: "net"
    case .mount: "mnt"
    default: rawValue
    }
  }
}
