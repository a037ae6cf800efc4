package import Problems

/// Where a container is in its life. Source: PD-36; podman's `define.ContainerStatus`.
package enum ContainerState: String, CaseIterable, Sendable {
  case configured, created, running, paused, stopping, stopped, exited, removing, unknown

  /// - Throws: `.invalid` for a word that is no state.
  package init(parsing text: String) throws(Problem) {
    guard let state = ContainerState(rawValue: text) else {
      throw Problem(
        code: .invalid, message: "\"\(text)\" is not a container state",
        hint: "states are \(ContainerState.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    self = state
  }
}

/// What changes while a container lives. Times are nanoseconds since 1970, 0 for "never".
package struct ContainerStatus: Hashable, Sendable {
  package var state: ContainerState
  /// The first process, on the host; with its start time (clock ticks since boot) it names one process.
  package var pid: Int32 = 0
  package var startTime: UInt64 = 0
  package var monitorPid: Int32 = 0
  package var monitorStartTime: UInt64 = 0
  /// Whether it ever ended; then `exitCode` means something.
  package var exited = false
  package var exitCode: Int32 = 0
  package var started: Int64 = 0
  package var finished: Int64 = 0
  package var outOfMemory = false
  package var stoppedByUser = false
  package var restartCount = 0
  /// Why the last start failed; "" if it did not.
  package var error = ""

  package init(state: ContainerState) { self.state = state }
}

/// A container as the database knows it.
package struct ContainerRecord: Sendable {
  /// 64 hex digits.
  package let id: String
  package let name: String
  /// The image's ID, 64 hex digits; nil with `--rootfs`.
  package let imageID: String?
  /// The image as the user named it, for listings.
  package let imageName: String
  /// The command line, for listings.
  package let command: String
  package let created: Int64
  /// A JSON object of strings.
  package let labels: String
  /// What listings show beyond the columns, as the engine's own JSON; read without the whole configuration.
  package let summary: String
  /// Removed when it exits: its rows need no fsync.
  package let autoRemove: Bool
  /// The engine's own JSON; "" where it was not asked for.
  package var config: String
  package var status: ContainerStatus

  package init(
    id: String, name: String, imageID: String?, imageName: String = "", command: String = "", created: Int64,
    labels: String = "{}", summary: String = "{}", autoRemove: Bool = false, config: String,
    status: ContainerStatus = ContainerStatus(state: .configured)
  ) {
    self.id = id
    self.name = name
    self.imageID = imageID
    self.imageName = imageName
    self.command = command
    self.created = created
    self.labels = labels
    self.summary = summary
    self.autoRemove = autoRemove
    self.config = config
    self.status = status
  }

  static let columns = """
    id, name, image_id, image_name, command, created, labels, summary, auto_remove, state, pid, start_time, \
    monitor_pid, monitor_start_time, exited, exit_code, started, finished, oom, stopped_by_user, restart_count, error
    """

  /// Reads `columns`, and then the configuration where the query has it.
  init(_ row: Row, withConfig: Bool) {
    id = row.text(0)
    name = row.text(1)
    imageID = row.optionalText(2)
    imageName = row.text(3)
    command = row.text(4)
    created = row.integer(5)
    labels = row.text(6)
    summary = row.text(7)
    autoRemove = row.bool(8)
    status = ContainerStatus(state: ContainerState(rawValue: row.text(9)) ?? .unknown)
    status.pid = Int32(truncatingIfNeeded: row.integer(10))
    status.startTime = UInt64(bitPattern: row.integer(11))
    status.monitorPid = Int32(truncatingIfNeeded: row.integer(12))
    status.monitorStartTime = UInt64(bitPattern: row.integer(13))
    status.exited = row.bool(14)
    status.exitCode = Int32(truncatingIfNeeded: row.integer(15))
    status.started = row.integer(16)
    status.finished = row.integer(17)
    status.outOfMemory = row.bool(18)
    status.stoppedByUser = row.bool(19)
    status.restartCount = Int(row.integer(20))
    status.error = row.text(21)
    config = withConfig ? row.text(22) : ""
  }
}
