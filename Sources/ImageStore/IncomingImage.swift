import Digests
import ImageSpec
import JSON
import Problems
import RegistryProtocol
import StateStore
import Sys

/// An image on its way into the store.
struct IncomingImage {
  /// The exact bytes of the configuration; their digest is the image's ID.
  let configBytes: [UInt8]
  let config: ImageConfig
  var id: Digest
  /// What came with it; an archive of Docker's and an import have none: then one is composed.
  let manifest: (digest: Digest, bytes: [UInt8])?
  /// How the layers come, in the order of the configuration's diff IDs; digest and size where they are known.
  let layers: [IncomingLayer]
  /// Full names, and the digest that the registry gave for them; nil is the manifest's.
  var names: [String]
  let namedDigest: Digest?

  init(
    configBytes: [UInt8], manifest: (digest: Digest, bytes: [UInt8])?, layers: [IncomingLayer], names: [String],
    namedDigest: Digest? = nil
  ) throws(Problem) {
    self.configBytes = configBytes
    config = try ImageConfig(parsing: configBytes)
    id = Digest(of: configBytes)
    self.manifest = manifest
    self.layers = layers
    self.names = names
    self.namedDigest = namedDigest
    guard config.diffIDs.count == layers.count else {
      throw Problem(
        code: .invalid,
        message: "the image has \(layers.count) layers, but its configuration names \(config.diffIDs.count)")
    }
  }

  /// For messages.
  var label: String { names.first ?? id.short }
}

/// One layer on its way.
struct IncomingLayer {
  enum Source {
    /// A blob of the registry, streamed.
    case registry(RegistryConnection, name: String)
    /// A file of a web server, streamed.
    case download(RegistryConnection, url: String)
    /// An open file: opened when its turn comes.
    case file(() throws(Problem) -> OwnedFD)
    /// Unpacked already, here.
    case unpacked(directory: String, LayerRecord)
  }
  let source: Source
  /// Of the bytes as they come; checked when known.
  let digest: Digest?
  let size: Int64?
}

extension IncomingImage {
  /// A manifest for an image that came without one: its layers as plain tars, so that the same image has the same
  /// manifest however it was packed.
  func composedManifest(_ records: [LayerRecord]) throws(Problem) -> (digest: Digest, bytes: [UInt8]) {
    var layers: [Descriptor] = []
    for record in records {
      guard let digest = Digest(hex: record.diffID) else { preconditionFailure("layer \(record.diffID)") }
      layers.append(Descriptor(mediaType: .ociLayer, digest: digest, size: record.size))
    }
    let config = Descriptor(mediaType: .ociConfig, digest: id, size: Int64(configBytes.count))
    let bytes = Manifest(mediaType: .ociManifest, config: config, layers: layers).json.bytes()
    return (Digest(of: bytes), bytes)
  }

  /// The image's row.
  func record(manifestDigest: Digest, layers: [LayerRecord]) -> ImageRecord {
    ImageRecord(
      id: id.hex, manifestDigest: manifestDigest.description,
      created: config.created.flatMap(nanoseconds(ofTime:)) ?? 0, pulled: nanosecondsNow(),
      size: layers.reduce(0) { $0 + $1.size }, architecture: config.platform.architecture, os: config.platform.os,
      variant: config.platform.variant ?? "", config: config.config.json.text(), layers: config.diffIDs.map(\.hex))
  }
}
