/// One mount that a user asked for; `-v`, `--mount` and `--tmpfs` all become this (capability decision G.16).
public struct ContainerMount: Hashable, Sendable {
  public enum Kind: Hashable, Sendable {
    /// A host directory or file: absolute path.
    case bind(source: String)
    /// A named volume; nil is an anonymous one.
    case volume(name: String?)
    case tmpfs
  }
  public var kind: Kind
  /// Absolute path in the container.
  public var destination: String
  public var readOnly = false
  /// mount(8) words that were given and are passed on: "noexec", "size=64m", "rshared", "rbind", ...
  public var options: [String] = []
  /// Volumes: do not copy the image's content into an empty volume.
  public var noCopy = false
  /// `U`: give the source to the container's user.
  public var chown = false

  public init(_ kind: Kind, destination: String) {
    self.kind = kind
    self.destination = destination
  }
}
