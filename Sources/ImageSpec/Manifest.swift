import Digests
public import JSON
public import Problems

/// One image for one platform. Sources: image-spec, manifest.md; Docker manifest v2 schema 2.
public struct Manifest: Hashable, Sendable {
  public var mediaType: MediaType
  public var config: Descriptor
  /// The lowest first.
  public var layers: [Descriptor]
  public var annotations: [String: String]

  public init(mediaType: MediaType, config: Descriptor, layers: [Descriptor], annotations: [String: String] = [:]) {
    self.mediaType = mediaType
    self.config = config
    self.layers = layers
    self.annotations = annotations
  }

  public var json: JSON {
    var object = JSON.Object([
      ("schemaVersion", 2), ("mediaType", JSON(mediaType.rawValue)), ("config", config.json),
      ("layers", .array(layers.map(\.json))),
    ])
    object.put("annotations", nonEmpty: annotations)
    return .object(object)
  }
}

/// Images for several platforms. Sources: image-spec, image-index.md; Docker manifest list.
public struct ImageIndex: Hashable, Sendable {
  public var mediaType: MediaType
  public var manifests: [Descriptor]
  public var annotations: [String: String]

  public init(mediaType: MediaType = .ociIndex, manifests: [Descriptor], annotations: [String: String] = [:]) {
    self.mediaType = mediaType
    self.manifests = manifests
    self.annotations = annotations
  }

  /// The entry that serves `platform` best; the first of equals; one without a platform only where nothing else fits.
  public func entry(for platform: Platform) -> Descriptor? {
    var best: (distance: Int, descriptor: Descriptor)?
    for descriptor in manifests where descriptor.mediaType.isManifest || descriptor.mediaType.isIndex {
      let distance = descriptor.platform.map { platform.distance(to: $0) } ?? 1000
      if let distance, distance < best?.distance ?? .max { best = (distance, descriptor) }
    }
    return best?.descriptor
  }

  public var json: JSON {
    var object = JSON.Object([
      ("schemaVersion", 2), ("mediaType", JSON(mediaType.rawValue)), ("manifests", .array(manifests.map(\.json))),
    ])
    object.put("annotations", nonEmpty: annotations)
    return .object(object)
  }
}

/// What the bytes behind a tag or a digest turn out to be.
public enum ManifestDocument: Hashable, Sendable {
  case manifest(Manifest)
  case index(ImageIndex)

  /// Reads the bytes of a manifest or an index.
  ///
  /// - Parameter mediaType: what the registry or the descriptor said; the document may not contradict it.
  /// - Throws: `.unsupported` for schema 1 and artifacts that are no images, `.invalid` for all else.
  public init(parsing bytes: [UInt8], mediaType: MediaType? = nil) throws(Problem) {
    let fields = try document(bytes, "manifest", bytesMax: ImageLimit.manifestBytesMax)
    let version = try fields.integer("schemaVersion") ?? 0
    if version == 1 || mediaType?.isSchema1 == true {
      throw Problem(
        code: .unsupported, message: "the image manifest has schema version 1, which registries gave up in 2019",
        hint: "push the image again with a current tool")
    }
    guard version == 2 else { throw fields.wrong("schemaVersion", "expected 2") }
    // A document that is both could be one image to a scanner and another to us: CVE-2021-41190.
    let looksLikeIndex = fields["manifests"] != nil
    let looksLikeManifest = fields["config"] != nil || fields["layers"] != nil
    if looksLikeIndex == looksLikeManifest {
      throw Fields.wrong(
        "manifest", looksLikeIndex ? "both a manifest and an index" : "neither a manifest nor an index")
    }
    let said = try fields.string("mediaType").map(MediaType.init(rawValue:))
    let type = said ?? ManifestDocument.known(mediaType) ?? (looksLikeIndex ? .ociIndex : .ociManifest)
    if let said, let outer = ManifestDocument.known(mediaType), said != outer {
      throw fields.wrong("mediaType", "\(quoted(said.rawValue)) where \(outer) was announced")
    }
    guard looksLikeIndex ? type.isIndex : type.isManifest else {
      throw fields.wrong("mediaType", "\(quoted(type.rawValue)) does not fit what the document holds")
    }
    self = looksLikeIndex ? .index(try ImageIndex(fields, type)) : .manifest(try Manifest(fields, type))
  }

  /// Registries send `application/json` and the like, too: only known types bind.
  private static func known(_ type: MediaType?) -> MediaType? {
    guard let type, type.isIndex || type.isManifest else { return nil }
    return type
  }
}

extension Manifest {
  init(_ fields: Fields, _ type: MediaType) throws(Problem) {
    mediaType = type
    config = try Descriptor(
      json: try fields.required("config", fields["config"]), place: "manifest.config")
    let values = try fields.required("layers", try fields.array("layers"))
    guard values.count <= ImageLimit.layersMax else {
      throw fields.wrong("layers", "\(values.count) layers are more than the limit of \(ImageLimit.layersMax)")
    }
    layers = []
    for (number, value) in values.enumerated() {
      layers.append(try Descriptor(json: value, place: "manifest.layers[\(number)]"))
    }
    annotations = try fields.map("annotations") ?? [:]
    guard config.size <= ImageLimit.configBytesMax else {
      throw fields.wrong("config.size", "\(config.size) bytes are more than the limit of \(ImageLimit.configBytesMax)")
    }
  }

  /// Says no to what is not a container image: a Helm chart, a signature, an encrypted layer, …
  public func requireImage() throws(Problem) {
    guard config.mediaType.isImageConfig else {
      throw Problem(
        code: .unsupported,
        message: "this is no container image but an artifact of type \(quoted(config.mediaType.rawValue))")
    }
    for layer in layers where layer.mediaType.layerCompression == nil {
      throw Problem(
        code: .unsupported,
        message: "layer \(layer.digest.short) has the unknown type \(quoted(layer.mediaType.rawValue))")
    }
  }
}

extension ImageIndex {
  init(_ fields: Fields, _ type: MediaType) throws(Problem) {
    mediaType = type
    let values = try fields.required("manifests", try fields.array("manifests"))
    guard values.count <= ImageLimit.indexEntriesMax else {
      throw fields.wrong(
        "manifests", "\(values.count) entries are more than the limit of \(ImageLimit.indexEntriesMax)")
    }
    manifests = []
    for (number, value) in values.enumerated() {
      manifests.append(try Descriptor(json: value, place: "index.manifests[\(number)]"))
    }
    for entry in manifests where entry.mediaType.isIndex || entry.mediaType.isManifest {
      guard entry.size <= ImageLimit.manifestBytesMax else {
        throw fields.wrong(
          "manifests", "\(entry.digest.short) is larger than the limit of \(ImageLimit.manifestBytesMax) bytes")
      }
    }
    annotations = try fields.map("annotations") ?? [:]
  }
}
