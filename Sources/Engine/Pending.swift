public import JSON
public import Problems

// The signatures of what the other files of this module are about to hold; each moves out when it is written.
private func pending<R>(as: R.Type = R.self, _ name: String) throws(Problem) -> R {
  throw Problem(code: .unsupported, message: "\(name) is not there yet")
}

extension Engine {

  /// Writes the log to the two descriptors, stream by stream.
  public func logs(_ name: String, _ query: LogQuery, standardOutput: CInt = 1, standardError: CInt = 2) throws(Problem) { try pending(as: Void.self, "logs") }

  /// podman's and Docker's inspect document of one container.
  public func inspect(_ name: String, sizes: Bool = false) throws(Problem) -> JSON { try pending("inspect") }

  /// Removes what is not running. Filters: label, label!, until.
  public func pruneContainers(_ filters: [ListFilter] = []) throws(Problem) -> PruneReport { try pending("prune") }

  public func createVolume(_ options: VolumeOptions) throws(Problem) -> String { try pending("volume create") }
  /// Filters: name, label, driver, dangling, until.
  public func volumes(_ filters: [ListFilter] = []) throws(Problem) -> [VolumeSummary] { try pending("volume ls") }
  public func inspectVolume(_ name: String) throws(Problem) -> JSON { try pending("volume inspect") }
  /// - Parameter force: remove the containers that use it, too. - Returns: its name.
  @discardableResult public func removeVolume(_ name: String, force: Bool = false) throws(Problem) -> String { try pending("volume rm") }
  public func pruneVolumes(_ filters: [ListFilter] = []) throws(Problem) -> PruneReport { try pending("volume prune") }

  /// podman's info document: host, store, registries, version.
  public func info() throws(Problem) -> JSON { try pending("info") }
  public func version() -> JSON { .null }
}
