import CSys
import Glibc
public import JSON
public import Problems
import StateStore
import Sys

extension Engine {
  /// - Returns: its name.
  public func createVolume(_ options: VolumeOptions) throws(Problem) -> String {
    if options.driver != "local" {
      throw Problem(
        code: .unsupported, message: "volume driver \"\(options.driver)\" is not supported", hint: "local is")
    }
    let owner = try VolumeOwner(options.driverOptions)
    let name = options.name ?? Identity.random()
    try VolumeName.check(name)
    let store = try store()
    if options.ignore, try store.volumes.get(name) != nil { return name }
    var record = VolumeRecord(
      name: name, labels: JSON(options.labels).text(), options: JSON(options.driverOptions).text(),
      created: Timestamp.now(), anonymous: false)
    if let owner {
      record.uid = owner.uid
      record.gid = owner.gid
      record.needsChown = false
    }
    try store.volumes.insert(record)
    // The row comes first: a directory that is missing is made by whoever needs it.
    try makeVolumeDirectory(name)
    if owner != nil { try give(paths.volumeData(name), to: record) }
    tell(EngineEvent(.volume, .create, name: name))
    return name
  }
  /// A volume whose owner was named when it was made.
  func give(_ path: String, to volume: VolumeRecord) throws(Problem) {
    try doing("chown \(path)") { () throws(Errno) in
      _ = try check(csys_fchownat(AT_FDCWD, path, volume.uid, volume.gid, AT_SYMLINK_NOFOLLOW))
    }
  }
  private func makeVolumeDirectory(_ name: String) throws(Problem) {
    try doing("make volume \(name)") { () throws(Errno) in
      try makeDirectories(paths.volumeData(name), mode: 0o755)
    }
  }

  /// Filters: name, label, label!, driver, dangling, until.
  public func volumes(_ filters: [ListFilter] = []) throws(Problem) -> [VolumeSummary] {
    var result: [VolumeSummary] = []
    for record in try store().volumes.list() where try matches(record, filters) { result.append(summary(record)) }
    return result
  }
  private func summary(_ record: VolumeRecord) -> VolumeSummary {
    VolumeSummary(
      name: record.name, driver: record.driver, mountpoint: paths.volumeData(record.name), created: record.created,
      labels: (try? JSON.parse(record.labels))?.texts ?? [:], options: (try? JSON.parse(record.options))?.texts ?? [:],
      anonymous: record.anonymous)
  }

  private func matches(_ record: VolumeRecord, _ filters: [ListFilter]) throws(Problem) -> Bool {
    let groups = Dictionary(grouping: filters, by: \.key)
    for (key, alternatives) in groups {
      var isMatch = key.hasPrefix("label")
      for filter in alternatives {
        let holds = try holds(filter, record)
        isMatch = key.hasPrefix("label") ? isMatch && holds : isMatch || holds
      }
      if !isMatch { return false }
    }
    return true
  }
  private func holds(_ filter: ListFilter, _ record: VolumeRecord) throws(Problem) -> Bool {
    switch filter.key {
    case "name": return record.name == filter.value || record.name.hasPrefix(filter.value)
    case "driver": return record.driver == filter.value
    case "label", "label!":
      let pair = try FlagValue.label(filter.value, flag: "--filter label")
      let value = summary(record).labels[pair.name]
      let isThere = value != nil && (!filter.value.contains("=") || value == pair.value)
      return isThere == (filter.key == "label")
    case "dangling":
      guard let wanted = Bool(filter.value) else {
        throw FlagValue.invalid("dangling=\(filter.value)", "--filter", "want true or false")
      }
      return try store().containers.list(usingVolume: record.name).isEmpty == wanted
    case "until":
      return record.created < (try Timestamp.parse(user: filter.value, now: Timestamp.now(), flag: "--filter until"))
    default:
      throw Problem(
        code: .invalid, message: "--filter \(filter.key)=\(filter.value): unknown filter \"\(filter.key)\"",
        hint: "dangling, driver, label, name and until are known")
    }
  }

  public func volumeExists(_ name: String) throws(Problem) -> Bool { try store().volumes.get(name) != nil }

  public func inspectVolume(_ name: String) throws(Problem) -> JSON {
    let record = try store().volumes.lookup(name)
    try makeVolumeDirectory(record.name)
    let summary = summary(record)
    return [
      "Name": .string(summary.name), "Driver": .string(summary.driver), "Mountpoint": .string(summary.mountpoint),
      "CreatedAt": .string(Timestamp.text(summary.created)), "Labels": JSON(summary.labels), "Scope": "local",
      "Options": JSON(summary.options), "UID": JSON(record.uid), "GID": JSON(record.gid),
      "Anonymous": .bool(record.anonymous),
      "NeedsCopyUp": .bool(record.needsCopyUp), "NeedsChown": .bool(record.needsChown),
    ]
  }

  /// - Parameters:
  ///   - force: remove the containers that use it, too.
  ///   - timeoutSeconds: what these have from the stop signal to SIGKILL; nil kills at once.
  /// - Returns: its name.
  @discardableResult
  public func removeVolume(_ name: String, force: Bool = false, timeoutSeconds: Int? = nil) throws(Problem) -> String {
    let store = try store()
    let record = try store.volumes.lookup(name)
    if force {
      var options = RemoveOptions()
      options.force = true
      options.ignore = true
      options.dependents = true
      options.timeoutSeconds = timeoutSeconds
      for user in try store.containers.list(usingVolume: record.name) { try remove(user.id, options) }
    }
    if try store.volumes.get(record.name) == nil { return record.name }  // went with its last container
    let payload: JSON = ["directories": [.string(record.name)]]
    let intent = try store.transaction(durable: true) { () throws(Problem) in
      try store.volumes.delete(record.name)
      return HeldIntent(try store.intents.begin(kind: IntentKind.remove, payload: payload.text(), durable: true))
    }
    try doing("remove volume \(record.name)") { () throws(Errno) in try removeTree(paths.volume(record.name)) }
    store.locks.remove(.volume, record.name)
    try intent.finish(store, durable: false)
    tell(EngineEvent(.volume, .remove, name: record.name))
    return record.name
  }

  /// Removes the volumes that no container uses.
  public func pruneVolumes(_ filters: [ListFilter] = []) throws(Problem) -> PruneReport {
    var report = PruneReport()
    for record in try store().volumes.list() where try matches(record, filters) {
      if try !store().containers.list(usingVolume: record.name).isEmpty { continue }
      report.remove(record.name, holding: paths.volumeData(record.name)) { () throws(Problem) in
        try removeVolume(record.name)
        tell(EngineEvent(.volume, .prune, name: record.name))
      }
    }
    return report
  }

  /// Removes what is not running. Filters: label, label!, until.
  public func pruneContainers(_ filters: [ListFilter] = []) throws(Problem) -> PruneReport {
    for filter in filters where !["label", "label!", "until"].contains(filter.key) {
      throw Problem(
        code: .invalid, message: "--filter \(filter.key)=\(filter.value): unknown filter \"\(filter.key)\"",
        hint: "label and until are known")
    }
    var query = ListQuery()
    query.all = true
    query.filters = filters
    var report = PruneReport()
    // A container can only depend on older ones, which wait for it to go.
    for container in try list(query).reversed() {
      switch container.state {
      case .configured, .created, .stopped, .exited: break
      case .running, .paused, .stopping, .removing, .unknown: continue
      }
      report.remove(container.id, holding: paths.container(container.id) + "/upper") { () throws(Problem) in
        try remove(container.id)
      }
    }
    return report
  }
}

extension PruneReport {
  /// Removes one object by `body`, and notes how it went. - Parameter directory: what is measured first.
  fileprivate mutating func remove(_ name: String, holding directory: String, _ body: () throws(Problem) -> Void) {
    let bytes = DiskUsage.bytes(below: directory)
    do throws(Problem) {
      try body()
      removed.append(name)
      reclaimedBytes += bytes
    } catch {
      failures.append((name, error.sentence))
    }
  }
}
