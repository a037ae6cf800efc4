import CSQLite
import CSys
import Glibc
package import Problems
import Sys

/// One connection to a SQLite database: prepared statements, typed values, transactions that say how durable they
/// are.
///
/// For one thread at a time. Errors name the file, the cause and the next step;
/// SQLite's types do not leave this module.
package final class Database {
  package enum Limit {
    /// How long a writer waits for another one.
    package static let busyMilliseconds = 60_000
    /// Pages in the write-ahead log before a commit moves them into the database. Few, because the first command
    /// after an idle time reads the whole log.
    package static let walPages: Int32 = 256
    /// Bytes of a page in a new database: rows are short, and a commit logs whole pages.
    package static let pageSize = 1024
  }

  /// Where the database is; ":memory:" for a private one.
  package let path: String
  private let connection: OpaquePointer
  /// A command uses a dozen: setting up a table's type would cost more than looking through them.
  private var statements: [(sql: String, compiled: OpaquePointer)] = []
  private var depth = 0
  /// Commits leave the disk to `sync`; nil before the first one.
  private var syncsItself: Bool?

  /// Opens, and creates, the database; write-ahead log, foreign keys on.
  package init(path: String) throws(Problem) {
    self.path = path
    var connection: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE
    let code = sqlite3_open_v2(path, &connection, flags, nil)
    guard let connection else {
      throw Problem(code: .unavailable, message: "open the state database \(path)", cause: Errno.noMemory)
    }
    self.connection = connection
    if code != SQLITE_OK { throw problem(code, doing: "open") }
    sqlite3_busy_handler(connection, { _, count in waitABit(count) }, nil)
    sqlite3_wal_autocheckpoint(connection, Limit.walPages)
    // The last one to close would copy the log into the database, with two fsyncs: no command needs that.
    csqlite_checkpoint_on_close(connection, 0)
    try execute("PRAGMA foreign_keys=ON")
  }

  deinit {
    for statement in statements { sqlite3_finalize(statement.compiled) }
    // A commit that has moved a full log into the database leaves the log as it is, and the next process would read all
    // of it, append, and move it once more. Where nobody else is there, closing removes it.
    if logIsFull { csqlite_checkpoint_on_close(connection, 1) }
    sqlite3_close_v2(connection)
  }

  private var logIsFull: Bool {
    guard let log = try? status(path + "-wal") else { return false }  // none: nothing was written, or no log is kept
    return Int(log.st_size) >= Int(Limit.walPages) * Limit.pageSize
  }

  /// Runs statements without values, such as a migration.
  package func execute(_ sql: String) throws(Problem) {
    let code = sqlite3_exec(connection, sql, nil, nil, nil)
    if code != SQLITE_OK { throw problem(code, doing: "write") }
  }

  /// Runs one statement; the number of rows it changed.
  @discardableResult
  package func run(_ sql: String, _ values: [SQLValue] = []) throws(Problem) -> Int {
    let statement = try prepare(sql, values)
    defer { sqlite3_reset(statement) }
    let code = sqlite3_step(statement)
    guard code == SQLITE_DONE || code == SQLITE_ROW else { throw problem(code, doing: "write") }
    return Int(sqlite3_changes(connection))
  }

  /// All rows of a query, each turned into a value.
  package func rows<R>(
    _ sql: String, _ values: [SQLValue] = [], _ make: (Row) throws(Problem) -> R
  ) throws(Problem) -> [R] {
    let statement = try prepare(sql, values)
    defer { sqlite3_reset(statement) }
    var result: [R] = []
    while true {
      let code = sqlite3_step(statement)
      if code == SQLITE_DONE { return result }
      guard code == SQLITE_ROW else { throw problem(code, doing: "read") }
      result.append(try make(Row(statement: statement)))
    }
  }

  /// The first row of a query, or nil.
  package func row<R>(
    _ sql: String, _ values: [SQLValue] = [], _ make: (Row) throws(Problem) -> R
  ) throws(Problem) -> R? {
    let statement = try prepare(sql, values)
    defer { sqlite3_reset(statement) }
    let code = sqlite3_step(statement)
    if code == SQLITE_DONE { return nil }
    guard code == SQLITE_ROW else { throw problem(code, doing: "read") }
    return try make(Row(statement: statement))
  }

  /// Runs `body` in one write transaction (`BEGIN IMMEDIATE`): all of it happens, or nothing.
  ///
  /// - Parameter durable: the answer waits for an fsync, so that the change survives a power cut. Without it, it
  ///   survives the end of every process, and the order of changes is kept. A transaction inside another joins it.
  package func transaction<R>(durable: Bool, _ body: () throws(Problem) -> R) throws(Problem) -> R {
    if depth > 0 { return try body() }
    let result = try write(body)
    if durable { try sync() }
    return result
  }

  /// After the commit, so that writers who wait do not wait for the disk, and one journal commit of the file system
  /// serves all who sync at the same time. Whoever saw the change before it was on the disk and answers with something
  /// durable syncs the same log, further on.
  private func sync() throws(Problem) {
    guard syncsItself == true else { return }
    let code = csqlite_sync_log(connection)
    if code != SQLITE_OK { throw problem(code, doing: "write") }
  }

  private func write<R>(_ body: () throws(Problem) -> R) throws(Problem) -> R {
    if syncsItself == nil {
      // Only with a write-ahead log, which some file systems cannot have, is NORMAL as safe: sqlite.org/pragma.html.
      let isLogged = try row("PRAGMA journal_mode") { row in row.text(0) } == "wal"
      if isLogged { try execute("PRAGMA synchronous=NORMAL") }
      syncsItself = isLogged
    }
    try run("BEGIN IMMEDIATE")
    depth += 1
    defer { depth -= 1 }
    do throws(Problem) {
      let result = try body()
      try run("COMMIT")
      return result
    } catch {
      _ = sqlite3_exec(connection, "ROLLBACK", nil, nil, nil)  // may have been rolled back already, on a full disk
      throw error
    }
  }

  /// Several reads that see one state.
  package func snapshot<R>(_ body: () throws(Problem) -> R) throws(Problem) -> R {
    if depth > 0 { return try body() }
    try run("BEGIN")
    depth += 1
    defer {
      depth -= 1
      _ = sqlite3_exec(connection, "ROLLBACK", nil, nil, nil)
    }
    return try body()
  }

  private func prepare(_ sql: String, _ values: [SQLValue]) throws(Problem) -> OpaquePointer {
    let statement: OpaquePointer
    if let known = statements.first(where: { $0.sql == sql }) {
      statement = known.compiled
    } else {
      var made: OpaquePointer?
      let code = sqlite3_prepare_v3(connection, sql, -1, CUnsignedInt(SQLITE_PREPARE_PERSISTENT), &made, nil)
      guard code == SQLITE_OK, let made else { throw problem(code, doing: "read") }
      statements.append((sql, made))
      statement = made
    }
    for (number, value) in values.enumerated() {
      let code = value.bind(to: statement, at: Int32(number + 1))
      precondition(code == SQLITE_OK, "cannot bind value \(number + 1) of \(sql)")
    }
    return statement
  }
}

/// SQLite's own handler sleeps up to 100 ms at a time; transactions here last well under one.
private func waitABit(_ count: Int32) -> Int32 {
  let microseconds: UInt32 = count < 20 ? 200 + UInt32.random(in: 0..<400) : 2_000 + UInt32.random(in: 0..<3_000)
  usleep(microseconds)
  return count < Database.Limit.busyMilliseconds / 4 ? 1 : 0
}

extension Database {
  /// Words a SQLite result code for the user. Source: sqlite.org/rescode.html.
  private func problem(_ code: Int32, doing verb: String) -> Problem {
    let failure = DatabaseFailure(code: code, text: String(cString: sqlite3_errmsg(connection)))
    let errno = Errno(rawValue: sqlite3_system_errno(connection))
    let space = "free some space on the file system that holds \(parentPath(of: path))"
    switch code & 0xff {
    case SQLITE_FULL:
      return Problem(
        code: .unavailable, message: "\(verb) the state database \(path): no space left on device", hint: space,
        cause: nil)
    case SQLITE_IOERR where errno == .noSpace || errno.rawValue == EDQUOT:
      return Problem(code: .unavailable, message: "\(verb) the state database \(path)", hint: space, cause: errno)
    case SQLITE_IOERR:
      let cause: any Error = errno.rawValue == 0 ? failure : errno
      return Problem(
        code: .unavailable, message: "\(verb) the state database \(path)", hint: "look at the disk's health",
        cause: cause)
    case SQLITE_READONLY:
      return Problem(
        code: .denied, message: "write the state database \(path): it or its file system is read-only",
        hint: "make it writable, or choose another place with --root")
    case SQLITE_CANTOPEN, SQLITE_PERM:
      let cause: any Error = errno.rawValue == 0 ? failure : errno
      return Problem(
        code: errno == .accessDenied || errno == .notPermitted ? .denied : .unavailable,
        message: "open the state database \(path)", hint: "check its directory, or choose another place with --root",
        cause: cause)
    case SQLITE_BUSY, SQLITE_LOCKED:
      return Problem(
        code: .timeout, message: "the state database \(path) stays locked by another process",
        hint: "look for a berth process that hangs")
    case SQLITE_CORRUPT, SQLITE_NOTADB:
      return Problem(
        code: .invalid, message: "the state database \(path) is damaged",
        hint: "restore it from a backup, or move it away to start afresh", cause: failure)
    case SQLITE_CONSTRAINT:
      return Problem(code: .conflict, message: "\(verb) the state database \(path)", cause: failure)
    default:
      return Problem(code: .bug, message: "\(verb) the state database \(path)", cause: failure)
    }
  }
}

/// A result code of SQLite, as the cause of a problem.
package struct DatabaseFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// The extended code. Source: sqlite.org/rescode.html.
  package let code: Int32
  package let text: String
  package var description: String { "\(text) (SQLite \(code))" }
}
