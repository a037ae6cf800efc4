/// A media type; types unknown here keep their text. Sources: image-spec, media-types.md; Docker manifest v2 schema 2.
public struct MediaType: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public var description: String { rawValue }

  public static let ociIndex = MediaType(rawValue: "application/vnd.oci.image.index.v1+json")
  public static let ociManifest = MediaType(rawValue: "application/vnd.oci.image.manifest.v1+json")
  public static let ociConfig = MediaType(rawValue: "application/vnd.oci.image.config.v1+json")
  public static let ociLayer = MediaType(rawValue: "application/vnd.oci.image.layer.v1.tar")
  public static let ociLayerGzip = MediaType(rawValue: "application/vnd.oci.image.layer.v1.tar+gzip")
  public static let ociLayerZstd = MediaType(rawValue: "application/vnd.oci.image.layer.v1.tar+zstd")
  public static let dockerList = MediaType(rawValue: "application/vnd.docker.distribution.manifest.list.v2+json")
  public static let dockerManifest = MediaType(rawValue: "application/vnd.docker.distribution.manifest.v2+json")
  public static let dockerSchema1 = MediaType(rawValue: "application/vnd.docker.distribution.manifest.v1+json")
  public static let dockerSchema1Signed = MediaType(
    rawValue: "application/vnd.docker.distribution.manifest.v1+prettyjws")
  public static let dockerConfig = MediaType(rawValue: "application/vnd.docker.container.image.v1+json")
  public static let dockerLayer = MediaType(rawValue: "application/vnd.docker.image.rootfs.diff.tar")
  public static let dockerLayerGzip = MediaType(rawValue: "application/vnd.docker.image.rootfs.diff.tar.gzip")
  public static let dockerLayerZstd = MediaType(rawValue: "application/vnd.docker.image.rootfs.diff.tar.zstd")

  /// What a client accepts for a manifest, best first (the `Accept` headers of a pull).
  public static let manifestsAccepted: [MediaType] = [.ociManifest, .dockerManifest, .ociIndex, .dockerList]

  public var isIndex: Bool { self == .ociIndex || self == .dockerList }
  public var isManifest: Bool { self == .ociManifest || self == .dockerManifest }
  public var isSchema1: Bool { self == .dockerSchema1 || self == .dockerSchema1Signed }
  /// An image's configuration, as opposed to that of some other artifact.
  public var isImageConfig: Bool { self == .ociConfig || self == .dockerConfig }

  /// How a layer of this type is packed; nil when it is no layer. `foreign` and `nondistributable` layers count.
  public var layerCompression: LayerCompression? {
    let oci = ["application/vnd.oci.image.layer.v1.tar", "application/vnd.oci.image.layer.nondistributable.v1.tar"]
    let docker = [
      "application/vnd.docker.image.rootfs.diff.tar", "application/vnd.docker.image.rootfs.foreign.diff.tar",
    ]
    for (bases, mark) in [(oci, "+"), (docker, ".")] {
      for base in bases where rawValue.hasPrefix(base) {
        let rest = rawValue.dropFirst(base.count)
        if rest.isEmpty { return .plain }
        guard rest.hasPrefix(mark) else { return nil }
        switch rest.dropFirst() {
        case "gzip": return .gzip
        case "zstd": return .zstd
        default: return nil
        }
      }
    }
    return nil
  }
}

/// How the tar of a layer is packed.
public enum LayerCompression: String, CaseIterable, Sendable {
  case plain, gzip, zstd
}
