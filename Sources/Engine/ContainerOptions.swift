public import Networking

/// Everything that `create` and `run` can say about a container, as plain values.
///
/// nil means "not said": the image's value, then the default, applies.
public struct ContainerOptions: Sendable {
  /// Where the root filesystem comes from.
  public enum Source: Hashable, Sendable {
    /// A reference, a name or (a prefix of) an image ID.
    case image(String)
    /// An existing directory, used in place: absolute path.
    case rootfs(String)
  }
  public var source: Source
  /// What follows the image: replaces the image's Cmd.
  public var command: [String] = []
  /// Replaces the image's Entrypoint and drops its Cmd; an empty list clears it.
  public var entrypoint: [String]?
  public var name: String?

  // Process
  /// `NAME=value`, `NAME` (the caller's own value, where it has one) or `PREFIX*`.
  public var environment: [String] = []
  /// Paths of files in `--env-file`'s format.
  public var environmentFiles: [String] = []
  /// name|uid[:group|gid], resolved inside the container.
  public var user: String?
  public var groupAdd: [String] = []
  public var workingDirectory: String?
  public var terminal = false
  /// Keep stdin open although nobody is attached.
  public var interactive = false
  /// Octal file mode creation mask.
  public var umask: String?
  public var timezone: String?
  public var ulimits: [Ulimit] = []
  /// Run `berth-init` as PID 1.
  public var initProcess = false
  /// Path of the init; nil is Berth's own.
  public var initPath: String?
  public var stopSignal: Int32?
  /// Seconds from the stop signal to SIGKILL.
  public var stopTimeoutSeconds: Int?
  /// Descriptors 3 ... 3+n-1 of the caller go into the container.
  public var preserveFDs = 0
  public var oomScoreAdjust: Int?

  // Names and records
  public var hostname: String?
  public var labels: [String: String] = [:]
  public var labelFiles: [String] = []
  public var annotations: [String: String] = [:]
  /// "name:address".
  public var addHosts: [HostEntry] = []
  public var cidFile: String?
  public var pidFile: String?
  /// The command line that made it; recorded for `inspect`.
  public var createCommand: [String] = []
  /// Remove the container when it ends.
  public var removeWhenDone = false
  /// Replace a container of the same name.
  public var replace = false

  // File systems
  public var mounts: [ContainerMount] = []
  public var readOnly = false
  /// With `readOnly`: tmpfs on /run, /tmp, /var/tmp and a writable /dev.
  public var readOnlyTmpfs = true
  /// Bytes of /dev/shm.
  public var shmSizeBytes: Int64?
  public var devices: [DeviceMapping] = []
  /// "c 10:200 rwm".
  public var deviceCgroupRules: [String] = []

  // Security
  public var privileged = false
  public var capAdd: [String] = []
  public var capDrop: [String] = []
  /// As given to `--security-opt`: seccomp=PATH|unconfined, no-new-privileges[=bool], mask=A:B, unmask=ALL|A:B,
  /// label=disable, apparmor=unconfined.
  public var securityOptions: [String] = []
  /// name, value.
  public var sysctls: [(name: String, value: String)] = []

  // Namespaces
  public var pid = NamespaceMode.private
  public var ipc = NamespaceMode.private
  public var uts = NamespaceMode.private
  /// nil is private on cgroup v2, host on v1 (podman's default).
  public var cgroupNamespace: NamespaceMode?
  /// The clocks since boot.
  public var time = NamespaceMode.host
  /// nil is `host`, or `private` with maps.
  public var userNamespaceMode: UserNamespaceMode?
  public var uidMaps: [IDMapRequest] = []
  public var gidMaps: [IDMapRequest] = []
  /// Whose ranges of `/etc/subuid` and `/etc/subgid` the container gets.
  public var subUIDName: String?
  public var subGIDName: String?
  public var network = NetworkMode.bridge
  /// With `.bridge`: the networks to join; empty is the default network.
  public var networks: [NetworkRequest] = []
  /// For the one network: `--ip`, `--ip6`, `--mac-address`.
  public var ipAddress: IPAddress?
  public var ip6Address: IPAddress?
  public var macAddress: MACAddress?
  /// On every network of the container.
  public var networkAliases: [String] = []

  // Ports and names
  public var published: [PortMapping] = []
  /// Publish all exposed ports.
  public var publishesAll = false
  /// Besides the image's.
  public var exposed: [PortMapping] = []
  /// Name servers; ["none"] leaves the image's resolv.conf alone.
  public var dnsServers: [String] = []
  /// Search domains; ["."] is none.
  public var dnsSearch: [String] = []
  public var dnsOptions: [String] = []
  /// Leave the image's /etc/hosts alone.
  public var noHosts = false
  /// Leave the image's /etc/hostname alone.
  public var noHostname = false

  // Limits; bytes unless said otherwise
  public var memoryBytes: Int64?
  /// Memory and swap together; -1 is no limit.
  public var memorySwapBytes: Int64?
  public var memoryReservationBytes: Int64?
  public var memorySwappiness: UInt64?
  public var oomKillDisable = false
  /// `--cpus` in billionths of a CPU.
  public var nanoCPUs: Int64?
  public var cpuShares: UInt64?
  public var cpuQuotaMicroseconds: Int64?
  public var cpuPeriodMicroseconds: UInt64?
  public var cpusetCPUs: String?
  public var cpusetMemories: String?
  /// 0 or -1 is no limit; nil is the default (2048).
  public var pidsLimit: Int64?
  public var blockIOWeight: UInt16?
  public var deviceRates: [DeviceRate] = []
  /// Parent cgroup; nil is /berth.
  public var cgroupParent: String?

  // Image and programs
  public var pull = PullPolicy.missing
  /// os/arch[/variant].
  public var platform: String?
  public var pullOptions = PullSettings()
  /// Path or name of the OCI runtime; nil is the engine's.
  public var runtime: String?

  // Log
  public var logDriver: LogDriver = .k8sFile
  /// path, tag, max-size as given to `--log-opt`.
  public var logOptions: [(name: String, value: String)] = []
  /// Format of `--detach-keys`; "" disables; nil is ctrl-p,ctrl-q.
  public var detachKeys: String?

  public init(_ source: Source) { self.source = source }
}

/// How a registry is asked when an image has to be fetched first.
public struct PullSettings: Hashable, Sendable {
  public var tlsVerify: Bool?
  public var certDirectory: String?
  public var authFile: String?
  /// policy.json; nil is the user's, then the system's.
  public var signaturePolicy: String?
  public var quiet = false
  public init() {}
}

/// When `create` and `run` ask the registry.
public enum PullPolicy: String, CaseIterable, Sendable {
  case always, missing, never
  /// Fetch where the registry has a newer one; keep the local one where it cannot be asked.
  case newer
}

public enum LogDriver: String, CaseIterable, Sendable {
  case k8sFile = "k8s-file"
  case jsonFile = "json-file"
  case none
}

/// A pid, ipc, uts, cgroup or time namespace of a container.
public enum NamespaceMode: Hashable, Sendable {
  case host, `private`
  /// ipc: private, and others may join.
  case shareable
  /// ipc: private, without /dev/shm.
  case none
  /// That of another container: name or ID.
  case container(String)
  /// An existing one by path.
  case path(String)
}

public enum NetworkMode: Hashable, Sendable {
  /// An own namespace, joined to networks.
  case bridge
  /// An own namespace with nothing but loopback.
  case none
  case host
  case container(String)
  case path(String)
  /// An own namespace with a way out that needs no privilege, and further flags of pasta(1).
  case pasta([String])
  /// The same by slirp4netns(1), with podman's options for it.
  case slirp([String])
  /// The network namespace is the container's own.
  var isOwn: Bool {
    switch self {
    case .bridge, .none, .pasta, .slirp: true
    case .host, .container, .path: false
    }
  }
}

/// One `--device host[:container[:rwm]]`.
public struct DeviceMapping: Hashable, Sendable {
  public var hostPath: String
  public var containerPath: String
  /// Some of "rwm".
  public var access: String
  public init(hostPath: String, containerPath: String, access: String = "rwm") {
    self.hostPath = hostPath
    self.containerPath = containerPath
    self.access = access
  }
}

/// One `--ulimit name=soft[:hard]`; -1 is unlimited.
public struct Ulimit: Hashable, Sendable {
  /// Without RLIMIT_, lower case: "nofile".
  public var name: String
  public var soft: Int64
  public var hard: Int64
  public init(name: String, soft: Int64, hard: Int64) {
    self.name = name
    self.soft = soft
    self.hard = hard
  }
}

/// One `--add-host name:address`.
public struct HostEntry: Hashable, Sendable {
  public var name: String
  public var address: String
  public init(name: String, address: String) {
    self.name = name
    self.address = address
  }
}
