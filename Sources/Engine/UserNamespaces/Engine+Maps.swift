import Glibc
import Problems
import Rootless
import StateStore
import Sys

/// What of a container's user namespace is known before it has a row.
enum MapPlan {
  /// The engine's namespace.
  case none
  /// These maps. - Parameter recorded: nobody's `auto` may use their ids.
  case fixed(UserNamespace, recorded: Bool)
  case auto(AutomaticIDs, size: UInt32)
}

extension Engine {
  /// How a new container's ids are mapped. Source: capability lines PD-130, LP-04, LP-41; podman-run(1).
  func mapPlan(of options: ContainerOptions, layers: [String]) throws(Problem) -> MapPlan {
    if options.userNamespace == .host && !options.hasExplicitMaps { return .none }  // the usual case reads nothing
    let own = try userNamespace()
    if options.hasExplicitMaps { return .fixed(try explicitMaps(options, own), recorded: true) }
    switch options.userNamespace {
    case .host: return .none
    case .private where !own.isInitial:
      return .fixed(UserNamespace(uids: own.uids.identity, gids: own.gids.identity), recorded: false)
    case .private: return .auto(AutomaticIDs(), size: try neededIDs(layers))
    case .auto(let ids):
      if let size = ids.size { return .auto(ids, size: size) }
      return .auto(ids, size: try neededIDs(layers))
    case .keepID(let uid, let gid):
      if own.isInitial { throw Self.rootfulRefusal("keep-id") }
      if own.uids.withoutCaller == nil, (uid ?? own.uids.callerID) != 0 { throw Self.noIDs("keep-id") }
      return .fixed(
        UserNamespace(
          uids: own.uids.keeping(uid ?? own.uids.callerID), gids: own.gids.keeping(gid ?? own.gids.callerID)),
        recorded: false)
    case .nomap:
      if own.isInitial { throw Self.rootfulRefusal("nomap") }
      guard let uids = own.uids.withoutCaller, let gids = own.gids.withoutCaller else { throw Self.noIDs("nomap") }
      return .fixed(UserNamespace(uids: uids, gids: gids), recorded: false)
    case .container(let name):
      let config = try ContainerConfig(try store().containers.lookup(name))
      return config.maps.map { .fixed($0, recorded: false) } ?? .none
    case .path(let path): return .fixed(try UserNamespace(ofNamespace: path), recorded: false)
    }
  }

  private static func noIDs(_ mode: String) -> Problem {
    Problem(
      code: .unsupported, message: "--userns \(mode) leaves no id for the image's files: you have no subordinate ids",
      hint: "the administrator can give some: \(SubordinateGrant.command(for: Caller.name(of: callerUID()))), "
        + "then: berth system migrate")
  }
  private static func rootfulRefusal(_ mode: String) -> Problem {
    Problem(
      code: .invalid, message: "cannot use userns=\(mode) in rootful mode, use private for it",
      hint: "--userns auto and --uidmap are possible, too")
  }

  private func explicitMaps(_ options: ContainerOptions, _ own: UserNamespace) throws(Problem) -> UserNamespace {
    guard options.userNamespaceMode == nil || options.userNamespace == .private else {
      throw Problem(
        code: .invalid,
        message:
          "--userns \(options.userNamespace.text) does not go with --uidmap, --gidmap, --subuidname, --subgidname")
    }
    let isNamed = options.subUIDName != nil || options.subGIDName != nil
    if isNamed {
      guard options.uidMaps.isEmpty, options.gidMaps.isEmpty else {
        throw Problem(code: .invalid, message: "--subuidname and --subgidname do not go with --uidmap and --gidmap")
      }
      let users = options.subUIDName ?? options.subGIDName ?? ""
      return UserNamespace(
        uids: try Self.named(users, "/etc/subuid", own.uids),
        gids: try Self.named(options.subGIDName ?? users, "/etc/subgid", own.gids))
    }
    let uids = options.uidMaps.isEmpty ? options.gidMaps : options.uidMaps
    let gids = options.gidMaps.isEmpty ? options.uidMaps : options.gidMaps
    return UserNamespace(
      uids: try Self.explicit(uids, "--uidmap", own.uids), gids: try Self.explicit(gids, "--gidmap", own.gids))
  }

  private static func named(_ name: String, _ file: String, _ own: IDMapping) throws(Problem) -> IDMapping {
    guard let found = IDMapping.subordinate(of: name, file: file) else {
      throw Problem(
        code: .invalid, message: "no subordinate ids of \(name) in \(file)",
        hint: "give some: \(SubordinateGrant.command(for: name))")
    }
    if own.isInitial { return found }
    return try inside(found, own, file)
  }

  private static func explicit(_ requests: [IDMapRequest], _ flag: String, _ own: IDMapping) throws(Problem)
    -> IDMapping
  {
    var mapping = IDMapping([])
    for request in requests {
      let single = IDMapping([request.range])
      mapping.ranges += request.isMachineID && !own.isInitial ? try inside(single, own, flag).ranges : single.ranges
    }
    if let id = mapping.collision {
      throw Problem(code: .invalid, message: "\(flag): id \(id) is in two ranges")
    }
    for range in mapping.ranges
    where own.outside(range.outside) == nil || own.outside(range.outside + range.count - 1) == nil {
      throw Problem(
        code: .invalid, message: "\(flag) \(IDMapping([range]).texts[0]): these ids are not yours to map",
        hint: own.isInitial
          ? nil : "your ids are numbered from 0 (yourself); see berth info, or write @ before an id of the machine")
    }
    return mapping
  }

  /// Ids of the machine as numbers of an ordinary user's namespace.
  private static func inside(_ machine: IDMapping, _ own: IDMapping, _ what: String) throws(Problem) -> IDMapping {
    var result = IDMapping([])
    for range in machine.ranges {
      let found = own.ranges.first {
        range.outside >= $0.outside && range.outside - $0.outside < $0.count
          && range.count <= $0.count - (range.outside - $0.outside)
      }
      guard let found else {
        throw Problem(
          code: .denied, message: "\(what): ids \(range.outside) to \(range.outside + range.count - 1) are not yours")
      }
      result.ranges.append(
        .init(inside: range.inside, outside: found.inside + (range.outside - found.outside), count: range.count))
    }
    return result
  }

  /// How many ids the account files of an image need; "nobody" alone needs none. Source: podman's `auto`.
  private func neededIDs(_ layers: [String]) throws(Problem) -> UInt32 {
    var highest: UInt32 = 0
    let texts = ["passwd", "group"].map { name in
      // A layer without the file is passed over.
      layers.reversed().lazy.compactMap { try? readText("\(self.paths.layer($0))/etc/\(name)", limit: 8 << 20) }.first
        ?? ""
    }
    let accounts = Accounts(passwd: texts[0], group: texts[1])
    for id in accounts.users.flatMap({ [$0.uid, $0.gid] }) + accounts.groups.map(\.gid) where id < AutomaticLimit.nobody
    {
      highest = max(highest, id)
    }
    return min(max(highest + 1, AutomaticLimit.sizeMin), AutomaticLimit.sizeMax)
  }
}

/// Source: containers-storage.conf(5), "auto-userns-min-size", "auto-userns-max-size".
enum AutomaticLimit {
  static let sizeMin: UInt32 = 1024
  static let sizeMax: UInt32 = 65536
  static let nobody: UInt32 = 65534
  /// Whose subordinate ids root gives to containers. Source: containers-storage.conf(5), "root-auto-userns-user".
  static let owner = "containers"
}

extension IDMapping {
  /// The caller's own id on the machine: 0 in an ordinary user's namespace.
  var callerID: UInt32 { outside(0) ?? 0 }
}

extension ContainerOptions {
  var hasExplicitMaps: Bool {
    !uidMaps.isEmpty || !gidMaps.isEmpty || subUIDName != nil || subGIDName != nil
  }
  /// What applies where nothing was said. Source: G.10.
  var userNamespace: UserNamespaceMode { userNamespaceMode ?? .host }
}
