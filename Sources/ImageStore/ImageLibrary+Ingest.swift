import CSys
import Digests
import Glibc
import ImageSpec
import Problems
import StateStore
import Sys

// How an image comes in, whatever its source: locks, intent, layers, blobs, one commit.
extension ImageLibrary {
  /// Brings an image in; afterwards all of it is in the store, durably, or nothing.
  func ingest(_ image: IncomingImage, progress: @escaping (ImageProgress) -> Void) throws(Problem) -> ImageReceipt {
    var leavings = Leavings()
    leavings.partialPrefix = ".partial-\(randomID().prefix(16))-"
    leavings.layers = Set(image.config.diffIDs.map(\.hex)).sorted()
    leavings.blobs = [image.id.hex] + (image.manifest.map { [$0.digest.hex] } ?? [])

    let intent = try store.intents.begin(kind: IntentKind.ingest, payload: leavings.payload, durable: true)
    var locks: LayerLocks?
    do throws(Problem) {
      let taken = try LayerLocks(self, leavings.layers)
      locks = taken
      let missing = Set(taken.missing)
      for (layer, diffID) in zip(image.layers, image.config.diffIDs) where !missing.contains(diffID.hex) {
        progress(.layer(digest: (layer.digest ?? diffID).description, .exists))
      }
      let receipt = try bringIn(image, missing: missing, partialPrefix: leavings.partialPrefix, progress: progress)
      // The commit is done: an intent that stays would find nothing to take back.
      try? store.intents.finish(intent, durable: false)
      return receipt
    } catch {
      // What cannot be cleared now stays written down, for the next command.
      if (try? clear(leavings, holding: Set(locks?.missing ?? []))) != nil {
        try? store.intents.finish(intent, durable: false)
      }
      throw error
    }
  }

  private func bringIn(
    _ image: IncomingImage, missing: Set<String>, partialPrefix: String, progress: @escaping (ImageProgress) -> Void
  ) throws(Problem) -> ImageReceipt {
    let ingest = LayerIngest(self, partialPrefix: partialPrefix, label: image.label, progress: progress)
    var seen: Set<String> = []
    for (number, diffID) in image.config.diffIDs.enumerated() where missing.contains(diffID.hex) {
      if seen.insert(diffID.hex).inserted { ingest.add(number, image.layers[number], diffID: diffID) }
    }
    try ingest.run()
    progress(.writing(name: image.label))

    var fresh: [String: LayerRecord] = [:]
    for (_, unpacked) in ingest.done {
      try moveIntoPlace(unpacked)
      fresh[unpacked.record.diffID] = unpacked.record
    }
    if !fresh.isEmpty { try syncLayers() }
    return try commit(image, fresh: fresh)
  }

  /// The layer's lock is held, and no row names it: what may lie there is from a process that died.
  private func moveIntoPlace(_ unpacked: LayerIngest.Unpacked) throws(Problem) {
    let path = layerDirectory(unpacked.record.diffID)
    try doing("put layer \(path) in place", hint: diskHint) { () throws(Errno) in
      if Sys.exists(path) { try removeTree(path) }
      try rename(unpacked.directory, to: path)
    }
  }

  /// One syncfs(2) for all layers of an image, before any row names them.
  private func syncLayers() throws(Problem) {
    let path = root + "/layers"
    try doing("sync \(path)", hint: diskHint) { () throws(Errno) in
      let directory = try open(path, O_RDONLY | O_DIRECTORY)
      try Sys.check(csys_syncfs(directory.borrowed))
    }
  }

  private func commit(_ image: IncomingImage, fresh: [String: LayerRecord]) throws(Problem) -> ImageReceipt {
    var records: [LayerRecord] = []
    for diffID in image.config.diffIDs {
      if let record = fresh[diffID.hex] {
        records.append(record)
      } else if let record = try store.images.layer(diffID.hex) {
        records.append(record)
      } else {
        throw Problem(code: .bug, message: "layer \(diffID.short) of \(image.label) has vanished")
      }
    }
    let manifest: (digest: Digest, bytes: [UInt8])
    if let given = image.manifest { manifest = given } else { manifest = try image.composedManifest(records) }
    let lock = try lockBlobs(shared: true)
    try writeBlob(image.id, image.configBytes)
    try writeBlob(manifest.digest, manifest.bytes)
    let record = image.record(manifestDigest: manifest.digest, layers: records)
    let digest = (image.namedDigest ?? manifest.digest).description
    try store.transaction(durable: true) { () throws(Problem) in
      try store.images.save(record, newLayers: fresh.values.sorted { $0.diffID < $1.diffID })
      for name in image.names {
        try store.images.setName(ImageNameRecord(name: name, imageID: record.id, digest: digest))
      }
    }
    _ = consume lock
    return ImageReceipt(id: record.id, names: image.names, digest: manifest.digest.description)
  }
}
