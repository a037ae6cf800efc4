import CSys
import Glibc
import JSON
public import Problems
import StateStore
import Sys

extension Engine {
  /// Containers, oldest first. Takes no lock and writes nothing: states are as the kernel says this moment.
  public func list(_ query: ListQuery) throws(Problem) -> [ContainerSummary] {
    let filters = try ContainerFilters(query.filters, engine: self)
    // A filter by state looks at all; so does "the last n".
    let all = query.all || query.last != nil || filters.looksAtAll
    let store = try store()
    var records =
      all ? try store.containers.list() : try store.containers.list(in: [.created, .running, .paused, .stopping])
    var kept: [ContainerRecord] = []
    for record in records {
      let now = try observed(record)
      if !all, !Self.isShownAsRunning(now.status.state) { continue }
      if try filters.match(now) { kept.append(now) }
    }
    records = kept
    if let last = query.last, last >= 0 { records = Array(records.suffix(last)) }
    var result: [ContainerSummary] = []
    let networks = records.isEmpty ? [:] : try store.networks.namesByContainer()
    let ports = records.isEmpty ? [:] : try portsByContainer()
    for record in records {
      var summary = ContainerSummary(record)
      summary.networks = networks[record.id] ?? []
      if record.status.state.isAlive { summary.ports = ports[record.id] ?? [] }
      if query.sizes { summary.sizes = try sizes(of: record) }
      result.append(summary)
    }
    return result
  }

  /// Source: podman-ps(1): without --all only running containers.
  private static func isShownAsRunning(_ state: StateStore.ContainerState) -> Bool {
    switch state {
    case .running, .paused, .stopping: true
    case .configured, .created, .stopped, .exited, .removing, .unknown: false
    }
  }

  /// The full ID that a full name, full ID or unique prefix means.
  public func containerID(_ name: String) throws(Problem) -> String { try store().containers.lookup(name).id }
  public func containerExists(_ name: String) throws(Problem) -> Bool {
    do throws(Problem) {
      _ = try store().containers.lookup(name)
      return true
    } catch {
      if error.code == .notFound { return false }
      throw error
    }
  }
  /// The container made last. - Throws: `.notFound` where there is none.
  public func latestContainer() throws(Problem) -> String {
    let id = try store().database.row("SELECT id FROM containers ORDER BY created DESC, id DESC LIMIT 1") { row in
      row.text(0)
    }
    guard let id else {
      throw Problem(code: .notFound, message: "there is no container", hint: "make one with: berth run")
    }
    return id
  }
  /// IDs of all containers (of the running ones with `running`), oldest first.
  public func containerIDs(running: Bool = false) throws(Problem) -> [String] {
    var query = ListQuery()
    query.all = !running
    return try list(query).map(\.id)
  }

  /// Bytes of the writable layer, and of all that the container sees (PD-95).
  func sizes(of record: ContainerRecord) throws(Problem) -> ContainerSizes {
    let config = try ContainerConfig(try store().containers.get(record.id) ?? record)
    if case .rootfs(let path) = config.options.source {
      return ContainerSizes(writableBytes: 0, rootfsBytes: DiskUsage.bytes(below: path))
    }
    let writable = DiskUsage.bytes(below: paths.container(record.id) + "/upper")
    var layers: Int64 = 0
    for layer in config.image?.layers ?? [] { layers += try store().images.layer(layer)?.size ?? 0 }
    return ContainerSizes(writableBytes: writable, rootfsBytes: writable + layers)
  }
}

extension ContainerSummary {
  init(_ record: ContainerRecord) {
    let summary = try? JSON.parse(record.summary)
    self.init(
      id: record.id, name: record.name, image: record.imageName, imageID: record.imageID ?? "",
      command: summary?["command"]?.strings ?? [record.command], created: record.created,
      state: ContainerState(record.status.state),
      exitCode: record.status.exitCode, pid: record.status.pid, startedAt: record.status.started,
      finishedAt: record.status.finished,
      labels: (try? JSON.parse(record.labels))?.texts ?? [:], mounts: summary?["mounts"]?.strings ?? [],
      autoRemove: record.autoRemove)
  }
}

/// Sizes of trees on disk.
enum DiskUsage {
  /// Apparent bytes of all files below a path; hard links count once, what cannot be read counts nothing.
  static func bytes(below path: String) -> Int64 {
    guard let root = try? open(path, O_RDONLY | O_DIRECTORY) else { return 0 }
    var links: Set<UInt64> = []
    return bytes(root, &links)
  }
  private static func bytes(_ directory: borrowing OwnedFD, _ links: inout Set<UInt64>) -> Int64 {
    var total: Int64 = 0
    for entry in (try? entries(of: directory)) ?? [] {
      guard let found = try? status(at: directory, entry.name) else { continue }
      if found.isDirectory {
        if let child = try? open(at: directory, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW) {
          total += bytes(child, &links)
        }
      } else if found.isRegular, found.st_nlink < 2 || links.insert(UInt64(found.st_ino)).inserted {
        total += Int64(found.st_size)
      }
    }
    return total
  }
}
