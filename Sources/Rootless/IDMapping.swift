public import Problems
import Sys

/// How ids of a user namespace correspond to those of the namespace around it. Source: user_namespaces(7).
public struct IDMapping: Hashable, Sendable {
  public struct Range: Hashable, Sendable {
    public var inside: UInt32
    public var outside: UInt32
    public var count: UInt32
    public init(inside: UInt32, outside: UInt32, count: UInt32) {
      self.inside = inside
      self.outside = outside
      self.count = count
    }
  }
  public var ranges: [Range]
  public init(_ ranges: [Range]) { self.ranges = ranges }

  /// The caller is root inside; the subordinate ids follow from 1 (capability lines LP-03, G.10).
  init(caller id: UInt32, _ subordinate: SubordinateIDs) {
    ranges = [Range(inside: 0, outside: id, count: 1)]
    var next: UInt32 = 1
    for range in subordinate.ranges where next <= UInt32.max - range.count {
      ranges.append(Range(inside: next, outside: range.first, count: range.count))
      next += range.count
    }
  }

  /// Lines of `/proc/PID/uid_map` or `/proc/PID/gid_map`.
  public init(lines text: String) {
    ranges = text.split(separator: "\n").compactMap { line in
      let numbers = line.split(separator: " ").compactMap { UInt32($0) }
      return numbers.count == 3 ? Range(inside: numbers[0], outside: numbers[1], count: numbers[2]) : nil
    }
  }

  /// Whether an id has a meaning inside.
  public func covers(_ id: UInt32) -> Bool { ranges.contains { id >= $0.inside && id - $0.inside < $0.count } }

  /// The machine's own namespace, where every id is itself.
  public var isInitial: Bool { ranges == [Range(inside: 0, outside: 0, count: .max)] }

  /// Words of newuidmap(1): inside, outside and count of each range.
  var words: [String] { ranges.flatMap { ["\($0.inside)", "\($0.outside)", "\($0.count)"] } }
}

/// The user namespace of this process.
public struct UserNamespace: Hashable, Sendable {
  public var uids: IDMapping
  public var gids: IDMapping
  public init(uids: IDMapping, gids: IDMapping) {
    self.uids = uids
    self.gids = gids
  }
  /// The machine's own.
  public var isInitial: Bool { uids.isInitial }
  /// Every id is the same inside and outside.
  public var isIdentity: Bool { (uids.ranges + gids.ranges).allSatisfy { $0.inside == $0.outside } }

  public static func current() throws(Problem) -> UserNamespace {
    try doing("read the id maps of this process") { () throws(Errno) in
      UserNamespace(
        uids: IDMapping(lines: try readText("/proc/self/uid_map")),
        gids: IDMapping(lines: try readText("/proc/self/gid_map")))
    }
  }
}
