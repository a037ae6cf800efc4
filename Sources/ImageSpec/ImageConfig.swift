public import Digests
public import JSON
public import Problems

/// What an image says about itself and about its containers. Source: image-spec, config.md.
public struct ImageConfig: Hashable, Sendable {
  /// RFC 3339, as written.
  public var created: String?
  public var author: String?
  public var platform: Platform
  public var config = ContainerDefaults()
  /// Digests of the layers' tars, the lowest first.
  public var diffIDs: [Digest]
  public var history: [HistoryEntry] = []

  public init(created: String? = nil, author: String? = nil, platform: Platform = .host, diffIDs: [Digest] = []) {
    self.created = created
    self.author = author
    self.platform = platform
    self.diffIDs = diffIDs
  }

  /// Reads the exact bytes that the manifest's `config` names.
  public init(parsing bytes: [UInt8]) throws(Problem) {
    let fields = try document(bytes, "image config", bytesMax: ImageLimit.configBytesMax)
    created = try fields.string("created")
    author = try fields.string("author")
    platform = Platform(
      os: try fields.string("os") ?? "linux",
      architecture: try fields.string("architecture") ?? Platform.host.architecture,
      variant: try fields.string("variant"))
    let rootfs = try fields.required("rootfs", try fields.fields("rootfs"))
    guard try rootfs.string("type") ?? "layers" == "layers" else { throw rootfs.wrong("type", "expected \"layers\"") }
    let texts = try rootfs.strings("diff_ids") ?? []
    guard texts.count <= ImageLimit.layersMax else {
      throw rootfs.wrong("diff_ids", "\(texts.count) layers are more than the limit of \(ImageLimit.layersMax)")
    }
    diffIDs = []
    for text in texts {
      guard let digest = Digest(text) else { throw rootfs.wrong("diff_ids", "\(quoted(text)) is not a sha256 digest") }
      diffIDs.append(digest)
    }
    if let inner = try fields.fields("config") { config = try ContainerDefaults(inner) }
    for (number, value) in (try fields.array("history") ?? []).enumerated() {
      history.append(try HistoryEntry(try Fields(value, "image config.history[\(number)]")))
    }
  }

  public var json: JSON {
    var object = JSON.Object()
    object.put("created", created)
    object.put("author", author)
    object["architecture"] = JSON(platform.architecture)
    object["os"] = JSON(platform.os)
    object.put("variant", platform.variant)
    object["config"] = config.json
    object["rootfs"] = ["type": "layers", "diff_ids": JSON(diffIDs.map(\.description))]
    if !history.isEmpty { object["history"] = .array(history.map(\.json)) }
    return .object(object)
  }
}

/// One line of an image's history.
public struct HistoryEntry: Hashable, Sendable {
  /// RFC 3339, as written.
  public var created: String?
  public var createdBy: String?
  public var author: String?
  public var comment: String?
  /// The step made no layer.
  public var emptyLayer: Bool

  public init(
    created: String? = nil, createdBy: String? = nil, author: String? = nil, comment: String? = nil,
    emptyLayer: Bool = false
  ) {
    self.created = created
    self.createdBy = createdBy
    self.author = author
    self.comment = comment
    self.emptyLayer = emptyLayer
  }

  init(_ fields: Fields) throws(Problem) {
    created = try fields.string("created")
    createdBy = try fields.string("created_by")
    author = try fields.string("author")
    comment = try fields.string("comment")
    emptyLayer = try fields.bool("empty_layer") ?? false
  }

  public var json: JSON {
    var object = JSON.Object()
    object.put("created", created)
    object.put("created_by", createdBy)
    object.put("author", author)
    object.put("comment", comment)
    if emptyLayer { object["empty_layer"] = true }
    return .object(object)
  }
}
