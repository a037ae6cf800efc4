/// One line of `images`: an image under one of its names.
public struct ImageSummary: Hashable, Sendable {
  /// 64 hex digits.
  public var id: String
  /// "docker.io/library/busybox", or "<none>".
  public var repository: String
  /// "latest", or "<none>".
  public var tag: String
  /// "sha256:…" of the manifest.
  public var digest: String
  /// Nanoseconds since 1970.
  public var created: Int64
  /// Bytes of the unpacked layers.
  public var size: Int64
  /// All of its names, and the same repositories with digests.
  public var names: [String]
  public var repoDigests: [String]
  public var labels: [String: String]
  public var architecture: String
  public var os: String
  /// How many containers use it.
  public var containers: Int
  /// It has no name.
  public var isDangling: Bool
}

/// What a pull, load or import reports while it goes on.
public enum ImageProgress: Hashable, Sendable {
  /// Another name or mirror is asked: "docker.io/library/busybox:latest".
  case trying(source: String)
  /// A file is fetched from a web server.
  case downloading(from: String)
  /// The image was found: its full name, and how many layers it has.
  case found(name: String, layers: Int)
  /// A layer, by its digest as it comes.
  case layer(digest: String, LayerState)
  /// All layers are there; the image is being written.
  case writing(name: String)

  public enum LayerState: Hashable, Sendable {
    /// It is in the store already.
    case exists
    case waiting
    /// Bytes so far, and of all; downloading and unpacking are one pass.
    case fetching(bytes: Int64, total: Int64)
    /// Complete and checked.
    case done(total: Int64)
  }
}

/// An image that came in.
public struct ImageReceipt: Hashable, Sendable {
  /// 64 hex digits.
  public var id: String
  /// Its names from this operation: "docker.io/library/busybox:latest"; none for an archive without names.
  public var names: [String]
  /// "sha256:…" of the manifest.
  public var digest: String
}

/// How one pull talks to registries.
public struct PullOptions: Hashable, Sendable {
  /// `os/arch[/variant]`; nil is this machine's.
  public var platform: String?
  /// nil leaves it to registries.conf.
  public var tlsVerify: Bool?
  public var certDirectory: String?
  public var authFile: String?
  /// `USER:PASSWORD`.
  public var credentials: String?
  /// policy.json; nil is the user's, then the system's.
  public var signaturePolicy: String?
  public init() {}
}

/// How a tar becomes an image.
public struct ImportOptions: Hashable, Sendable {
  /// The image's name; nil imports without one.
  public var reference: String?
  /// Dockerfile instructions: CMD, ENTRYPOINT, ENV, USER, WORKDIR, LABEL, EXPOSE, VOLUME, STOPSIGNAL.
  public var changes: [String] = []
  /// The history's comment.
  public var message: String?
  /// `os/arch[/variant]`; nil is this machine's.
  public var platform: String?
  /// policy.json; nil is the user's, then the system's.
  public var signaturePolicy: String?
  public init() {}
}

/// What `rmi` did, in order.
public struct ImageRemoval: Hashable, Sendable {
  /// Names that are gone.
  public var untagged: [String] = []
  /// The image that each of these named.
  public var imageIDs: [String: String] = [:]
  /// IDs of the images that are gone.
  public var deleted: [String] = []
  /// Bytes of the layers that are gone.
  public var reclaimedBytes: Int64 = 0
  public init() {}
}
