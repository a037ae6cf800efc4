public import ImageStore
public import JSON
public import Problems
import StateStore
import Sys

extension Engine {
  /// The images of the store, opened by the first call; leftovers of killed pulls are repaired then.
  func library() throws(Problem) -> ImageLibrary {
    if let openedLibrary { return openedLibrary }
    let programs = ImagePrograms(libexec: self.programs.libexec(), environment: currentEnvironment())
    let library = try ImageLibrary(store: try store(), programs: programs) { warning?($0) }
    openedLibrary = library
    return library
  }

  /// The images, one line per name, the newest first.
  /// - Parameter names: only these (name, repository or ID); empty is all.
  /// - Parameter filters: reference, label, label!, dangling, before, since, until, id, containers.
  public func images(_ names: [String] = [], filters: [ListFilter] = []) throws(Problem) -> [ImageSummary] {
    let filter = try ImageFilter(filters, library: try library())
    let lines = try library().list().filter(filter.matches)
    if names.isEmpty { return lines }
    var result: [ImageSummary] = []
    for line in lines {
      for name in names where ImageFilter.names(line, name) {
        result.append(line)
        break
      }
    }
    return result
  }

  /// The ID (64 hex digits) of the image that a name, digest or ID prefix means.
  /// - Throws: `.notFound`; `.conflict` for an ambiguous prefix.
  public func imageID(_ name: String) throws(Problem) -> String { try library().lookup(name).image.id }

  public func imageExists(_ name: String) throws(Problem) -> Bool { try library().find(name) != nil }

  /// Gives an image further names.
  public func tagImage(_ name: String, as newNames: [String]) throws(Problem) {
    let id = try library().tag(name, as: newNames)
    tell(newNames.map { EngineEvent(.image, .tag, id: id, name: $0) })
  }

  /// Takes these names from the image; all of them when `names` is empty.
  public func untagImage(_ name: String, names: [String] = []) throws(Problem) {
    let gone = try library().untag(name, names: names)
    tell(gone.names.map { EngineEvent(.image, .untag, id: gone.id, name: $0) })
  }

  /// Removes a name of an image, and with its last name the image. - Parameter force: with containers and all names.
  public func removeImage(_ name: String, force: Bool = false) throws(Problem) -> ImageRemoval {
    let removal = try library().remove(name, force: force, removeContainer: removeUser)
    tell(EngineEvent.all(of: removal))
    return removal
  }

  /// Removes all images, and with `force` the containers that use them.
  /// - Returns: what has gone, and why the others have not.
  public func removeAllImages(force: Bool = false) throws(Problem) -> (removal: ImageRemoval, failures: [Problem]) {
    let result = try library().removeAll(force: force, removeContainer: removeUser)
    tell(EngineEvent.all(of: result.removal))
    return result
  }

  /// Removes images without a name that no container uses. - Parameter all: those with names, too.
  public func pruneImages(all: Bool = false, filters: [ListFilter] = []) throws(Problem) -> ImageRemoval {
    let filter = try ImageFilter(filters, library: try library())
    let (removal, failures) = try library().removeAll(
      force: false, where: { $0.containers == 0 && (all || $0.isDangling) && filter.matches($0) },
      removeContainer: removeUser)
    tell(EngineEvent.all(of: removal))
    if let first = failures.first(where: { $0.code != .conflict && $0.code != .notFound }) { throw first }
    return removal
  }

  /// podman's inspect document of one image.
  public func inspectImage(_ name: String) throws(Problem) -> JSON { try library().inspect(name) }

  /// The steps that made an image, the newest first.
  public func imageHistory(_ name: String) throws(Problem) -> [ImageStep] {
    try library().history(name).map { document in
      let id = document["id"]?.string
      return ImageStep(
        id: id == "<missing>" ? nil : id, created: document["created"]?.string.flatMap(Timestamp.parse) ?? 0,
        createdBy: document["createdBy"]?.string ?? "", size: document["size"]?.integer() ?? 0,
        comment: document["comment"]?.string ?? "", tags: document["tags"]?.strings ?? [])
    }
  }

  private func removeUser(_ container: ContainerRecord) throws(Problem) {
    var options = RemoveOptions()
    options.force = true
    options.ignore = true
    try remove(container.id, options)
  }
}

extension EngineEvent {
  /// Of each name that went, and of each image, which is called as the first of its names was.
  fileprivate static func all(of removal: ImageRemoval) -> [EngineEvent] {
    removal.untagged.map { EngineEvent(.image, .untag, id: removal.imageIDs[$0] ?? "", name: $0) }
      + removal.deleted.map { id in
        EngineEvent(.image, .remove, id: id, name: removal.untagged.first { removal.imageIDs[$0] == id } ?? "")
      }
  }
}
