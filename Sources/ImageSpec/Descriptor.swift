public import Digests
public import JSON
public import Problems

/// A pointer to content. Source: image-spec, descriptor.md.
public struct Descriptor: Hashable, Sendable {
  public var mediaType: MediaType
  public var digest: Digest
  /// Bytes.
  public var size: Int64
  public var annotations: [String: String]
  /// nil where the index does not say.
  public var platform: Platform?

  public init(
    mediaType: MediaType, digest: Digest, size: Int64, annotations: [String: String] = [:], platform: Platform? = nil
  ) {
    self.mediaType = mediaType
    self.digest = digest
    self.size = size
    self.annotations = annotations
    self.platform = platform
  }

  /// - Parameter place: where it stands, for messages: "manifest.config".
  public init(json: JSON, place: String = "descriptor") throws(Problem) {
    let fields = try Fields(json, place)
    mediaType = MediaType(rawValue: try fields.required("mediaType", try fields.string("mediaType")))
    digest = try fields.required("digest", try fields.digest("digest"))
    size = try fields.required("size", try fields.integer("size", Int64.self))
    guard size >= 0 else { throw fields.wrong("size", "a negative size") }
    annotations = try fields.map("annotations") ?? [:]
    platform = nil
    if let value = fields["platform"] { platform = try Platform(json: value) }
  }

  public var json: JSON {
    var object = JSON.Object([
      ("mediaType", JSON(mediaType.rawValue)), ("digest", JSON(digest.description)), ("size", JSON(size)),
    ])
    object.put("platform", platform?.json)
    object.put("annotations", nonEmpty: annotations)
    return .object(object)
  }
}
