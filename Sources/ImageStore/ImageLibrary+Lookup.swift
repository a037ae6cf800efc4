import Digests
import ImageSpec
package import Problems
package import StateStore
import Sys

/// An image, and the name under which it was found.
package struct FoundImage: Sendable {
  package let image: ImageRecord
  /// "docker.io/library/busybox:latest"; nil when it was found by its ID or digest.
  package let name: String?
  package init(image: ImageRecord, name: String?) {
    self.image = image
    self.name = name
  }
}

extension ImageLibrary {
  /// The image that a user means: an ID, a name (short, full, with tag or digest), or a unique prefix of an ID.
  ///
  /// - Parameter withHello: the image `hello`, which ships with Berth, is loaded when it is missing.
  /// - Throws: `.notFound` "image X not found"; `.conflict` listing the candidates of an ambiguous prefix.
  package func lookup(_ text: String, withHello: Bool = true) throws(Problem) -> FoundImage {
    if let found = try find(text) { return found }
    if withHello, let found = try loadHello(text) { return found }
    throw notFound(text)
  }

  /// As `lookup`, nil where there is none.
  package func find(_ text: String) throws(Problem) -> FoundImage? {
    if text.isEmpty { throw Problem(code: .invalid, message: "an image's name or ID must not be empty") }
    let bare = text.hasPrefix("sha256:") ? String(text.dropFirst(7)) : text
    if bare.utf8.count == 64, let image = try store.images.get(bare) { return FoundImage(image: image, name: nil) }
    if let found = try findByName(text) { return found }
    let found = try store.images.list(idPrefix: bare)
    if found.count == 1 { return FoundImage(image: found[0], name: nil) }
    if found.count > 1 {
      throw Problem(
        code: .conflict,
        message: "more than one image has an ID that begins with \(bare): "
          + found.prefix(10).map { String($0.id.prefix(12)) }.joined(separator: ", "),
        hint: "give more digits of the ID")
    }
    return nil
  }

  /// The names that a short or full name may mean, in this order.
  func candidates(_ text: String) -> [Reference] {
    var result: [Reference] = []
    let registries = Reference.namesRegistry(text) ? [Reference.dockerHub] : ["localhost", Reference.dockerHub]
    for registry in registries {
      if let reference = try? Reference(parsing: text, defaultRegistry: registry) { result.append(reference) }
    }
    return result
  }

  private func findByName(_ text: String) throws(Problem) -> FoundImage? {
    let candidates = candidates(text)
    for reference in candidates {
      let exact = reference.digest == nil ? reference : reference.pinned(to: reference.digest!)
      if let name = try store.images.name(exact.description), let image = try store.images.get(name.imageID) {
        return FoundImage(image: image, name: name.name)
      }
    }
    guard let first = candidates.first else { return nil }
    let names = try store.images.names()
    if let digest = first.digest { return try find(digest, in: candidates, names) }
    if Reference.namesRegistry(text) { return nil }
    // A short name also means the only image, of whatever registry, that ends with it.
    guard let short = try? Reference(parsing: text, defaultRegistry: "localhost") else { return nil }
    let ending = short.description.dropFirst("localhost".count)
    let images = Set(names.filter { $0.name.hasSuffix(ending) }.map(\.imageID))
    guard images.count == 1, let id = images.first, let image = try store.images.get(id) else { return nil }
    return FoundImage(image: image, name: names.first { $0.name.hasSuffix(ending) }?.name)
  }

  /// A name with a digest: the repository must be right, and the digest that of the manifest or of the index.
  private func find(
    _ digest: Digest, in candidates: [Reference], _ names: [ImageNameRecord]
  ) throws(Problem) -> FoundImage? {
    for name in names {
      guard let known = try? Reference(parsing: name.name), candidates.contains(where: { $0.name == known.name }),
        let image = try store.images.get(name.imageID)
      else { continue }
      if name.digest == digest.description || image.manifestDigest == digest.description {
        return FoundImage(image: image, name: name.name)
      }
    }
    return nil
  }

  /// Whether an image is for this platform, `os/arch[/variant]`.
  package static func fits(_ image: ImageRecord, _ platform: String) throws(Problem) -> Bool {
    let variant = image.variant.isEmpty ? nil : image.variant
    let own = Platform(os: image.os, architecture: image.architecture, variant: variant)
    return try Platform(parsing: platform).distance(to: own) != nil
  }

  package func notFound(_ text: String) -> Problem {
    Problem(
      code: .notFound, message: "image \(text) not found",
      hint: "list the images with: berth images; fetch one with: berth pull")
  }

  /// Loads the image that ships with Berth when it is meant and missing.
  private func loadHello(_ text: String) throws(Problem) -> FoundImage? {
    let names = ["hello", "hello:latest", "localhost/hello", "localhost/hello:latest"]
    guard names.contains(text), Sys.exists(programs.helloArchive) else { return nil }
    _ = try load(from: programs.helloArchive, progress: { _ in })
    return try find(text)
  }
}
