/// Limits of what strangers send. Sources: distribution-spec, "Pushing Manifests" (4 MiB); overlayfs, `OVL_MAX_STACK`.
public enum ImageLimit {
  /// Bytes of a manifest or an index.
  public static let manifestBytesMax = 4 << 20
  /// Bytes of an image configuration.
  public static let configBytesMax = 4 << 20
  /// Layers of one image: overlayfs stacks no more.
  public static let layersMax = 500
  /// Entries of an index.
  public static let indexEntriesMax = 4096
  /// An index may point to indexes this deep.
  public static let indexDepthMax = 2
  /// Bytes of a repository name, the registry included. Source: distribution/reference.
  public static let nameBytesMax = 255
  /// Bytes of a tag.
  public static let tagBytesMax = 128
}
