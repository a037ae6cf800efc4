/// What `berth-monitor` is told on descriptor 3: one container, or one exec session in it.
package struct MonitorConfiguration: Equatable, Sendable {
  /// Where the output goes. Source: capabilities, PD-79.
  package struct Log: Equatable, Sendable {
    package enum Driver: String, CaseIterable, Sendable {
      /// CRI's text lines: `time stream F|P text`.
      case k8sFile = "k8s-file"
      /// Docker's JSON lines.
      case jsonFile = "json-file"
      case none
    }
    package var driver: Driver
    /// Unused with `.none`.
    package var path: String
    /// Bytes from which the file is renamed to `path.1` and begun anew; nil or less than 1 is no limit.
    package var maxSizeBytes: Int64?
    package var tag: String?
    package var labels: [String: String]

    package init(
      driver: Driver, path: String = "", maxSizeBytes: Int64? = nil, tag: String? = nil, labels: [String: String] = [:]
    ) {
      self.driver = driver
      self.path = path
      self.maxSizeBytes = maxSizeBytes
      self.tag = tag
      self.labels = labels
    }
  }

  /// A further process in a running container: `runtime exec` instead of `create`.
  package struct Exec: Equatable, Sendable {
    /// The OCI process, JSON, as `runtime exec --process` reads it.
    package var processFile: String
    /// The session's own name.
    package var id: String

    package init(processFile: String, id: String) {
      self.processFile = processFile
      self.id = id
    }
  }

  /// The container's ID, as the OCI runtime knows it.
  package var id: String
  package var name: String
  package var bundle: String
  /// The OCI runtime, an absolute path.
  package var runtime: String
  /// Global options of the runtime, such as `--root DIR`: they come before `create`.
  package var runtimeArguments: [String]
  package var terminal: Bool
  /// Standard input is a pipe (or the terminal) that clients write to; otherwise it is /dev/null.
  package var stdinOpen: Bool
  /// Standard input is closed when the first client sends its end or goes.
  package var stdinOnce: Bool
  package var log: Log
  /// Written once, as a whole, when the process has ended: an `ExitRecord`.
  package var exitFile: String
  /// Written by the runtime: the pid on the host.
  package var pidFile: String
  package var monitorPidFile: String?
  /// Path of the SEQPACKET socket for clients; nil is none.
  package var attachSocket: String?
  /// Made (empty) when the kernel killed a process of the container for memory.
  package var oomFile: String?
  /// Run, detached, after the exit file is there; empty is none.
  ///
  /// While the client of descriptor 5 stays connected after it got `exit`, the command waits: a `detach` packet from
  /// it then says that it has cleaned up itself, and the command is not run at all; a connection that ends without
  /// one (the client died, or had left before) lets it run. An attached `run --rm` saves a process by this.
  package var exitCommand: [String]
  package var exec: Exec?
  /// Descriptors from 3 on that the container inherits: the monitor gets them from 6 on.
  package var preserveFDs: Int
  /// Descriptor 5 is the first client's socket.
  package var attachFD: Bool
  /// Where the monitor tells its own trouble; nil is nowhere.
  package var monitorLog: String?
  /// The runtime's `run --detach` instead of `create`: the container's process runs when the answer is given, and no
  /// `start` follows.
  package var startsAtOnce: Bool
  /// `--no-pivot` for the runtime.
  package var noPivot: Bool
  /// The exit file is synced to disk; false suits a container that is removed when it ends.
  package var durable: Bool

  package init(
    id: String, name: String = "", bundle: String, runtime: String, runtimeArguments: [String] = [],
    terminal: Bool = false, stdinOpen: Bool = false, stdinOnce: Bool = false, log: Log = Log(driver: .none),
    exitFile: String, pidFile: String, monitorPidFile: String? = nil, attachSocket: String? = nil,
    oomFile: String? = nil, exitCommand: [String] = [], exec: Exec? = nil, preserveFDs: Int = 0,
    attachFD: Bool = false, monitorLog: String? = nil, startsAtOnce: Bool = false, noPivot: Bool = false,
    durable: Bool = true
  ) {
    self.id = id
    self.name = name
    self.bundle = bundle
    self.runtime = runtime
    self.runtimeArguments = runtimeArguments
    self.terminal = terminal
    self.stdinOpen = stdinOpen
    self.stdinOnce = stdinOnce
    self.log = log
    self.exitFile = exitFile
    self.pidFile = pidFile
    self.monitorPidFile = monitorPidFile
    self.attachSocket = attachSocket
    self.oomFile = oomFile
    self.exitCommand = exitCommand
    self.exec = exec
    self.preserveFDs = preserveFDs
    self.attachFD = attachFD
    self.monitorLog = monitorLog
    self.startsAtOnce = startsAtOnce
    self.noPivot = noPivot
    self.durable = durable
  }
}
