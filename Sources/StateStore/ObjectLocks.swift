package import Problems
package import Sys

/// One lock file per object: nothing to run out of, nothing to renumber, no two objects with one lock (PD-35).
///
/// Order, to never deadlock: container, network, volume, image, layer; by ID within a kind.
package struct ObjectLocks: Sendable {
  package enum Kind: String, Sendable {
    case container = "containers", volume = "volumes", image = "images", layer = "layers", intent = "intents",
      network = "networks"
  }
  let directory: String

  package func path(_ kind: Kind, _ name: String) -> String { "\(directory)/\(kind.rawValue)/\(name).lock" }

  /// Waits for the object's lock; it is held until the value goes.
  package func acquire(_ kind: Kind, _ name: String, shared: Bool = false) throws(Problem) -> FileLock {
    let path = path(kind, name)
    return try doing("lock \(path)") { () throws(Errno) in try open(path, shared: shared, waiting: true) }
  }

  /// The directory is made by the first that needs it.
  private func open(_ path: String, shared: Bool, waiting: Bool) throws(Errno) -> FileLock {
    do throws(Errno) { return try FileLock(path, shared: shared, waiting: waiting) } catch  where error == .notFound {
      try makeDirectories(parentPath(of: path), mode: 0o700)
      return try FileLock(path, shared: shared, waiting: waiting)
    }
  }

  /// The lock if nobody holds it, else nil.
  package func tryAcquire(_ kind: Kind, _ name: String) throws(Problem) -> FileLock? {
    let path = path(kind, name)
    do throws(Errno) { return try open(path, shared: false, waiting: false) } catch {
      if error == .wouldBlock { return nil }
      throw Problem(code: Problem.Code(error), message: "lock \(path)", cause: error)
    }
  }

  /// Names that have a lock file.
  package func names(_ kind: Kind) -> [String] {
    // The directory is made by the first lock.
    ((try? entries(ofPath: "\(directory)/\(kind.rawValue)")) ?? [])
      .compactMap { $0.name.hasSuffix(".lock") ? String($0.name.dropLast(".lock".count)) : nil }
  }

  /// Removes an object's lock file; the caller holds it. Others that wait on it notice and make a new one.
  package func remove(_ kind: Kind, _ name: String) { try? unlink(path(kind, name)) }
}
