import Rootless

/// A container's configuration as it is stored: the user's options with the image's defaults worked in, so that a start
/// reads nothing else.
struct ContainerConfig: Sendable {
  /// What of the image a container keeps.
  struct Image: Hashable, Sendable {
    /// 64 hex digits.
    var id: String
    /// As the user named it, and in full.
    var rawName: String
    var name: String
    /// Diff IDs, base first: the directories of `layers/`.
    var layers: [String]
  }
  /// nil with `--rootfs`.
  var image: Image?
  /// As the user gave them; what is resolved below wins.
  var options: ContainerOptions
  /// argv of the process: entrypoint and command.
  var arguments: [String]
  /// Image, then files, then `--env`; what depends on the start (HOME, HOSTNAME) is not in.
  var environment: [String]
  /// name|uid[:group|gid]; "" is root.
  var user: String
  var workingDirectory: String
  var stopSignal: Int32
  var stopTimeoutSeconds: Int
  var labels: [String: String]
  /// Every volume has its name here, made up for anonymous ones.
  var mounts: [ContainerMount]
  var anonymousVolumes: [String] = []
  var entrypoint: [String]?
  var command: [String]?
  /// Containers whose namespaces it joins: full IDs.
  var dependencies: [String] = []
  var exposedPorts: [String] = []
  /// Of a user namespace that is not the engine's.
  var maps: UserNamespace?

  enum Default {
    /// Seconds. Source: podman-stop(1).
    static let stopTimeoutSeconds = 10
    static let stopSignal: Int32 = 15
    /// Bytes. Source: podman-run(1), "--shm-size".
    static let shmSizeBytes: Int64 = 64 << 20
    /// Processes. Source: containers.conf(5), "pids_limit".
    static let pidsLimit: Int64 = 2048
  }

  var isPrivileged: Bool { options.privileged }
  /// The hostname that the container sees, where it has a UTS namespace of its own.
  func hostname(id: String) -> String { options.hostname ?? String(id.prefix(12)) }
}
