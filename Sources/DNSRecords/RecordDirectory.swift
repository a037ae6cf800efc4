import CSys
import Glibc
package import Problems
import Sys

/// The directory between the engine and `berth-dns`: one file per network, replaced as a whole.
package struct RecordDirectory: Hashable, Sendable {
  package let path: String
  /// Of a network's file, whose name is the network's id.
  package static let suffix = ".network"
  enum Limit {
    /// Bytes of a network's id: with suffix and temporary name it still fits into NAME_MAX.
    static let idBytesMax = 200
  }

  package init(_ path: String) { self.path = path }

  /// Held by the service as long as it serves this directory.
  package var serviceLock: String { path + "/service.lock" }
  /// A connection to it is answered when everything written before is served. See `NameServiceLauncher`.
  package var controlSocket: String { path + "/service.sock" }
  /// Held by whoever changes a file, and by the service while it ends.
  package var writersLock: String { path + "/records.lock" }

  /// Replaces the records of one network, one writer at a time: `make` is called under the directory's lock, so that
  /// what it reads elsewhere (a database) cannot be overtaken by somebody else's newer records.
  /// - Parameter make: the records as they are now; nil removes the file, and the service leaves the network.
  package func update(_ id: String, _ make: () throws(Problem) -> NetworkRecords?) throws(Problem) {
    let file = try file(id)
    try create()
    let lock = try doing("lock \(writersLock)") { () throws(Errno) in try FileLock(writersLock) }
    guard let records = try make() else {
      try remove(file)
      return
    }
    let text = try records.text()
    try doing("write \(file)") { () throws(Errno) in try replaceFile(file, with: text, mode: 0o644, durable: false) }
    _ = consume lock
  }

  /// - Returns: nil where the network has no file.
  package func read(_ id: String) throws(Problem) -> NetworkRecords? {
    let file = try file(id)
    let text: [UInt8]
    do throws(Errno) { text = try readFile(file, limit: NetworkRecords.Limit.fileBytesMax) } catch {
      if error == .notFound { return nil }
      throw Problem(code: Problem.Code(error), message: "read \(file)", cause: error)
    }
    do throws(Problem) { return try NetworkRecords(text: text) } catch {
      throw Problem(code: error.code, message: "read \(file)", cause: error)
    }
  }

  /// The ids of the networks that have a file, in order.
  package func networks() throws(Problem) -> [String] {
    do throws(Errno) { return try entries(ofPath: path).compactMap { Self.id(ofFile: $0.name) }.sorted() } catch {
      if error == .notFound { return [] }
      throw Problem(code: Problem.Code(error), message: "list \(path)", cause: error)
    }
  }

  /// The id in a file's name; nil for locks, sockets and temporary files.
  package static func id(ofFile name: String) -> String? {
    guard name.hasSuffix(suffix) else { return nil }
    let id = String(name.dropLast(suffix.utf8.count))
    return isID(id) ? id : nil
  }

  /// Makes the directory. The service has no privilege when it reads: others may search and read it.
  package func create() throws(Problem) {
    try doing("make \(path)") { () throws(Errno) in
      if exists(path) { return }
      try makeDirectories(path)
      try check(csys_fchmodat(AT_FDCWD, path, 0o755))  // whatever the umask
    }
  }

  private func file(_ id: String) throws(Problem) -> String {
    guard Self.isID(id) else { throw Problem(code: .invalid, message: "\"\(id)\" is no id of a network") }
    return "\(path)/\(id)\(Self.suffix)"
  }
  private func remove(_ file: String) throws(Problem) {
    do throws(Errno) { try unlink(file) } catch {
      if error != .notFound { throw Problem(code: Problem.Code(error), message: "remove \(file)", cause: error) }
    }
  }
  private static func isID(_ id: String) -> Bool {
    !id.isEmpty && id.utf8.count <= Limit.idBytesMax && id.utf8.first != UInt8(ascii: ".")
      && id.utf8.allSatisfy {
        switch $0 {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
          true
        default: false
        }
      }
  }
}
