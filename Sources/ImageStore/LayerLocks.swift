import Problems
import StateStore
import Sys

/// The locks of the layers that one operation needs: shared for those that are there, exclusive for those to fetch.
///
/// Taken in the order of the diff IDs, so that two operations never wait for each other in a circle; held until the
/// commit. Who waits for a layer that another pull fetches finds it there afterwards: it is fetched once.
final class LayerLocks {
  /// Sorted; missing from the store, locked exclusively.
  private(set) var missing: [String] = []
  /// Sorted; there, locked so that nobody removes them.
  private(set) var present: [String] = []
  private var held: [Held] = []

  /// A lock that an array can hold.
  private final class Held {
    let lock: FileLock
    init(_ lock: consuming FileLock) { self.lock = lock }
  }

  init(_ library: ImageLibrary, _ diffIDs: [String]) throws(Problem) {
    for layer in Set(diffIDs).sorted() {
      let shared = try LayerLocks.lock(library, layer, shared: true)
      if try library.hasLayer(layer) {
        held.append(Held(shared))
        present.append(layer)
        continue
      }
      _ = consume shared  // flock(2) cannot upgrade without letting go
      let exclusive = try LayerLocks.lock(library, layer, shared: false)
      held.append(Held(exclusive))
      if try library.hasLayer(layer) { present.append(layer) } else { missing.append(layer) }
    }
  }

  /// Locks layers that are about to be removed; all count as missing.
  init(_ library: ImageLibrary, exclusively diffIDs: [String]) throws(Problem) {
    for layer in Set(diffIDs).sorted() {
      held.append(Held(try LayerLocks.lock(library, layer, shared: false)))
      missing.append(layer)
    }
  }

  private static func lock(_ library: ImageLibrary, _ layer: String, shared: Bool) throws(Problem) -> FileLock {
    try library.store.locks.acquire(.layer, layer, shared: shared)
  }
}

extension ImageLibrary {
  /// Whether a layer is complete in the store: its row and its directory.
  func hasLayer(_ diffID: String) throws(Problem) -> Bool {
    try store.images.layer(diffID) != nil && Sys.exists(layerPath(diffID))
  }
}
