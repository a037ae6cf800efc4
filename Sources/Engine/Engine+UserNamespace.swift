public import Problems
import Rootless

extension Engine {
  /// For an ordinary user: moves this process into the namespace that all of the user's engines under this runroot
  /// share. Call it before anything else, and while the process has one thread. For root it does nothing.
  /// - Returns: notes for the user, with what an administrator can do about them.
  public func enterUserNamespace() throws(Problem) -> [String] {
    guard let caller = Caller.current() else { return [] }
    return try SharedNamespace(caller: caller, runroot: paths.runroot, keeper: try programs.helper("berth-keeper"))
      .enter()
  }

  /// That of this process, read once: it is entered before anything else.
  func userNamespace() throws(Problem) -> UserNamespace {
    if let knownNamespace { return knownNamespace }
    let namespace = try UserNamespace.current()
    knownNamespace = namespace
    return namespace
  }
  /// Whether the engine works in an ordinary user's namespace.
  func isRootless() throws(Problem) -> Bool { try !userNamespace().isInitial }

  /// What of cgroups an ordinary user was given, looked up once; nil for root.
  func delegation() throws(Problem) -> CgroupDelegation? {
    if let knownDelegation { return knownDelegation }
    let found = try isRootless() ? CgroupDelegation.current() : nil
    knownDelegation = .some(found)
    return found
  }

  /// Stops all running containers and ends the user's namespace, so that the next command makes one with the ids that
  /// `/etc/subuid` and `/etc/subgid` give now. Source: podman-system-migrate(1).
  /// - Returns: the IDs of the containers that were stopped.
  public func migrate() throws(Problem) -> [String] {
    var stopped: [String] = []
    for container in try list(ListQuery()) { stopped.append(try stop(container.id)) }
    try endSharedNetwork()
    try SharedNamespace.end(runroot: paths.runroot)
    return stopped
  }
}
