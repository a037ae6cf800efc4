import Digests
import ImageSpec
import JSON
import Problems
import Sys

/// What `docker save` writes: `manifest.json` names configurations, tags and layers.
///
/// Source: Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format".
enum DockerArchive {
  /// Images of one archive.
  static let imagesMax = 1000

  static func images(_ path: String, _ files: borrowing ArchiveFiles) throws(Problem) -> [IncomingImage] {
    let label = files.label
    let bytes = try files.read("manifest.json")
    let parsed: JSON
    do { parsed = try JSON.parse(bytes) } catch {
      throw Problem(code: .invalid, message: "manifest.json of \(label)", cause: error)
    }
    guard let entries = parsed.array, entries.count <= imagesMax else {
      throw Problem(
        code: .invalid, message: "manifest.json of \(label): expected a list of at most \(imagesMax) images")
    }
    var result: [IncomingImage] = []
    for (number, entry) in entries.enumerated() {
      let fields = try Fields(entry, "manifest.json[\(number)]")
      let config = try files.read(
        try fields.required("Config", try fields.string("Config")), limit: ImageLimit.configBytesMax)
      let layers = try fields.strings("Layers") ?? []
      var names: [String] = []
      for tag in try fields.strings("RepoTags") ?? [] { names.append(try Reference(parsing: tag).description) }
      let incoming = layers.map { layer in
        IncomingLayer(
          source: .file { () throws(Problem) in try ArchiveFiles(path: path, label: label).open(layer) },
          digest: nil, size: nil)
      }
      result.append(try IncomingImage(configBytes: config, manifest: nil, layers: incoming, names: names))
    }
    return result
  }
}
