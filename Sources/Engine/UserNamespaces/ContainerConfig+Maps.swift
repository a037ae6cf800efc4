import Problems
import Rootless
import Sys

extension ContainerConfig {
  /// The container's root and others, as the engine's namespace numbers them.
  func outside(_ identity: ProcessIdentity) -> ProcessIdentity {
    guard let maps else { return identity }
    var result = identity
    result.uid = maps.uids.outside(identity.uid) ?? identity.uid
    result.gid = maps.gids.outside(identity.gid) ?? identity.gid
    return result
  }

  /// Who owns what is made for the container: its root; the engine's where it has none.
  var rootOwner: (uid: UInt32, gid: UInt32) { (maps?.uids.outside(0) ?? 0, maps?.gids.outside(0) ?? 0) }

  /// `keep-id` without other ids: the caller appears in the container's account files. Source: capability line PD-121.
  var namesCaller: Bool { options.userNamespace == .keepID(uid: nil, gid: nil) }

  /// For inspect, as podman words it.
  var usernsMode: String {
    switch options.userNamespace {
    case .container, .path: options.userNamespace.text
    case .host, .private, .auto, .keepID, .nomap: maps == nil ? "" : "private"
    }
  }
}

extension Engine {
  /// What a process in a container can be: groups that mean nothing in its user namespace go, and are told.
  /// - Throws: `.invalid` for a user or group that means nothing there. Source: capability line OC-53.
  func checkMapped(_ identity: inout ProcessIdentity, _ config: ContainerConfig) throws(Problem) {
    let maps: UserNamespace
    if let own = config.maps { maps = own } else if try isRootless() { maps = try userNamespace() } else { return }
    for (what, id, mapping) in [("user", identity.uid, maps.uids), ("group", identity.gid, maps.gids)]
    where !mapping.covers(id) {
      throw Problem(
        code: .invalid,
        message: "the container's \(what) \(id) has no mapping in its user namespace ("
          + mapping.texts.joined(separator: ",") + ")",
        hint: config.maps == nil
          ? "another --user, or more subordinate ids: \(SubordinateGrant.command(for: Caller.name(of: callerUID()))), "
            + "then: berth system migrate"
          : "map more ids: --userns auto:size=\(id + 1), --uidmap, --gidmap, or another --user")
    }
    for group in identity.groups where !maps.gids.covers(group) {
      warning?(
        Problem(code: .invalid, message: "group \(group) has no mapping in the container's user namespace: left out"))
    }
    identity.groups.removeAll { !maps.gids.covers($0) }
  }
}
