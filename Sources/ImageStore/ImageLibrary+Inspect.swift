import Digests
import ImageSpec
package import JSON
package import Problems
import StateStore

extension ImageLibrary {
  /// podman's inspect document of an image. Source: podman-image-inspect(1), containers/common `ImageData`.
  package func inspect(_ text: String) throws(Problem) -> JSON {
    let image = try lookup(text).image
    let (config, manifest) = try documents(of: image)
    let names = try store.images.names(of: image.id)
    let upper = image.layers.reversed().map(layerPath)
    var driver: [(String, JSON)] = []
    if upper.count > 1 { driver.append(("LowerDir", JSON(upper.dropFirst().joined(separator: ":")))) }
    if let top = upper.first { driver.append(("UpperDir", JSON(top))) }
    return [
      "Id": JSON(image.id), "Digest": JSON(image.manifestDigest),
      "RepoTags": JSON(names.map(\.name).filter { !$0.contains("@") }),
      "RepoDigests": JSON(repoDigests(image, names)),
      "Parent": "", "Comment": JSON(config.history.last?.comment ?? ""),
      "Created": JSON(timeText(ofNanoseconds: image.created)),
      "Config": config.config.json,
      "Version": "", "Author": JSON(config.author ?? ""),
      "Architecture": JSON(image.architecture), "Variant": JSON(image.variant), "Os": JSON(image.os),
      "Size": JSON(image.size), "VirtualSize": JSON(image.size),
      "GraphDriver": ["Name": "overlay", "Data": .object(JSON.Object(driver))],
      "RootFS": ["Type": "layers", "Layers": JSON(image.layers.map { "sha256:" + $0 })],
      "Labels": config.config.json["Labels"] ?? .object(JSON.Object()),
      "Annotations": .object(
        JSON.Object(manifest.annotations.sorted { $0.key < $1.key }.map { ($0.key, JSON($0.value)) })),
      "ManifestType": JSON(manifest.mediaType.rawValue),
      "User": JSON(config.config.user),
      "History": .array(config.history.map(\.json)),
      "NamesHistory": JSON(names.map(\.name)),
      "HealthCheck": config.config.healthCheck?.json ?? .null,
    ]
  }

  /// podman's history document: one object per step, the newest first.
  package func history(_ text: String) throws(Problem) -> [JSON] {
    let image = try lookup(text).image
    let (config, _) = try documents(of: image)
    var sizes: [Int64] = []
    for layer in image.layers { sizes.append(try store.images.layer(layer)?.size ?? 0) }
    var next = 0
    var result: [JSON] = []
    for entry in config.history {
      let hasLayer = !entry.emptyLayer && next < sizes.count
      result.append([
        "id": "<missing>", "created": JSON(entry.created ?? ""), "createdBy": JSON(entry.createdBy ?? ""),
        "size": JSON(hasLayer ? sizes[next] : 0), "comment": JSON(entry.comment ?? ""),
        "emptyLayer": JSON(entry.emptyLayer), "tags": [],
      ])
      if hasLayer { next += 1 }
    }
    if var object = result.last?.object {
      object["id"] = JSON(image.id)
      object["tags"] = JSON(try store.images.names(of: image.id).map(\.name))
      result[result.count - 1] = .object(object)
    }
    return result.reversed()
  }

  private func documents(of image: ImageRecord) throws(Problem) -> (ImageConfig, Manifest) {
    guard let id = Digest(hex: image.id), let digest = Digest(image.manifestDigest) else {
      throw Problem(code: .bug, message: "image \(image.id) has a malformed digest")
    }
    let config = try ImageConfig(parsing: try readBlob(id))
    guard case .manifest(let manifest) = try ManifestDocument(parsing: try readBlob(digest)) else {
      throw Problem(code: .bug, message: "image \(image.id) has an index in its manifest's place")
    }
    return (config, manifest)
  }
}
