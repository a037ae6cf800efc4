import Problems
import Rootless

extension ContainerConfig {
  /// The container's root and others, as the engine's namespace numbers them.
  /// - Throws: `.invalid` for a user or group without a number there.
  func outside(_ identity: ProcessIdentity) throws(Problem) -> ProcessIdentity {
    guard let maps else { return identity }
    var result = identity
    guard let uid = maps.uids.outside(identity.uid), let gid = maps.gids.outside(identity.gid) else {
      let (what, id, mapping) =
        maps.uids.outside(identity.uid) == nil
        ? ("user", identity.uid, maps.uids) : ("group", identity.gid, maps.gids)
      throw Problem(
        code: .invalid,
        message: "the container's \(what) \(id) has no mapping in its user namespace ("
          + mapping.texts.joined(separator: ",") + ")",
        hint: "map more ids: --userns auto:size=\(id + 1), --uidmap, --gidmap, or another --user")
    }
    (result.uid, result.gid) = (uid, gid)
    return result
  }

  /// Who owns what is made for the container: its root; the engine's where it has none.
  var rootOwner: (uid: UInt32, gid: UInt32) { (maps?.uids.outside(0) ?? 0, maps?.gids.outside(0) ?? 0) }

  /// Groups that mean nothing in the namespace go. - Returns: those that went.
  func dropUnmappedGroups(_ identity: inout ProcessIdentity) -> [UInt32] {
    guard let maps else { return [] }
    let gone = identity.groups.filter { !maps.gids.covers($0) }
    identity.groups.removeAll(where: gone.contains)
    return gone
  }

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
