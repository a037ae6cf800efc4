import CSys
import Glibc
import JSON
import MonitorProtocol
public import Problems
import RuntimeClient
import StateStore
import Sys

extension Engine {
  /// - Returns: its ID; nil where it was not there and `ignore` is set.
  @discardableResult
  public func remove(_ name: String, _ options: RemoveOptions = RemoveOptions()) throws(Problem) -> String? {
    let id: String
    do throws(Problem) { id = try store().containers.lookup(name).id } catch {
      if error.code == .notFound && options.ignore { return nil }
      throw error
    }
    try removeDependents(of: id, options)
    if options.force, let seconds = options.timeoutSeconds, seconds > 0 { try stopFirst(id, seconds) }
    do throws(Problem) {
      try locked(id: id) { (record) throws(Problem) in try removeLocked(record, options) }
    } catch  where error.code == .notFound {}  // somebody else removed it
    return id
  }

  /// Containers that share its namespaces cannot go on without it (PD-50).
  private func removeDependents(of id: String, _ options: RemoveOptions) throws(Problem) {
    let dependents = try dependents(of: id)
    if dependents.isEmpty { return }
    guard options.dependents else {
      let names = dependents.map { "\($0.id.prefix(12)) (\($0.name))" }.joined(separator: ", ")
      throw Problem(
        code: .conflict,
        message: "container \(id.prefix(12)) has dependent containers which must be removed before it: \(names)",
        hint: "remove them with it: berth rm --depend")
    }
    for dependent in dependents {
      var further = options
      further.ignore = true
      try remove(dependent.id, further)
    }
  }
  private func dependents(of id: String) throws(Problem) -> [(id: String, name: String)] {
    let rows = try store().database.rows(
      "SELECT id, name, summary FROM containers WHERE instr(summary, ?1) > 0 AND id <> ?1", [.text(id)]
    ) { row in (row.text(0), row.text(1), row.text(2)) }
    return rows.filter { row in (try? JSON.parse(row.2))?["dependencies"]?.strings?.contains(id) == true }.map {
      ($0.0, $0.1)
    }
  }

  private func stopFirst(_ id: String, _ seconds: Int) throws(Problem) {
    let state = try observed(try store().containers.lookup(id)).status.state
    switch state {
    case .running, .stopping:
      do throws(Problem) { try stop(id, timeoutSeconds: seconds) } catch
        where error.code == .conflict || error.code == .notFound
      {}
    case .configured, .created, .paused, .stopped, .exited, .removing, .unknown: break
    }
  }

  private func removeLocked(_ record: ContainerRecord, _ options: RemoveOptions) throws(Problem) {
    switch record.status.state {
    case .running, .stopping, .paused:
      guard options.force else {
        throw Problem(
          code: .conflict,
          message:
            "cannot remove container \(record.name), as it is \(record.status.state == .paused ? "paused" : "running")",
          hint: "stop it first, or use --force")
      }
    case .configured, .created, .stopped, .exited, .removing, .unknown: break
    }
    let store = try store()
    let config = try ContainerConfig(record)
    let volumes = options.volumes || config.options.removeWhenDone ? config.anonymousVolumes : []
    let payload: JSON = ["id": .string(record.id), "volumes": JSON(volumes)]
    var status = record.status
    status.state = .removing
    let marked = status
    let durable = !config.options.removeWhenDone
    let intent = try store.transaction(durable: durable) { () throws(Problem) in
      try store.containers.update(record.id, marked, durable: durable)
      return HeldIntent(try store.intents.begin(kind: IntentKind.remove, payload: payload.text(), durable: durable))
    }
    try removeAll(record, config, volumes)
    try intent.finish(store, durable: durable)
  }

  /// Everything of a container in an order in which a second try can begin again:
  /// processes, mounts, files, rows, volumes.
  private func removeAll(_ record: ContainerRecord, _ config: ContainerConfig, _ volumes: [String]) throws(Problem) {
    try killAll(record, config)
    let wasAlive = record.status.state.isAlive
    if wasAlive { tell(.died, of: record, exitCode: (try? awaitExitFile(record))?.code) }
    try unprepare(record.id)
    if wasAlive || record.status.state == .stopped { tell(.cleanup, of: record) }
    try erase(record, config)
    try removeAnonymousVolumes(volumes)
  }

  /// No process of the container, no cgroup and no record of the runtime's is left afterwards.
  private func killAll(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) {
    if let process = ProcessHandle(pid: record.status.pid, startTime: record.status.startTime) {
      try? process.signal(SIGKILL)
      try deleteForced(record.id, config)
      if process.hasEnded(milliseconds: Limit.killMilliseconds) { return }
      throw Problem(code: .timeout, message: "container \(record.name) does not end after SIGKILL")
    }
    try deleteForced(record.id, config)
  }

  /// Finishes or takes back what killed commands left. Costs one query where nothing is left.
  ///
  /// What fails stays for the next command, and is told: one container's trouble does not stop work on the others.
  func repairContainers(_ store: Store) {
    do throws(Problem) {
      let failures = try store.intents.repairLeftovers(kinds: [IntentKind.start, IntentKind.remove]) {
        (kind, payload) throws(Problem) in
        do throws(Problem) {
          if kind == IntentKind.start { try repairStart(payload) } else { try repairRemoval(payload) }
        } catch {
          let what = kind == IntentKind.start ? "take back an interrupted start" : "finish an interrupted removal"
          throw Problem(
            code: error.code, message: "\(what) of \(object(ofIntent: payload, kind, store))",
            hint: error.hint ?? "the next command tries again; see what is mounted or open there", cause: error)
        }
      }
      for failure in failures { warning?(failure) }
    } catch { warning?(error) }
  }

  /// For a message: "container web".
  private func object(ofIntent payload: String, _ kind: String, _ store: Store) -> String {
    let json = kind == IntentKind.start ? JSON(payload) : (try? JSON.parse(payload))?["id"] ?? .null
    guard let id = json.string else { return "a volume" }
    // Without a row, the ID is all that is known.
    let name = (try? store.containers.get(id))?.name
    return "container \(name ?? String(id.prefix(12)))"
  }

  /// A start that nobody acknowledged: what it brought up goes; a container of `run --rm` goes as a whole.
  private func repairStart(_ id: String) throws(Problem) {
    let store = try store()
    let lock = try store.locks.acquire(.container, id)
    guard let record = try store.containers.get(id) else {
      store.locks.remove(.container, id)
      return
    }
    let config = try ContainerConfig(record)
    // The row says running only when the start was complete.
    if record.status.state != .running
      || ProcessHandle(pid: record.status.pid, startTime: record.status.startTime) == nil
    {
      try killAll(record, config)
      try unprepare(id)
      if config.options.removeWhenDone {
        try erase(record, config)
      } else {
        var status = record.status
        status.state = status.exited ? .exited : .configured
        try store.containers.update(id, status, durable: true)
      }
    }
    _ = consume lock
  }

  private func repairRemoval(_ payload: String) throws(Problem) {
    let store = try store()
    guard let json = try? JSON.parse(payload) else { return }
    // Volumes whose rows are gone; one that was made anew under its name stays.
    for name in json["directories"]?.strings ?? [] where try store.volumes.get(name) == nil {
      try doing("remove volume \(name)") { () throws(Errno) in try removeTree(paths.volume(name)) }
      store.locks.remove(.volume, name)
    }
    guard let id = json["id"]?.string else { return }
    let volumes = json["volumes"]?.strings ?? []
    let lock = try store.locks.acquire(.container, id)
    if let record = try store.containers.get(id) {
      try removeAll(record, try ContainerConfig(record), volumes)
    } else {
      try removeAnonymousVolumes(volumes)
      store.locks.remove(.container, id)
    }
    _ = consume lock
  }
}
