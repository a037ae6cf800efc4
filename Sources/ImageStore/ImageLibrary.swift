import Glibc
import JSON
package import Problems
package import StateStore
import Sys

/// The programs and files beside `berth` that images need.
package struct ImagePrograms: Sendable {
  /// Absolute paths of berth-unpack and berth-registry.
  package var unpack: String
  package var registry: String
  /// The archive of the image `hello`, which ships with Berth.
  package var helloArchive: String
  /// `NAME=value`, for berth-registry (proxies, HOME for auth files).
  package var environment: [String]

  package init(libexec: String, environment: [String]) {
    unpack = libexec + "/berth-unpack"
    registry = libexec + "/berth-registry"
    helloArchive = libexec + "/hello.tar"
    self.environment = environment
  }
}

/// The images of one store: blobs, unpacked layers, names.
///
/// Layers and blobs come into place before the rows that name them, and leave after: what no row names is nobody's,
/// and an intent remembers it until it is gone. Synchronous; for one thread.
package final class ImageLibrary {
  package enum Limit {
    /// Layers that are fetched and unpacked at the same time.
    package static let parallelLayers = 6
    /// How often a removal starts over when other removals change which layers are shared.
    static let removalTries = 20
  }
  /// Intents of this module.
  enum IntentKind {
    static let ingest = "image.ingest"
    static let remove = "image.remove"
  }

  package let store: Store
  package let programs: ImagePrograms
  let root: String

  /// Opens the library, and repairs what dead processes left of pulls and removals.
  /// - Parameter warning: gets what could not be repaired; it stops no other work.
  package init(
    store: Store, programs: ImagePrograms, warning: (Problem) -> Void = { _ in }
  ) throws(Problem) {
    self.store = store
    self.programs = programs
    root = store.root
    let failures = try store.intents.repairLeftovers(kinds: [IntentKind.ingest, IntentKind.remove]) {
      (kind, payload) throws(Problem) in
      let what = kind == IntentKind.ingest ? "a pull, load or import" : "the removal of an image"
      do throws(Problem) { try repair(payload) } catch {
        throw Problem(
          code: error.code, message: "clean up after \(what) that was interrupted",
          hint: error.hint ?? "the next command tries again; see what is mounted or open there", cause: error)
      }
    }
    failures.forEach(warning)
  }

  /// `layers/<diff ID>/diff`: one unpacked layer.
  package func layerPath(_ diffID: String) -> String { "\(root)/layers/\(diffID)/diff" }
  func layerDirectory(_ diffID: String) -> String { "\(root)/layers/\(diffID)" }
  func blobPath(_ hex: String) -> String { "\(root)/blobs/sha256/\(hex)" }

  /// The layers of an image as directories, the lowest first.
  package func layerPaths(of image: ImageRecord) -> [String] { image.layers.map(layerPath) }
}

/// What an operation on images has on disk that no row names yet, or no longer: an intent's payload.
struct Leavings {
  /// Beginning of the names of its directories in `layers/`.
  var partialPrefix = ""
  /// Diff IDs and blobs, 64 hex digits each.
  var layers: [String] = []
  var blobs: [String] = []

  var payload: String {
    JSON.object(
      JSON.Object([("partial", JSON(partialPrefix)), ("layers", JSON(layers)), ("blobs", JSON(blobs))])
    ).text()
  }
  init() {}
  init(payload: String) {
    guard let json = try? JSON.parse(payload) else { return }  // written by `payload` above: never damaged alone
    partialPrefix = json["partial"]?.string ?? ""
    layers = json["layers"]?.strings ?? []
    blobs = json["blobs"]?.strings ?? []
  }
}

extension ImageLibrary {
  /// Removes what no row names: after a failure, after a removal, and for a process that died.
  func repair(_ payload: String) throws(Problem) { try clear(Leavings(payload: payload)) }

  /// - Parameter holding: diff IDs whose locks the caller holds.
  func clear(_ leavings: Leavings, holding: Set<String> = []) throws(Problem) {
    if leavings.partialPrefix.hasPrefix(".partial-") { try removePartials(leavings.partialPrefix) }
    for layer in leavings.layers {
      // Whoever holds the lock is bringing this layer in, and answers for it with an intent of its own.
      guard holding.contains(layer) else {
        guard let lock = try store.locks.tryAcquire(.layer, layer) else { continue }
        try removeLayerIfUnused(layer)
        _ = consume lock
        continue
      }
      try removeLayerIfUnused(layer)
    }
    try removeBlobsIfUnused(leavings.blobs)
  }

  func removePartials(_ prefix: String) throws(Problem) {
    let layers = root + "/layers"
    try doing("clean \(layers)") { () throws(Errno) in
      let names: [DirectoryEntry]
      do throws(Errno) { names = try entries(ofPath: layers) } catch  where error == .notFound { return }
      for entry in names where entry.name.hasPrefix(prefix) { try removeTree(layers + "/" + entry.name) }
    }
  }

  /// The caller holds the layer's lock.
  private func removeLayerIfUnused(_ diffID: String) throws(Problem) {
    if try store.images.layer(diffID) != nil { return }
    let path = layerDirectory(diffID)
    try doing("remove layer \(path)") { () throws(Errno) in try removeTree(path) }
    store.locks.remove(.layer, diffID)
  }
}
