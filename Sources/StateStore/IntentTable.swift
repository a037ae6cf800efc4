package import Problems
import Sys

extension Store {
  package var intents: IntentTable { IntentTable(database: database, locks: locks) }
}

/// An operation that changes more than one thing and is under way in this process: written first, finished last.
///
/// While the value lives its lock file is held, so that others know that somebody is at work; when the process dies,
/// the kernel lets the lock go and the next command finds a leftover.
package struct Intent: ~Copyable {
  package let id: String
  package let kind: String
  /// The operation's own JSON: what is needed to finish it or to take it back.
  package let payload: String
  fileprivate let lock: FileLock
}

/// The intents of a store.
package struct IntentTable {
  let database: Database
  let locks: ObjectLocks

  /// - Parameter durable: as the operation itself is.
  package func begin(kind: String, payload: String, durable: Bool) throws(Problem) -> Intent {
    let id = String(randomID().prefix(32))
    let lock = try locks.acquire(.intent, id)
    do throws(Problem) {
      try database.transaction(durable: durable) { () throws(Problem) in
        _ = try database.run(
          "INSERT INTO intents VALUES(?, ?, ?, ?)",
          [.text(id), .text(kind), .text(payload), .integer(nanosecondsNow())])
      }
    } catch {
      locks.remove(.intent, id)
      throw error
    }
    return Intent(id: id, kind: kind, payload: payload, lock: lock)
  }

  /// Removes the intent: the operation is complete, or taken back. Inside the operation's last transaction it goes
  /// with it.
  package func finish(_ intent: consuming Intent, durable: Bool) throws(Problem) {
    let id = intent.id
    try database.transaction(durable: durable) { () throws(Problem) in try erase(id) }
    locks.remove(.intent, id)
  }

  /// Removes the row alone, inside the caller's transaction; the lock and its file go when that is committed.
  package func erase(_ id: String) throws(Problem) {
    try database.run("DELETE FROM intents WHERE id = ?", [.text(id)])
  }

  /// All intents, of running and of dead processes: for `info` and tests.
  package func list() throws(Problem) -> [(id: String, kind: String, payload: String)] {
    try database.rows("SELECT id, kind, payload FROM intents ORDER BY created, id") { row in
      (row.text(0), row.text(1), row.text(2))
    }
  }

  /// Hands each intent whose process has died to `repair`, with its lock held, and removes it when that succeeds.
  ///
  /// - Parameter kinds: only these; those of other areas stay for their owners.
  /// - Returns: what could not be repaired, one problem each: those intents stay, and the next command tries again.
  /// - Throws: when the intents cannot be read.
  package func repairLeftovers(
    kinds: Set<String>, _ repair: (_ kind: String, _ payload: String) throws(Problem) -> Void
  ) throws(Problem) -> [Problem] {
    var failures: [Problem] = []
    let intents = try list()
    // A process that died before it wrote the row, or after it removed it, has left the lock file alone.
    let orphans = locks.names(.intent).filter { id in !intents.contains { $0.id == id } }
    for id in intents.filter({ kinds.contains($0.kind) }).map(\.id) + orphans {
      do throws(Problem) { try repairLeftover(id, kinds, repair) } catch { failures.append(error) }
    }
    return failures
  }

  private func repairLeftover(
    _ id: String, _ kinds: Set<String>, _ repair: (_ kind: String, _ payload: String) throws(Problem) -> Void
  ) throws(Problem) {
    guard let lock = try locks.tryAcquire(.intent, id) else { return }
    // It may have been begun or finished between the list and the lock.
    let found = try database.row("SELECT kind, payload FROM intents WHERE id = ?", [.text(id)]) { row in
      (kind: row.text(0), payload: row.text(1))
    }
    guard let found else { return locks.remove(.intent, id) }
    guard kinds.contains(found.kind) else { return }
    try repair(found.kind, found.payload)
    try finish(Intent(id: id, kind: found.kind, payload: found.payload, lock: lock), durable: true)
  }
}
