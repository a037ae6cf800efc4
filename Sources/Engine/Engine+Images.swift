public import ImageStore
public import JSON
public import Problems

// The signatures of what this file is about to hold.
private func pending<R>(as: R.Type = R.self, _ name: String) throws(Problem) -> R {
  throw Problem(code: .unsupported, message: "\(name) is not there yet")
}

extension Engine {
  /// Fetches an image from its registry. - Parameter progress: called between events, on this thread.
  @discardableResult
  public func pull(
    _ reference: String, _ options: PullOptions = PullOptions(), progress: (ImageProgress) -> Void = { _ in }
  ) throws(Problem) -> ImageReceipt { try pending("pull") }

  /// The images, one line per name, the newest first.
  /// - Parameter names: only these (name, repository or ID); empty is all.
  /// - Parameter filters: reference, label, dangling, before, since, id, containers.
  public func images(_ names: [String] = [], filters: [ListFilter] = []) throws(Problem) -> [ImageSummary] { try pending("images") }
  /// The ID (64 hex digits) of the image that a name, digest or ID prefix means. - Throws: `.notFound`, `.conflict`.
  public func imageID(_ name: String) throws(Problem) -> String { try pending("image") }
  public func imageExists(_ name: String) throws(Problem) -> Bool { try pending("image") }
  public func tagImage(_ name: String, as newNames: [String]) throws(Problem) { try pending(as: Void.self, "tag") }
  /// Takes these names from the image; all of them when `names` is empty.
  public func untagImage(_ name: String, names: [String] = []) throws(Problem) { try pending(as: Void.self, "untag") }
  /// Removes a name of an image, and with its last name the image. - Parameter force: with containers and all names.
  public func removeImage(_ name: String, force: Bool = false) throws(Problem) -> ImageRemoval { try pending("rmi") }
  /// Removes all images, and with `force` the containers that use them.
  public func removeAllImages(force: Bool = false) throws(Problem) -> ImageRemoval { try pending("rmi") }
  /// Removes images without a name that no container uses. - Parameter all: those with names, too.
  public func pruneImages(all: Bool = false, filters: [ListFilter] = []) throws(Problem) -> ImageRemoval { try pending("image prune") }
  /// podman's inspect document of one image.
  public func inspectImage(_ name: String) throws(Problem) -> JSON { try pending("image inspect") }
  /// podman's history document, the newest step first.
  public func imageHistory(_ name: String) throws(Problem) -> [JSON] { try pending("history") }
  /// Reads a docker-archive, oci-archive or OCI layout. - Parameter path: a file or directory; nil is standard input.
  public func loadImages(from path: String?, progress: (ImageProgress) -> Void = { _ in }) throws(Problem) -> [ImageReceipt] { try pending("load") }
  /// Makes an image of a root filesystem's tar. - Parameter path: nil is standard input.
  public func importImage(
    from path: String?, _ options: ImportOptions = ImportOptions(), progress: (ImageProgress) -> Void = { _ in }
  ) throws(Problem) -> ImageReceipt { try pending("import") }
}
