import Glibc
import ImageStore
import JSON
public import Problems
import Rootless
import StateStore
import Sys

/// An intent that outlives one function; finished exactly once, or left to the next command.
final class HeldIntent {
  private let id: String
  private var intent: Intent?
  init(_ intent: consuming Intent) {
    id = intent.id
    self.intent = consume intent
  }
  /// Its row goes with the caller's transaction; `release` follows when that is committed. Without the lock others
  /// would take the row, which they still see, for a dead command's.
  func erase(_ store: Store) throws(Problem) {
    try store.intents.erase(id)
  }
  func release(_ store: Store) {
    guard let intent = intent.take() else { return }
    store.locks.remove(.intent, id)
    _ = consume intent
  }
  func finish(_ store: Store, durable: Bool) throws(Problem) {
    guard let intent = intent.take() else { return }
    try store.intents.finish(intent, durable: durable)
  }
}

/// A container that was just made, with all that a start would have to read again.
struct NewContainer {
  var record: ContainerRecord
  var config: ContainerConfig
  /// Held where the container is about to be started by the same command.
  var intent: HeldIntent?
}

extension Engine {
  /// Makes a container; its image is fetched as `options.pull` says.
  /// - Returns: its ID.
  public func create(_ options: ContainerOptions) throws(Problem) -> String {
    try make(options, startFollows: false).record.id
  }

  /// One transaction makes a container: what is on disk of it (writable layer, volumes) comes into being when it is
  /// first started, so that nothing half made can be left.
  func make(_ options: ContainerOptions, startFollows: Bool) throws(Problem) -> NewContainer {
    let store = try store()
    if options.replace, let name = options.name, let old = try store.names.owner(of: name) {
      var removal = RemoveOptions()
      removal.force = true
      removal.ignore = true
      try remove(old.id, removal)
    }
    var config = try resolved(options)
    config.options.runtime = options.runtime ?? self.options.runtime
    _ = try programs.runtime(config.options.runtime)
    warnOfUnusedPorts(options)
    config.dependencies = try dependencies(of: config.options)
    let networks = try memberships(of: &config.options)
    let plan = try mapPlan(of: config.options, layers: config.image?.layers ?? [])
    if options.hasExplicitMaps { config.options.userNamespaceMode = .private }
    if case .keepID(let uid, let gid) = options.userNamespace, config.user.isEmpty {
      let own = try userNamespace()
      config.user = "\(uid ?? own.uids.callerID):\(gid ?? own.gids.callerID)"
    }
    let id = Identity.random()
    let new = try insert(id, config, networks, plan, created: Timestamp.now(), startFollows: startFollows)
    if let path = options.cidFile {
      try doing("write container ID file \(path)") { () throws(Errno) in
        try replaceFile(path, with: Array(id.utf8), durable: false)
      }
    }
    return new
  }

  /// Source: capability line PD-137; podman's words.
  private func warnOfUnusedPorts(_ options: ContainerOptions) {
    guard !options.published.isEmpty || options.publishesAll else { return }
    switch options.network {
    case .bridge, .pasta, .slirp: return
    case .none, .host, .container, .path: break
    }
    warning?(
      Problem(
        code: .invalid,
        message: "port mappings have been discarded: with --network \(options.network.text) there is nothing to publish"
      ))
  }

  private func resolved(_ options: ContainerOptions) throws(Problem) -> ContainerConfig {
    var image: ContainerConfig.Image?
    var defaults = Resolution.ImageDefaults()
    if case .image(let name) = options.source {
      let found = try self.image(
        name, policy: options.pull, platform: options.platform, settings: options.pullOptions,
        progress: { pullProgress?($0) })
      let record = found.image
      image = ContainerConfig.Image(id: record.id, rawName: name, name: found.name ?? name, layers: record.layers)
      do throws(JSON.ParseError) { defaults = Resolution.ImageDefaults(json: try JSON.parse(record.config)) } catch {
        throw Problem(code: .bug, message: "the stored configuration of image \(name) is damaged", cause: error)
      }
    }
    let resolution = Resolution(
      options: options, image: image, defaults: defaults, hostEnvironment: currentEnvironment(),
      hostName: HostName.current())
    return try resolution.config()
  }

  /// Containers whose namespaces are joined, as full IDs (PD-41).
  private func dependencies(of options: ContainerOptions) throws(Problem) -> [String] {
    var names: [String] = []
    for mode in [options.pid, options.ipc, options.uts, options.cgroupNamespace ?? .private, options.time] {
      if case .container(let name) = mode { names.append(name) }
    }
    if case .container(let name) = options.network { names.append(name) }
    if case .container(let name) = options.userNamespace { names.append(name) }
    var ids: [String] = []
    for name in names {
      let id = try store().containers.lookup(name).id
      if !ids.contains(id) { ids.append(id) }
    }
    return ids
  }

  private func insert(
    _ id: String, _ config: ContainerConfig, _ networks: [NetworkMembership], _ plan: MapPlan, created: Int64,
    startFollows: Bool
  ) throws(Problem) -> NewContainer {
    let store = try store()
    let durable = !config.options.removeWhenDone
    var attempt = 0
    while true {
      attempt += 1
      let name = config.options.name ?? Identity.containerName(attempt: attempt)
      if config.options.name == nil, attempt < Self.nameAttemptsMax, try store.names.owner(of: name) != nil { continue }
      let record = ContainerRecord(
        id: id, name: name, imageID: config.image?.id, imageName: config.imageTitle,
        command: config.arguments.joined(separator: " "),
        created: created, labels: JSON(config.labels).text(), summary: config.summary.text(),
        autoRemove: config.options.removeWhenDone,
        config: config.json.text())
      do throws(Problem) {
        return try insert(record, config, networks, plan, durable: durable, startFollows: startFollows)
      } catch {
        // Another command took the name since we looked: that is nobody's concern where we chose it.
        guard error.code == .conflict, config.options.name == nil, attempt < Self.nameAttemptsMax else { throw error }
      }
    }
  }

  private func insert(
    _ record: ContainerRecord, _ config: ContainerConfig, _ networks: [NetworkMembership], _ plan: MapPlan,
    durable: Bool, startFollows: Bool
  ) throws(Problem) -> NewContainer {
    let store = try store()
    var (record, config) = (record, config)
    var events: [EngineEvent] = []
    let intent = try store.transaction(durable: durable) { () throws(Problem) -> HeldIntent? in
      for volume in config.volumeNames
      where try ensureVolumeRow(
        volume, anonymous: config.anonymousVolumes.contains(volume), created: record.created)
      { events.append(EngineEvent(.volume, .create, name: volume)) }
      try store.containers.insert(record, volumes: config.volumeDestinations, networks: networks)
      if let maps = try takeMaps(plan, owner: record.id) {
        config.maps = maps
        record.config = config.json.text()
        try store.containers.update(record.id, config: record.config, summary: record.summary)
      }
      return startFollows
        ? HeldIntent(try store.intents.begin(kind: IntentKind.start, payload: record.id, durable: durable)) : nil
    }
    tell(events + [EngineEvent(.create, record)])
    return NewContainer(record: record, config: config, intent: intent)
  }
  private static let nameAttemptsMax = 20

  /// - Returns: whether it was not there yet.
  private func ensureVolumeRow(_ name: String, anonymous: Bool, created: Int64) throws(Problem) -> Bool {
    if try store().volumes.get(name) != nil { return false }
    try store().volumes.insert(VolumeRecord(name: name, created: created, anonymous: anonymous))
    return true
  }
}

extension ContainerConfig {
  /// For listings.
  var imageTitle: String {
    if let image { return image.name }
    if case .rootfs(let path) = options.source { return path }
    return ""
  }
  /// What listings show without reading the configuration.
  var summary: JSON {
    var writer = RecordWriter()
    writer.put("command", arguments)
    writer.put("mounts", mounts.map(\.destination))
    writer.put("volumes", volumeNames)
    writer.put("ports", exposedPorts)
    writer.put("dependencies", dependencies)
    return writer.json
  }
  var volumeDestinations: [(name: String, destination: String)] {
    mounts.compactMap { mount in
      if case .volume(let name?) = mount.kind { (name, mount.destination) } else { nil }
    }
  }
  var volumeNames: [String] { volumeDestinations.map(\.name) }
}
