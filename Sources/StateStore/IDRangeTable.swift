package import Problems

extension Store {
  package var idRanges: IDRangeTable { IDRangeTable(database: database) }
}

/// Ids of the engine's namespace that containers' own user namespaces use. A container's rows go with its own.
package struct IDRangeTable {
  let database: Database

  package enum Kind: String, Sendable {
    case user = "u"
    case group = "g"
  }
  package struct Range: Hashable, Sendable {
    package var first: UInt32
    package var count: UInt32
    package init(first: UInt32, count: UInt32) {
      self.first = first
      self.count = count
    }
  }

  /// What is in use, in order.
  package func used(_ kind: Kind) throws(Problem) -> [Range] {
    try database.rows("SELECT first, count FROM id_ranges WHERE kind = ? ORDER BY first", [.text(kind.rawValue)]) {
      row in
      Range(first: UInt32(clamping: row.integer(0)), count: UInt32(clamping: row.integer(1)))
    }
  }

  /// Inside the transaction that inserts the container, and that has looked what is free.
  package func take(_ range: Range, _ kind: Kind, owner: String) throws(Problem) {
    _ = try database.run(
      "INSERT INTO id_ranges(container_id, kind, first, count) VALUES(?, ?, ?, ?)",
      [.text(owner), .text(kind.rawValue), SQLValue(range.first), SQLValue(range.count)])
  }
}
