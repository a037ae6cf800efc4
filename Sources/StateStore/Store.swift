import CSys
import Glibc
package import Problems
import Sys

/// The state of one Berth root: its database and its lock files.
///
/// Opening costs two small queries; what is missing (directories, schema) is made by the first command.
package final class Store {
  package let root: String
  package let database: Database
  package let locks: ObjectLocks

  /// - Parameters:
  ///   - root: `/var/lib/berth` or what stands for it; made when it is missing.
  ///   - locks: directory of the objects' lock files, which a reboot may clear; nil is one below the root.
  ///   - settings: what must stay as it was when the database was made, such as `runroot`; see `checkSettings`.
  package init(root: String, locks: String? = nil, settings: [(key: String, value: String)] = []) throws(Problem) {
    self.root = root
    self.locks = ObjectLocks(directory: locks ?? root + "/locks")
    let path = root + "/state.db"
    if !Sys.exists(path) {
      try doing("make \(root)", hint: "choose another place with --root, or run as root") { () throws(Errno) in
        try makeDirectories(root, mode: 0o711)
        try makeDirectories(root + "/locks", mode: 0o700)
      }
    }
    database = try Database(path: path)
    try Migrations.apply(to: database, lockPath: root + "/locks/migration.lock")
    try checkSettings(settings)
  }

  /// A private store that ends with the process: the same contract without files, for tests.
  package init(inMemory directory: String) throws(Problem) {
    root = directory
    locks = ObjectLocks(directory: directory + "/locks")
    database = try Database(path: ":memory:")
    try Migrations.apply(to: database, lockPath: nil)
  }

  package func transaction<R>(durable: Bool, _ body: () throws(Problem) -> R) throws(Problem) -> R {
    try database.transaction(durable: durable, body)
  }

  /// The first opening records the settings; a later one with another value is refused, naming both (PD-25).
  private func checkSettings(_ settings: [(key: String, value: String)]) throws(Problem) {
    if settings.isEmpty { return }
    let rows = try database.rows("SELECT key, value FROM settings") { row in (row.text(0), row.text(1)) }
    var missing: [(key: String, value: String)] = []
    for (key, value) in settings {
      guard let before = rows.first(where: { $0.0 == key })?.1 else {
        missing.append((key, value))
        continue
      }
      if before != value {
        throw Problem(
          code: .conflict, message: "the state in \(root) was made with \(key) \(before), not \(value)",
          hint: "use --\(key) \(before), or another --root")
      }
    }
    if missing.isEmpty { return }
    try transaction(durable: true) { () throws(Problem) in
      for (key, value) in missing {
        try database.run("INSERT OR IGNORE INTO settings VALUES(?, ?)", [.text(key), .text(value)])
      }
    }
  }
}

/// The wall clock in nanoseconds since 1970.
package func nanosecondsNow() -> Int64 {
  var time = timespec()
  clock_gettime(CLOCK_REALTIME, &time)
  return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// 64 hex digits from the kernel's random source.
package func randomID() -> String {
  var generator = SystemRandomNumberGenerator()
  let digits = Array("0123456789abcdef".utf8)
  var text: [UInt8] = []
  text.reserveCapacity(64)
  for _ in 0..<4 {
    var word = generator.next()
    for _ in 0..<16 {
      text.append(digits[Int(word & 15)])
      word >>= 4
    }
  }
  return String(decoding: text, as: UTF8.self)
}
