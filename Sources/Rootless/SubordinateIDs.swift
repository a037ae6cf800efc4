/// Ranges of ids that a user may map into user namespaces. Source: subuid(5), subgid(5).
struct SubordinateIDs: Hashable, Sendable {
  struct Range: Hashable, Sendable {
    var first: UInt32
    var count: UInt32
  }
  var ranges: [Range]

  /// The lines of one file that belong to a user, by name or by number; lines that are no entries are skipped.
  init(_ text: String, of caller: Caller) {
    ranges = []
    for line in text.split(separator: "\n") {
      let fields = line.split(separator: ":", omittingEmptySubsequences: false)
      guard fields.count == 3, fields[0] == caller.name || UInt32(fields[0]) == caller.uid,
        let first = UInt32(fields[1]), let count = UInt32(fields[2]), count > 0,
        first <= UInt32.max - count, ranges.count < Limit.rangesMax - 1
      else { continue }
      let range = Range(first: first, count: count)
      if !ranges.contains(where: { range.overlaps($0) }) { ranges.append(range) }
    }
  }
}

extension SubordinateIDs.Range {
  func overlaps(_ other: Self) -> Bool { first < other.first + other.count && other.first < first + count }
}
