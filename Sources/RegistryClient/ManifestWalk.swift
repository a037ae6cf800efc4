import Digests
package import ImageSpec
package import Problems
package import RegistryProtocol

/// From a tag or digest to the manifest for one platform: it is given documents and says which one is next.
///
/// Nothing that a registry sends can keep it going: `ImageLimit.indexDepthMax` documents point on, and no digest
/// comes twice.
package struct ManifestWalk: Sendable {
  package let reference: Reference
  package let platform: Platform
  private var expected: Digest?
  private var expectedSize: Int64?
  private var visited: [Digest] = []
  private var index: (digest: Digest, bytes: [UInt8])?

  package init(reference: Reference, platform: Platform) {
    self.reference = reference
    self.platform = platform
    expected = reference.digest
  }

  package enum Step: Sendable {
    case fetch(Descriptor)
    case done(ResolvedImage)
  }

  /// Judges a document.
  /// - Parameters:
  ///   - mediaType: the answer's `Content-Type` without parameters.
  ///   - announced: the answer's `Docker-Content-Digest`.
  /// - Throws: `.invalid` for a wrong digest or size, `.notFound` where the platform is missing, `.unsupported` for
  ///   what is no image.
  package mutating func next(_ bytes: [UInt8], mediaType: String?, announced: String?) throws(Problem) -> Step {
    let digest = Digest(of: bytes)
    if let expected, digest != expected {
      throw Problem(
        code: .invalid, message: "the manifest of \(reference) has the wrong digest: \(digest) instead of \(expected)")
    }
    if expected == nil, let announced, announced.hasPrefix("sha256:"), announced != digest.description {
      throw Problem(
        code: .invalid,
        message:
          "the manifest of \(reference) has the wrong digest: \(digest) instead of "
          + ResponseProblem.printable(announced)
      )
    }
    if let expectedSize, Int64(bytes.count) != expectedSize {
      throw Problem(
        code: .invalid, message: "the manifest of \(reference) has \(bytes.count) bytes instead of \(expectedSize)")
    }
    let document = try read(bytes, mediaType)
    switch document {
    case .manifest(let manifest):
      try manifest.requireImage()
      let image = ResolvedImage(
        name: reference.name, reference: reference.description, mediaType: manifest.mediaType.rawValue,
        digest: digest.description, manifest: bytes, indexDigest: index?.digest.description, index: index?.bytes)
      return .done(image)
    case .index(let index):
      return .fetch(try follow(index, digest, bytes))
    }
  }

  private func read(_ bytes: [UInt8], _ mediaType: String?) throws(Problem) -> ManifestDocument {
    do throws(Problem) {
      return try ManifestDocument(parsing: bytes, mediaType: mediaType.map(MediaType.init(rawValue:)))
    } catch {
      throw Problem(code: error.code, message: "manifest of \(reference)", hint: error.hint, cause: error)
    }
  }

  private mutating func follow(_ index: ImageIndex, _ digest: Digest, _ bytes: [UInt8]) throws(Problem) -> Descriptor {
    visited.append(digest)
    if self.index == nil { self.index = (digest, bytes) }
    guard let entry = index.entry(for: platform) else {
      let there = index.manifests.compactMap(\.platform).filter { $0.os != "unknown" }.map(\.description)
      let names = Array(Set(there)).sorted().prefix(12).joined(separator: ", ")
      throw Problem(
        code: .notFound, message: "\(reference) has no image for \(platform)",
        hint: names.isEmpty ? nil : "it has \(ResponseProblem.printable(names)); --platform chooses")
    }
    if visited.count > ImageLimit.indexDepthMax {
      throw Problem(
        code: .invalid, message: "\(reference) is an index in an index more than \(ImageLimit.indexDepthMax) deep")
    }
    if visited.contains(entry.digest) {
      throw Problem(code: .invalid, message: "\(reference) is an index that leads back to itself")
    }
    expected = entry.digest
    expectedSize = entry.size
    return entry
  }
}
