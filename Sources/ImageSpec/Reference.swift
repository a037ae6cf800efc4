public import Digests

/// The full name of an image: registry, repository, and a tag, a digest or both.
///
/// Source: distribution/reference, "regexp.go" and "normalize.go".
public struct Reference: Hashable, Sendable, CustomStringConvertible {
  /// Host and port: `docker.io`, `localhost:5000`, `[::1]:5000`.
  public let registry: String
  /// `library/alpine`.
  public let repository: String
  public let tag: String?
  public let digest: Digest?

  /// Parts that are valid already; `Reference(parsing:)` checks.
  init(registry: String, repository: String, tag: String?, digest: Digest?) {
    self.registry = registry
    self.repository = repository
    self.tag = tag
    self.digest = digest
  }

  /// `docker.io/library/alpine`.
  public var name: String { registry + "/" + repository }

  /// The full text: `docker.io/library/alpine:latest`, `…@sha256:…`, `…:tag@sha256:…`.
  public var description: String {
    name + (tag.map { ":" + $0 } ?? "") + (digest.map { "@\($0)" } ?? "")
  }

  /// As Docker shows it: `alpine:latest`, `me/app:1`; other registries keep their name.
  public var familiar: String {
    guard registry == Reference.dockerHub else { return description }
    let rest = description.dropFirst(registry.utf8.count + 1)
    let short = rest.hasPrefix("library/") ? rest.dropFirst(8) : rest
    return String(short)
  }

  /// Where the manifest is found: the digest if there is one, else the tag.
  public var manifestKey: String { digest?.description ?? tag ?? Reference.latest }

  /// The same repository with this tag instead, and without a digest.
  public func tagged(_ tag: String) -> Reference {
    Reference(registry: registry, repository: repository, tag: tag, digest: nil)
  }
  /// The same repository at this digest, without a tag.
  public func pinned(to digest: Digest) -> Reference {
    Reference(registry: registry, repository: repository, tag: nil, digest: digest)
  }

  public static let dockerHub = "docker.io"
  public static let latest = "latest"
}
