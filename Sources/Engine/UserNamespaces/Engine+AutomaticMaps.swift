import Problems
import Rootless
import StateStore
import Sys

extension Engine {
  /// The maps of a new container, and its rows in the table of ids. Inside the transaction that has inserted the
  /// container: what another command takes at the same time is seen, and a killed command leaves nothing.
  func takeMaps(_ plan: MapPlan, owner id: String) throws(Problem) -> UserNamespace? {
    let maps: UserNamespace
    switch plan {
    case .none: return nil
    case .fixed(let given, let recorded):
      if !recorded { return given }
      maps = given
    case .auto(let wanted, let size):
      let own = try userNamespace()
      maps = UserNamespace(
        uids: try automatic(.user, wanted.uids, size, own.uids, "/etc/subuid"),
        gids: try automatic(.group, wanted.gids, size, own.gids, "/etc/subgid"))
    }
    for (kind, mapping) in [(IDRangeTable.Kind.user, maps.uids), (.group, maps.gids)] {
      for range in mapping.ranges {
        try store().idRanges.take(.init(first: range.outside, count: range.count), kind, owner: id)
      }
    }
    return maps
  }

  /// `size` ids from 0 on: the given ranges, and around them ids that no container has.
  private func automatic(
    _ kind: IDRangeTable.Kind, _ given: [IDMapping.Range], _ size: UInt32, _ own: IDMapping, _ file: String
  ) throws(Problem) -> IDMapping {
    var mapping = IDMapping(given)
    if let id = mapping.collision { throw Problem(code: .invalid, message: "--userns auto: id \(id) is in two ranges") }
    var gaps: [(first: UInt32, count: UInt32)] = []
    var next: UInt32 = 0
    for range in given.sorted(by: { $0.inside < $1.inside }) {
      if range.inside > next { gaps.append((next, min(range.inside, size) - min(next, size))) }
      next = range.inside + range.count
    }
    if next < size { gaps.append((next, size - next)) }
    var free = FreeIDs(try available(own, file), without: try store().idRanges.used(kind))
    free.remove(given.map { IDRangeTable.Range(first: $0.outside, count: $0.count) })
    for gap in gaps where gap.count > 0 {
      guard let parts = free.take(gap.count) else {
        throw Problem(
          code: .unavailable, message: "--userns auto: no \(gap.count) ids are free in \(file)",
          hint: own.isInitial
            ? "remove containers that are not needed, or add \(SubordinateGrant.line(for: AutomaticLimit.owner)) "
              + "to /etc/subuid and /etc/subgid"
            : "remove containers that are not needed, or have more given to you: "
              + "\(SubordinateGrant.command(for: Caller.name(of: callerUID()))), then: berth system migrate")
      }
      var inside = gap.first
      for part in parts {
        mapping.ranges.append(.init(inside: inside, outside: part.first, count: part.count))
        inside += part.count
      }
    }
    mapping.ranges.sort { $0.inside < $1.inside }
    return mapping
  }

  /// Root gives what belongs to `containers`; an ordinary user everything but the own id.
  private func available(_ own: IDMapping, _ file: String) throws(Problem) -> [IDRangeTable.Range] {
    if own.isInitial {
      guard let mapping = IDMapping.subordinate(of: AutomaticLimit.owner, file: file) else {
        throw Problem(
          code: .unsupported,
          message: "--userns auto: cannot find mappings for user \(AutomaticLimit.owner): no ranges in \(file)",
          hint: "add a line such as \(AutomaticLimit.owner):2147483647:2147483648 to /etc/subuid and /etc/subgid")
      }
      return mapping.ranges.map { .init(first: $0.outside, count: $0.count) }
    }
    return own.withoutCaller?.ranges.map { .init(first: $0.outside, count: $0.count) } ?? []
  }
}

/// Ranges of ids that are free, in order.
struct FreeIDs {
  private(set) var ranges: [IDRangeTable.Range]

  init(_ available: [IDRangeTable.Range], without used: [IDRangeTable.Range]) {
    ranges = available.sorted { $0.first < $1.first }
    remove(used)
  }

  mutating func remove(_ used: [IDRangeTable.Range]) {
    for taken in used {
      ranges = ranges.flatMap { range -> [IDRangeTable.Range] in
        let (end, takenEnd) = (UInt64(range.first) + UInt64(range.count), UInt64(taken.first) + UInt64(taken.count))
        if taken.first >= end || UInt64(range.first) >= takenEnd { return [range] }
        var rest: [IDRangeTable.Range] = []
        if taken.first > range.first { rest.append(.init(first: range.first, count: taken.first - range.first)) }
        if takenEnd < end { rest.append(.init(first: UInt32(takenEnd), count: UInt32(end - takenEnd))) }
        return rest
      }
    }
  }

  /// `count` ids: one range where there is one, else several; nil where there are fewer.
  mutating func take(_ count: UInt32) -> [IDRangeTable.Range]? {
    if let place = ranges.firstIndex(where: { $0.count >= count }) {
      let taken = IDRangeTable.Range(first: ranges[place].first, count: count)
      remove([taken])
      return [taken]
    }
    var (left, parts) = (count, [IDRangeTable.Range]())
    for range in ranges where left > 0 {
      parts.append(.init(first: range.first, count: min(range.count, left)))
      left -= parts[parts.count - 1].count
    }
    guard left == 0 else { return nil }
    remove(parts)
    return parts
  }
}
