import CSQLite

/// A value for a statement's `?`.
package enum SQLValue: Hashable, Sendable {
  case null
  case integer(Int64)
  case text(String)

  package init(_ value: String?) { self = value.map(SQLValue.text) ?? .null }
  package init(_ value: (some BinaryInteger)?) { self = value.map { .integer(Int64(truncatingIfNeeded: $0)) } ?? .null }
  package init(_ value: Bool) { self = .integer(value ? 1 : 0) }

  func bind(to statement: OpaquePointer, at place: Int32) -> Int32 {
    switch self {
    case .null: sqlite3_bind_null(statement, place)
    case .integer(let number): sqlite3_bind_int64(statement, place, number)
    case .text(let text): csqlite_bind_text(statement, place, text, Int32(text.utf8.count))
    }
  }
}

/// The row that a query stands on: valid only inside the closure that got it. Columns count from 0.
package struct Row {
  let statement: OpaquePointer

  package func isNull(_ column: Int32) -> Bool { sqlite3_column_type(statement, column) == SQLITE_NULL }
  /// The column's text; "" for NULL.
  package func text(_ column: Int32) -> String { optionalText(column) ?? "" }
  package func optionalText(_ column: Int32) -> String? {
    guard let start = sqlite3_column_text(statement, column) else { return nil }
    let count = Int(sqlite3_column_bytes(statement, column))
    return String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
  }
  /// The column's integer; 0 for NULL.
  package func integer(_ column: Int32) -> Int64 { sqlite3_column_int64(statement, column) }
  package func optionalInteger(_ column: Int32) -> Int64? { isNull(column) ? nil : integer(column) }
  package func bool(_ column: Int32) -> Bool { integer(column) != 0 }
}
