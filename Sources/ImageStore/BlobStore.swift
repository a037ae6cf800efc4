import CSys
package import Digests
package import Problems
import StateStore
import Sys

// Manifests and configurations: exact bytes under their digest.
extension ImageLibrary {
  /// Held by whoever writes blobs, from the first byte to the commit of the row that names them; exclusive for
  /// whoever removes some.
  func lockBlobs(shared: Bool) throws(Problem) -> FileLock {
    try store.locks.acquire(.image, "blobs", shared: shared)
  }

  /// Writes a blob unless it is there; durable. The caller holds `lockBlobs(shared: true)`.
  func writeBlob(_ digest: Digest, _ bytes: [UInt8]) throws(Problem) {
    let path = blobPath(digest.hex)
    try doing("write \(path)", hint: diskHint) { () throws(Errno) in
      if let found = try? status(path), found.isRegular, Int(found.st_size) == bytes.count { return }
      try makeDirectories(parentPath(of: path), mode: 0o700)
      try replaceFile(path, with: bytes, mode: 0o600, durable: true)
    }
  }

  /// The bytes of a manifest or configuration; checked, so that a damaged file is an error and not nonsense.
  package func readBlob(_ digest: Digest) throws(Problem) -> [UInt8] {
    let path = blobPath(digest.hex)
    let bytes = try doing("read \(path)", hint: "the store is damaged: remove the image and pull it again") {
      () throws(Errno) in try readFile(path)
    }
    guard Digest(of: bytes) == digest else {
      throw Problem(
        code: .invalid, message: "\(path) is damaged: its content has another digest",
        hint: "remove the image and pull it again")
    }
    return bytes
  }

  func removeBlobsIfUnused(_ blobs: [String]) throws(Problem) {
    if blobs.isEmpty { return }
    let lock = try lockBlobs(shared: false)
    let directory = root + "/blobs/sha256"
    for entry in (try? entries(ofPath: directory)) ?? [] {
      // With the lock held nobody writes: a temporary file is from a process that died.
      if !entry.name.contains(".new-") {
        if !blobs.contains(entry.name) { continue }
        if try store.images.usesBlob(hex: entry.name) { continue }
      }
      let path = directory + "/" + entry.name
      try doing("remove \(path)") { () throws(Errno) in try unlink(path) }
    }
    _ = consume lock
  }

  /// The next step where a disk is full.
  var diskHint: String { "free some space on the file system that holds \(root), for example with: berth image prune" }
}
