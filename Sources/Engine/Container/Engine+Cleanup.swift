import CSys
import Glibc
public import Problems
import RuntimeClient
import StateStore
import Sys

extension Engine {
  /// Undoes what a run left after the container ended; the monitor's exit command. - Parameter remove: `--rm`.
  public func cleanup(_ name: String, remove: Bool) throws(Problem) {
    do throws(Problem) {
      try locked(id: try store().containers.lookup(name).id, writing: !remove) { (record) throws(Problem) in
        let config = try ContainerConfig(record)
        switch record.status.state {
        case .running, .paused, .stopping:
          throw Problem(code: .conflict, message: "container \(record.name) is still \(record.status.state.rawValue)")
        case .removing: return
        // A start that nobody finished: its command was killed.
        case .configured, .exited, .unknown:
          if exists(paths.bundle(record.id)) { try clean(record, config, force: true) }
        case .created, .stopped: break
        }
        if remove && config.options.removeWhenDone {
          try discard(record, config)
        } else {
          try settle(record, config)
        }
      }
    } catch  where error.code == .notFound {
      // Somebody else was quicker with the rows; a runtime that was still at work then may have left something.
      guard ObjectName.isValid(name), exists("\(paths.runtimeState)/\(name)") else { return }
      try program(programs.runtime(nil)).run("delete", "--force", name)
      try unprepare(name)
    }
  }

  /// Stopped → exited: runtime state, mounts and bundle go; the writable layer and the log stay.
  func settle(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) {
    guard record.status.state == .stopped || record.status.state == .created else { return }
    try clean(record, config, force: record.status.state == .created)
    var status = record.status
    status.state = status.exited ? .exited : .configured
    for session in try store().execSessions.list(ofContainer: record.id) { try store().execSessions.delete(session.id) }
    try store().containers.update(record.id, status, durable: !config.options.removeWhenDone)
    tell(.cleanup, of: record)
  }

  func clean(_ record: ContainerRecord, _ config: ContainerConfig, force: Bool) throws(Problem) {
    try deleteFromRuntime(record.id, config, force: force)
    try unprepare(record.id)
  }

  /// The runtime's own record and the cgroup. Nothing there is fine.
  func deleteFromRuntime(_ id: String, _ config: ContainerConfig, force: Bool) throws(Problem) {
    guard exists("\(paths.runtimeState)/\(id)") else { return }
    // A runtime that is gone leaves only force.
    guard !force, let runtime = try? runtime(of: config) else { return try deleteForced(id, config) }
    try runtime.run("delete", id)
  }

  /// All that is left of an ended `--rm` container, with as little waiting as possible. The caller holds its lock.
  func discard(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) {
    let id = record.id
    guard let runtime = try? runtime(of: config) else {  // gone: nothing to do beside its work
      try deleteForced(id, config)
      try unprepare(id)
      return try erase(record, config)
    }
    let deleting = try runtime.begin(["delete", id])
    let failure: Problem?
    do throws(Problem) {
      try disconnect(id)
      try unmountAll(id)
      try removeContainerDirectory(id)
      failure = nil
    } catch { failure = error }
    do throws(Problem) { try deleting.finish() } catch {
      // Its record may be gone from an earlier try; what matters is that no process is left.
      try deleteForced(id, config)
    }
    if let failure { throw failure }
    try removeBundle(id)
    try erase(record, config)
  }

  /// Removes the rows of a container of which nothing is left on disk but its volumes. The caller holds its lock.
  func erase(_ record: ContainerRecord, _ config: ContainerConfig) throws(Problem) {
    let store = try store()
    let id = record.id
    try removeContainerDirectory(id)
    try removeOwnShifts(config)
    let durable = !config.options.removeWhenDone
    try store.transaction(durable: durable) { () throws(Problem) in
      try store.containers.delete(id, durable: durable)
    }
    tell(.remove, of: record)
    if config.options.removeWhenDone { try removeAnonymousVolumes(config.anonymousVolumes) }
    store.locks.remove(.container, id)
  }

  /// Ids that only this container had: copies of layers for them are of no use any more.
  private func removeOwnShifts(_ config: ContainerConfig) throws(Problem) {
    guard let maps = config.maps, case .auto = config.options.userNamespace else { return }
    for layer in config.image?.layers ?? [] {
      try ShiftedLayer(layer: "\(paths.layers)/\(layer)", maps: maps).remove()
    }
  }

  func removeContainerDirectory(_ id: String) throws(Problem) {
    let path = paths.container(id)
    try doing("remove \(path)") { () throws(Errno) in try removeTree(path) }
  }

  /// Those that no other container uses.
  func removeAnonymousVolumes(_ names: [String]) throws(Problem) {
    let store = try store()
    for name in names {
      if try !store.containers.list(usingVolume: name).isEmpty { continue }
      do throws(Problem) {
        try store.volumes.delete(name, durable: false)
        tell(EngineEvent(.volume, .remove, name: name))
      } catch  where error.code == .notFound {}
      try doing("remove volume \(name)") { () throws(Errno) in try removeTree(paths.volume(name)) }
      store.locks.remove(.volume, name)
    }
  }
}
