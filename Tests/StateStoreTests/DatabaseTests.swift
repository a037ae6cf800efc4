import Glibc
import Problems
import StateStore
import Sys
import Testing

struct DatabaseTests {
  @Test func valuesComeBack() throws {
    let database = try Database(path: ":memory:")
    try database.execute("CREATE TABLE t(a, b, c)")
    let texts = ["", "ü\u{0}x", String(repeating: "long ", count: 10_000)]
    for text in texts { try database.run("INSERT INTO t VALUES(?, ?, ?)", [.text(text), .integer(.min), .null]) }
    let rows = try database.rows("SELECT a, b, c FROM t ORDER BY rowid") {
      ($0.text(0), $0.integer(1), $0.optionalText(2))
    }
    #expect(rows.map(\.0) == texts)
    #expect(rows.allSatisfy { $0.1 == .min && $0.2 == nil })
  }

  @Test func failedTransactionLeavesNothing() throws {
    let database = try Database(path: ":memory:")
    try database.execute("CREATE TABLE t(a PRIMARY KEY)")
    let found = problem {
      try database.transaction(durable: true) { () throws(Problem) in
        try database.run("INSERT INTO t VALUES(1)")
        try database.run("INSERT INTO t VALUES(1)")
      }
    }
    #expect(found?.code == .conflict)
    #expect(try database.row("SELECT COUNT(*) FROM t") { $0.integer(0) } == 0)
    try database.transaction(durable: false) { () throws(Problem) in _ = try database.run("INSERT INTO t VALUES(1)") }
    #expect(try database.row("SELECT COUNT(*) FROM t") { $0.integer(0) } == 1)
  }

  /// The next process reads the whole log: it must not grow with the number of commands, each of which commits once.
  @Test func theLogStaysShort() throws {
    try withDirectory { directory in
      _ = try Store(root: directory)
      let limit = Int(Database.Limit.walPages) * Database.Limit.pageSize
      var longest = 0
      for number in 0..<400 {
        let database = try Database(path: directory + "/state.db")
        if number == 0 { try database.execute("CREATE TABLE t(a)") }
        try database.transaction(durable: false) { () throws(Problem) in
          _ = try database.run("INSERT INTO t VALUES(?)", [.integer(Int64(number))])
        }
        longest = max(longest, (try? readFile(directory + "/state.db-wal"))?.count ?? 0)  // removed when it was full
      }
      #expect(longest > limit / 2 && longest < limit * 3 / 2, "\(longest) bytes")
      let database = try Database(path: directory + "/state.db")
      #expect(try database.row("SELECT COUNT(*) FROM t") { $0.integer(0) } == 400)
    }
  }

  // covers PD-25
  @Test func otherSettingsAreRefused() throws {
    try withDirectory { directory in
      _ = try Store(root: directory, settings: [("runroot", "/run/a")])
      _ = try Store(root: directory, settings: [("runroot", "/run/a"), ("volumepath", "/v")])
      let found = problem { _ = try Store(root: directory, settings: [("runroot", "/run/b")]) }
      #expect(found?.code == .conflict)
      #expect(found?.message == "the state in \(directory) was made with runroot /run/a, not /run/b")
      #expect(code { _ = try Store(root: directory, settings: [("volumepath", "/w")]) } == .conflict)
    }
  }

  @Test func newerVersionIsRefused() throws {
    try withDirectory { directory in
      try Store(root: directory).database.execute("PRAGMA user_version=99")
      #expect(code { _ = try Store(root: directory) } == .unsupported)
    }
  }

  @Test func damagedFileIsNamed() throws {
    try withDirectory { directory in
      try replaceFile(directory + "/state.db", with: Array(repeating: 0x41, count: 8192), durable: false)
      let found = problem { _ = try Store(root: directory) }
      #expect(found?.code == .invalid)
      #expect(found?.message == "the state database \(directory)/state.db is damaged")
    }
  }

  @Test func missingDirectoryOfTheRootIsMade() throws {
    try withDirectory { directory in
      _ = try Store(root: directory + "/a/b")
      #expect(exists(directory + "/a/b/locks"))
      #expect(code { _ = try Store(root: "/proc/nothing/here") } != nil)
    }
  }

  /// Writers of several connections wait for each other, and none loses a change.
  @Test func writersWait() throws {
    try withDirectory { directory in
      let stores = [try Store(root: directory), try Store(root: directory), try Store(root: directory)]
      for round in 0..<20 {
        for (number, store) in stores.enumerated() { try store.containers.insert(container("c\(round)-\(number)")) }
      }
      #expect(try Store(root: directory).containers.list().count == 60)
    }
  }
}

struct IntentTests {
  @Test func leftoversOfTheDeadAreRepaired() throws {
    try withDirectory { directory in
      let store = try Store(root: directory)
      let other = try Store(root: directory)
      let running = try store.intents.begin(kind: "a", payload: "1", durable: true)
      // A dead process: its row is there, and nobody holds the lock.
      try store.database.run("INSERT INTO intents VALUES('dead', 'a', '2', 0)")
      try store.database.run("INSERT INTO intents VALUES('foreign', 'b', '3', 0)")
      // One that died before it wrote the row, or after it had removed it.
      try replaceFile(directory + "/locks/intents/orphan.lock", with: [], durable: false)
      var seen: [String] = []
      #expect(try other.intents.repairLeftovers(kinds: ["a"]) { _, payload in seen.append(payload) }.isEmpty)
      #expect(seen == ["2"])
      #expect(try store.intents.list().map(\.payload).sorted() == ["1", "3"])
      try store.intents.finish(running, durable: true)
      #expect(try store.intents.list().map(\.id) == ["foreign"])
      #expect(try entries(ofPath: directory + "/locks/intents").isEmpty)
    }
  }

  @Test func failedRepairStays() throws {
    try withDirectory { directory in
      let store = try Store(root: directory)
      try store.database.run("INSERT INTO intents VALUES('dead', 'a', 'bad', 0)")
      try store.database.run("INSERT INTO intents VALUES('gone', 'a', 'good', 1)")
      let failures = try store.intents.repairLeftovers(kinds: ["a"]) { (_, payload) throws(Problem) in
        if payload == "bad" { throw Problem(code: .unavailable, message: "disk") }
      }
      #expect(failures.map(\.message) == ["disk"])
      #expect(try store.intents.list().map(\.id) == ["dead"], "one that fails does not stop the next")
      #expect(try store.intents.repairLeftovers(kinds: ["a"]) { _, _ in }.isEmpty)
      #expect(try store.intents.list().isEmpty)
    }
  }

  // covers PD-35
  @Test func eachObjectHasALockOfItsOwn() throws {
    try withDirectory { directory in
      let locks = try Store(root: directory).locks
      func isFree(_ kind: ObjectLocks.Kind, _ name: String) throws -> Bool {
        if let lock = try locks.tryAcquire(kind, name) {
          _ = consume lock
          return true
        }
        return false
      }
      let held = try locks.acquire(.container, "a")
      #expect(try !isFree(.container, "a"))
      #expect(try isFree(.container, "b"))
      #expect(try isFree(.volume, "a"))
      locks.remove(.container, "a")
      #expect(try isFree(.container, "a"), "a removed lock file locks nobody out")
      _ = consume held
      #expect(try isFree(.container, "a"))
    }
  }
}
