import Sys

/// The maps of containers' own user namespaces. Their outside is the namespace that the engine works in.
extension IDMapping {
  /// What an inside id is outside; nil where it has no meaning there.
  public func outside(_ id: UInt32) -> UInt32? {
    ranges.first { id >= $0.inside && id - $0.inside < $0.count }.map { $0.outside + (id - $0.inside) }
  }

  /// Every id is itself, as far as this mapping goes: a namespace of its own with the same ids.
  public var identity: IDMapping {
    IDMapping(ranges.map { Range(inside: $0.inside, outside: $0.inside, count: $0.count) })
  }

  /// Ids from 0 on without a gap: what an ordinary user's namespace has.
  private var reach: UInt32 {
    var next: UInt32 = 0
    for range in ranges.sorted(by: { $0.inside < $1.inside }) {
      if range.inside != next { break }
      next = range.inside &+ range.count
    }
    return next
  }

  /// The caller, who is 0 in the engine's namespace, keeps `id`; all others move around. Source: capability line LP-41,
  /// podman's `keep-id`.
  public func keeping(_ id: UInt32) -> IDMapping {
    let others = reach == 0 ? 0 : reach - 1
    let below = min(id, others)
    var result: [Range] = []
    if below > 0 { result.append(Range(inside: 0, outside: 1, count: below)) }
    result.append(Range(inside: id, outside: 0, count: 1))
    if others > id { result.append(Range(inside: id + 1, outside: id + 1, count: others - id)) }
    return IDMapping(result)
  }

  /// Everybody but the caller, from 0 on; nil where there is nobody else. Source: podman's `nomap`.
  public var withoutCaller: IDMapping? {
    reach < 2 ? nil : IDMapping([Range(inside: 0, outside: 1, count: reach - 1)])
  }

  /// All given ranges one after the other, from 0 on.
  init(_ subordinate: SubordinateIDs) {
    ranges = []
    var next: UInt32 = 0
    for range in subordinate.ranges where next <= UInt32.max - range.count {
      ranges.append(Range(inside: next, outside: range.first, count: range.count))
      next += range.count
    }
  }

  /// The ids of `name` in `/etc/subuid` or `/etc/subgid`, from 0 on; nil where it has none.
  public static func subordinate(of name: String, file: String) -> IDMapping? {
    // A machine without the file has given nobody any.
    let text = (try? readText(file, limit: Limit.accountFileBytesMax)) ?? ""
    let mapping = IDMapping(SubordinateIDs(text, of: Caller(uid: .max, gid: .max, name: name)))
    return mapping.ranges.isEmpty ? nil : mapping
  }

  /// Where two ranges claim one id, inside or outside; nil where none does. The kernel refuses such maps.
  public var collision: UInt32? {
    for (place, range) in ranges.enumerated() {
      for other in ranges[..<place] {
        if range.inside < other.inside &+ other.count, other.inside < range.inside &+ range.count {
          return max(range.inside, other.inside)
        }
        if range.outside < other.outside &+ other.count, other.outside < range.outside &+ range.count {
          return max(range.outside, other.outside)
        }
      }
    }
    return nil
  }

  /// Lines of `/proc/PID/uid_map`.
  public var lines: String { ranges.map { "\($0.inside) \($0.outside) \($0.count)\n" }.joined() }
  /// "0:100000:65536", as inspect shows them.
  public var texts: [String] { ranges.map { "\($0.inside):\($0.outside):\($0.count)" } }
}
