package import Problems
package import StateStore
import Sys

extension ImageLibrary {
  /// Removes a name of an image, and with its last name the image.
  ///
  /// - Parameters:
  ///   - force: the image with all its names, and with the containers that use it.
  ///   - removeContainer: removes one container, by the engine.
  /// - Throws: `.conflict` listing the containers that use it, or the names of an image given by its ID.
  package func remove(
    _ text: String, force: Bool, removeContainer: (ContainerRecord) throws(Problem) -> Void
  ) throws(Problem) -> ImageRemoval {
    let found = try lookup(text, withHello: false)
    let names = try store.images.names(of: found.image.id)
    if let name = found.name, names.count > 1 {
      // Other names keep the image; removing one of several needs no force, whoever uses it.
      try store.transaction(durable: true) { () throws(Problem) in _ = try store.images.deleteName(name) }
      var result = ImageRemoval()
      result.untagged = [name]
      result.imageIDs[name] = found.image.id
      return result
    }
    if found.name == nil, names.count > 1, !force {
      throw Problem(
        code: .conflict,
        message: "image \(found.image.id.prefix(12)) has several names: \(names.map(\.name).joined(separator: ", "))",
        hint: "remove it by each of its names, or with: berth rmi --force \(text)")
    }
    return try delete(found.image, label: text, force: force, removeContainer: removeContainer)
  }

  /// Removes images, each whole. What cannot go is reported after all others went.
  package func removeAll(
    force: Bool, where wanted: (ImageSummary) -> Bool = { _ in true },
    removeContainer: (ContainerRecord) throws(Problem) -> Void
  ) throws(Problem) -> (removal: ImageRemoval, failures: [Problem]) {
    var result = ImageRemoval()
    var failures: [Problem] = []
    var seen: Set<String> = []
    for line in try list() where seen.insert(line.id).inserted && wanted(line) {
      guard let image = try store.images.get(line.id) else { continue }
      let label = line.isDangling ? String(line.id.prefix(12)) : "\(line.repository):\(line.tag)"
      do throws(Problem) {
        let one = try delete(image, label: label, force: force, removeContainer: removeContainer)
        result.untagged += one.untagged
        for name in one.untagged { result.imageIDs[name] = one.imageIDs[name] }
        result.deleted += one.deleted
        result.reclaimedBytes += one.reclaimedBytes
      } catch { failures.append(error) }
    }
    return (result, failures)
  }

  private func delete(
    _ image: ImageRecord, label: String, force: Bool, removeContainer: (ContainerRecord) throws(Problem) -> Void
  ) throws(Problem) -> ImageRemoval {
    if force { for container in try store.containers.list(ofImage: image.id) { try removeContainer(container) } }
    for _ in 0..<Limit.removalTries {
      // Nobody may begin to rely on a layer that is about to go.
      let layers = try store.images.orphans(ifGone: image.id)
      let held = try LayerLocks(self, exclusively: layers)
      let result = try delete(image, label: label, layers: layers)
      _ = held
      if let result { return result }
    }
    throw Problem(code: .conflict, message: "image \(label) is being changed by others", hint: "try again")
  }

  /// The rows go in one commit, while an intent remembers files and directories.
  /// - Parameter layers: locked; all that the image has alone.
  /// - Returns: nil where another removal has changed what the image has alone.
  private func delete(_ image: ImageRecord, label: String, layers: [String]) throws(Problem) -> ImageRemoval? {
    var leavings = Leavings()
    leavings.layers = layers
    leavings.blobs = [image.id, String(image.manifestDigest.dropFirst(7))]
    var result = ImageRemoval()
    result.deleted = [image.id]
    for layer in layers { result.reclaimedBytes += try store.images.layer(layer)?.size ?? 0 }
    let intent = try store.intents.begin(kind: IntentKind.remove, payload: leavings.payload, durable: true)
    let names: [String]?
    do throws(Problem) {
      names = try store.transaction(durable: true) { () throws(Problem) in
        guard try store.images.get(image.id) != nil else { throw notFound(label) }
        let users = try store.containers.list(ofImage: image.id)
        if !users.isEmpty { throw inUse(label, users) }
        if try store.images.orphans(ifGone: image.id) != layers { return nil }
        let names = try store.images.names(of: image.id).map(\.name)
        _ = try store.images.delete(image.id)
        return names
      }
    } catch {
      try? store.intents.finish(intent, durable: false)
      throw error
    }
    guard let names else {
      try store.intents.finish(intent, durable: false)
      return nil
    }
    try clear(leavings, holding: Set(layers))
    try store.intents.finish(intent, durable: false)
    result.untagged = names
    for name in names { result.imageIDs[name] = image.id }
    return result
  }

  private func inUse(_ label: String, _ users: [ContainerRecord]) -> Problem {
    let list = users.prefix(10).map { "\($0.id.prefix(12)) (\($0.name))" }.joined(separator: ", ")
    return Problem(
      code: .conflict, message: "image \(label) is in use by \(users.count == 1 ? "container" : "containers") \(list)",
      hint: "remove \(users.count == 1 ? "it" : "them") first with: berth rm, or all at once with: berth rmi --force")
  }
}
