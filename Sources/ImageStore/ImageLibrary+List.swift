import ImageSpec
import JSON
package import Problems
import StateStore

extension ImageLibrary {
  /// The images, one line per name (and one for an image without), the newest first.
  package func list() throws(Problem) -> [ImageSummary] {
    let (images, names, users) = try store.database.snapshot { () throws(Problem) in
      (try store.images.list(), try store.images.names(), try store.containers.list().compactMap(\.imageID))
    }
    let byImage = Dictionary(grouping: names, by: \.imageID)
    let containers = Dictionary(users.map { ($0, 1) }, uniquingKeysWith: +)
    return images.flatMap { image in lines(image, byImage[image.id] ?? [], containers[image.id] ?? 0) }
  }

  private func lines(_ image: ImageRecord, _ names: [ImageNameRecord], _ containers: Int) -> [ImageSummary] {
    var labels: [String: String] = [:]
    for label in (try? JSON.parse(image.config))?["Labels"]?.object?.members ?? [] {
      labels[label.name] = label.value.string ?? ""
    }
    let digests = repoDigests(image, names)
    func line(_ repository: String, _ tag: String) -> ImageSummary {
      ImageSummary(
        id: image.id, repository: repository, tag: tag, digest: image.manifestDigest, created: image.created,
        size: image.size, names: names.map(\.name).filter { !$0.contains("@") }, repoDigests: digests, labels: labels,
        architecture: image.architecture, os: image.os, containers: containers, isDangling: names.isEmpty)
    }
    if names.isEmpty { return [line("<none>", "<none>")] }
    return names.map { name in
      // Names were checked when they were stored.
      guard let reference = try? Reference(parsing: name.name) else { return line(name.name, "<none>") }
      return line(reference.name, reference.tag ?? "<none>")
    }
  }

  /// `repository@sha256:…` of each name: by the manifest, and by the index where one led to it.
  func repoDigests(_ image: ImageRecord, _ names: [ImageNameRecord]) -> [String] {
    var result: Set<String> = []
    for name in names {
      guard let reference = try? Reference(parsing: name.name) else { continue }
      result.insert("\(reference.name)@\(image.manifestDigest)")
      result.insert("\(reference.name)@\(name.digest)")
    }
    return result.sorted()
  }
}
