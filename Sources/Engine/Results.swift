public import Networking

/// State of a container. Source: capability lines PD-36, G.3.
public enum ContainerState: String, CaseIterable, Sendable {
  case configured, created, running, paused, stopping, stopped, exited, removing, unknown
}

/// How the terminal or the pipes of a caller are joined to a container.
public struct AttachOptions: Sendable {
  public var stdin = true
  public var stdout = true
  public var stderr = true
  /// Pass the caller's signals on to the container (never with a terminal).
  public var signalProxy = true
  /// Format of `--detach-keys`; "" disables; nil is the container's, then ctrl-p,ctrl-q.
  public var detachKeys: String?
  public init() {}
}

/// How an attached run, attach or exec ended.
public enum AttachResult: Hashable, Sendable {
  /// 0...255, as the shell sees it: the command's own code, or 128 + signal.
  case exited(code: Int32)
  /// The user typed the detach keys; the container goes on.
  case detached
}

/// One `exec`.
public struct ExecOptions: Sendable {
  public var command: [String]
  public var environment: [String] = []
  public var environmentFiles: [String] = []
  public var user: String?
  public var workingDirectory: String?
  public var terminal = false
  public var interactive = false
  public var privileged = false
  public var preserveFDs = 0
  public var detachKeys: String?
  public init(_ command: [String]) { self.command = command }
}

/// What of a log to show.
public struct LogQuery: Sendable {
  public var follow = false
  public var timestamps = false
  /// Lines from the end; nil is all.
  public var tail: Int?
  /// RFC 3339, a Unix time, or a duration back from now ("10m").
  public var since: String?
  public var until: String?
  /// Begin each line with the container's name.
  public var names = false
  /// Begin each line with the container's ID, where not with its name: for logs of several.
  public var ids = false
  /// A colour of the terminal for each line, 1 (red) to 7 (white).
  public var color: Int?
  public init() {}
}

/// One `--filter key=value`.
public struct ListFilter: Hashable, Sendable {
  public var key: String
  public var value: String
  public init(key: String, value: String) {
    self.key = key
    self.value = value
  }
}

public struct ListQuery: Sendable {
  /// Stopped ones too.
  public var all = false
  /// Only the newest n, running or not; nil is no limit.
  public var last: Int?
  public var filters: [ListFilter] = []
  /// Measure the writable layer and the root filesystem.
  public var sizes = false
  public init() {}
}

/// One line of `ps`.
public struct ContainerSummary: Sendable {
  public var id: String
  public var name: String
  /// As the user named it; the path for `--rootfs`.
  public var image: String
  public var imageID: String
  public var command: [String]
  /// Nanoseconds since 1970.
  public var created: Int64
  public var state: ContainerState
  public var exitCode: Int32
  public var pid: Int32
  /// Nanoseconds since 1970; 0 is never.
  public var startedAt: Int64
  public var finishedAt: Int64
  public var labels: [String: String]
  /// Destinations in the container.
  public var mounts: [String]
  public var autoRemove: Bool
  /// Published ports; empty where it does not run.
  public var ports: [PublishedPort] = []
  /// Names of the networks that it belongs to.
  public var networks: [String] = []
  /// Bytes of the writable layer and of the whole root filesystem; only when asked for.
  public var sizes: ContainerSizes?
}

/// One step of an image's history.
public struct ImageStep: Sendable {
  /// Of the image that the step made; only the last one's is known.
  public var id: String?
  /// Nanoseconds since 1970; 0 is not known.
  public var created: Int64
  public var createdBy: String
  /// Bytes of its layer.
  public var size: Int64
  public var comment: String
  public var tags: [String]
}

public struct ContainerSizes: Hashable, Sendable {
  public var writableBytes: Int64
  public var rootfsBytes: Int64
}

public struct RemoveOptions: Sendable {
  /// Kill it first where it runs.
  public var force = false
  /// Remove its anonymous volumes, too.
  public var volumes = false
  /// A container that is not there is fine.
  public var ignore = false
  /// Remove the containers that share its namespaces, too.
  public var dependents = false
  /// Seconds to wait between stop signal and SIGKILL with `force`; nil is 0: kill at once.
  public var timeoutSeconds: Int?
  public init() {}
}

/// What a prune did.
public struct PruneReport: Sendable {
  public var removed: [String] = []
  public var reclaimedBytes: Int64 = 0
  /// What could not be removed, and why.
  public var failures: [(name: String, reason: String)] = []
}

public struct VolumeOptions: Sendable {
  /// nil makes one up.
  public var name: String?
  public var labels: [String: String] = [:]
  /// Of the local driver: o=uid=ID,gid=ID.
  public var driverOptions: [String: String] = [:]
  public var driver = "local"
  /// A volume of that name is fine.
  public var ignore = false
  public init() {}
}

public struct VolumeSummary: Sendable {
  public var name: String
  public var driver: String
  public var mountpoint: String
  /// Nanoseconds since 1970.
  public var created: Int64
  public var labels: [String: String]
  public var options: [String: String]
  public var anonymous: Bool
}
