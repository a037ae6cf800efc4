public import JSON
public import Problems

// The signatures of what the other files of this module are about to hold; each moves out when it is written.
private func pending<R>(as: R.Type = R.self, _ name: String) throws(Problem) -> R {
  throw Problem(code: .unsupported, message: "\(name) is not there yet")
}

extension Engine {

  /// Runs a command in a running container with the caller's streams.
  public func exec(_ name: String, _ options: ExecOptions) throws(Problem) -> AttachResult { try pending("exec") }
  /// - Returns: the session's ID.
  public func execDetached(_ name: String, _ options: ExecOptions) throws(Problem) -> String { try pending("exec") }
  /// Writes the log to the two descriptors, stream by stream.
  public func logs(_ name: String, _ query: LogQuery, standardOutput: CInt = 1, standardError: CInt = 2) throws(Problem) { try pending(as: Void.self, "logs") }

  public func list(_ query: ListQuery) throws(Problem) -> [ContainerSummary] { try pending("ps") }
  /// podman's and Docker's inspect document of one container.
  public func inspect(_ name: String, sizes: Bool = false) throws(Problem) -> JSON { try pending("inspect") }
  /// The full ID that a full name, full ID or unique prefix means.
  public func containerID(_ name: String) throws(Problem) -> String { try pending("lookup") }
  public func containerExists(_ name: String) throws(Problem) -> Bool { try pending("exists") }
  /// The container made last. - Throws: `.notFound` where there is none.
  public func latestContainer() throws(Problem) -> String { try pending("latest") }
  /// IDs of all containers (of the running ones with `running`), oldest first.
  public func containerIDs(running: Bool = false) throws(Problem) -> [String] { try pending("all") }

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
