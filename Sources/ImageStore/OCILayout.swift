import Digests
import ImageSpec
import Problems
import Sys

/// An OCI image layout: `index.json` and `blobs/sha256/…`. Source: image-spec, image-layout.md.
enum OCILayout {
  static let imagesMax = 1000

  static func images(_ path: String, _ files: borrowing ArchiveFiles) throws(Problem) -> [IncomingImage] {
    let label = files.label
    guard case .index(let index) = try ManifestDocument(parsing: try files.read("index.json")) else {
      throw Problem(code: .invalid, message: "index.json of \(label) is no index")
    }
    guard index.manifests.count <= imagesMax else {
      throw Problem(code: .invalid, message: "index.json of \(label) has more than \(imagesMax) entries")
    }
    var result: [IncomingImage] = []
    var seen: [Digest: Int] = [:]
    for entry in index.manifests where entry.mediaType.isManifest || entry.mediaType.isIndex {
      let names = try name(entry.annotations).map { [$0] } ?? []
      if let place = seen[entry.digest] {
        result[place].names += names
        continue
      }
      let (digest, bytes, manifest) = try manifest(entry, files)
      seen[entry.digest] = result.count
      let (config, layers) = try parts(path, files, of: manifest, in: blobs)
      result.append(
        try IncomingImage(
          configBytes: config, manifest: (digest, bytes), layers: layers, names: names, namedDigest: entry.digest))
    }
    return result
  }
  private static let blobs = "blobs/sha256/"

  /// What skopeo's `dir:` and `podman save --format docker-dir` write: one manifest, and beside it the blobs, each by
  /// the digits of its digest. Such an image has no name. Source: containers-transports(5), "dir:path".
  static func imageOfDirectory(_ path: String, _ files: borrowing ArchiveFiles) throws(Problem) -> IncomingImage {
    let bytes = try files.read("manifest.json", limit: ImageLimit.manifestBytesMax)
    guard case .manifest(let manifest) = try ManifestDocument(parsing: bytes) else {
      throw Problem(code: .unsupported, message: "\(files.label) holds a list of images, not one image")
    }
    let (config, layers) = try parts(path, files, of: manifest, in: "")
    return try IncomingImage(configBytes: config, manifest: (Digest(of: bytes), bytes), layers: layers, names: [])
  }

  /// - Parameter blobs: where the blobs are, before their names.
  private static func parts(
    _ path: String, _ files: borrowing ArchiveFiles, of manifest: Manifest, in blobs: String
  ) throws(Problem) -> (config: [UInt8], layers: [IncomingLayer]) {
    let label = files.label
    try manifest.requireImage()
    let config = try blob(manifest.config, files, in: blobs, limit: ImageLimit.configBytesMax)
    let layers = manifest.layers.map { layer in
      IncomingLayer(
        source: .file { () throws(Problem) in
          try ArchiveFiles(path: path, label: label).open(blobs + layer.digest.hex)
        }, digest: layer.digest, size: layer.size)
    }
    return (config, layers)
  }

  /// Follows indexes to this machine's platform.
  private static func manifest(
    _ entry: Descriptor, _ files: borrowing ArchiveFiles
  ) throws(Problem) -> (Digest, [UInt8], Manifest) {
    var entry = entry
    for _ in 0...ImageLimit.indexDepthMax {
      let bytes = try blob(entry, files, in: blobs, limit: ImageLimit.manifestBytesMax)
      switch try ManifestDocument(parsing: bytes, mediaType: entry.mediaType) {
      case .manifest(let manifest): return (entry.digest, bytes, manifest)
      case .index(let index):
        guard let next = index.entry(for: .host) else {
          throw Problem(code: .notFound, message: "\(files.label) has no image for \(Platform.host)")
        }
        entry = next
      }
    }
    throw Problem(
      code: .invalid, message: "\(files.label): indexes nested deeper than \(ImageLimit.indexDepthMax)")
  }

  private static func blob(
    _ descriptor: Descriptor, _ files: borrowing ArchiveFiles, in blobs: String, limit: Int
  ) throws(Problem) -> [UInt8] {
    let bytes = try files.read(blobs + descriptor.digest.hex, limit: limit)
    guard Digest(of: bytes) == descriptor.digest else {
      throw Problem(
        code: .invalid, message: "blob \(descriptor.digest.short) of \(files.label) has the wrong digest",
        hint: "the archive is damaged: make it again")
    }
    return bytes
  }

  /// The image's name as containerd and then others note it; a bare tag is a name of its own, as podman has it.
  private static func name(_ annotations: [String: String]) throws(Problem) -> String? {
    let full = annotations["io.containerd.image.name"] ?? annotations["org.opencontainers.image.ref.name"]
    guard let full, !full.isEmpty else { return nil }
    let reference = try Reference(parsing: full, defaultRegistry: "localhost")
    return reference.digest == nil ? reference.description : nil
  }
}
