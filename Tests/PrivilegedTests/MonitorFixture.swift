import CSys
import Glibc
import JSON
import MonitorProtocol
import Problems
import Sys
import TestKit
import Testing

/// The OCI runtimes that stand below the monitor in its tests: ours, and two that nobody here wrote.
enum MonitorRuntime: String, CaseIterable, Sendable {
  case berth = "berth-runtime"
  case crun, runc

  var path: String { self == .berth ? Installed.runtime : findProgram(rawValue) ?? "/nonexistent/\(rawValue)" }
}

/// One container below the installed berth-monitor, without an engine: bundle, files, runtime state.
struct MonitoredContainer {
  let directory: String
  let runtime: MonitorRuntime
  let id: String
  var bundle: String { directory + "/bundle" }
  var configuration: MonitorConfiguration

  /// - Parameter change: the OCI configuration's last touch.
  init(
    _ scratch: String, _ runtime: MonitorRuntime, command: [String], terminal: Bool = false, memoryLimit: Int? = nil,
    log: MonitorConfiguration.Log.Driver = .k8sFile
  ) throws {
    if runtime == .crun { try mountHugetlb() }
    directory = scratch
    self.runtime = runtime
    id = "mon-" + String(UInt64.random(in: 0...UInt64.max), radix: 16)
    try makeDirectories(scratch + "/bundle")
    if !exists(scratch + "/bundle/rootfs") { try makeBusyboxRootfs(scratch + "/bundle/rootfs") }
    var linux = JSON.Object([
      ("cgroupsPath", JSON("/berth-test/" + id)),
      ("namespaces", .array(["pid", "mount", "ipc", "uts"].map { ["type": JSON($0)] })),
    ])
    if let memoryLimit {
      linux["resources"] = ["memory": ["limit": JSON(memoryLimit), "swap": JSON(memoryLimit)]]
    }
    let spec: JSON = [
      "ociVersion": "1.0.2", "root": ["path": "rootfs"],
      "process": Self.process(command, terminal: terminal),
      "mounts": [
        ["destination": "/proc", "type": "proc", "source": "proc"],
        ["destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]],
        [
          "destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"],
        ],
      ],
      "linux": .object(linux),
    ]
    try replaceFile(scratch + "/bundle/config.json", with: spec.bytes(), durable: false)
    configuration = MonitorConfiguration(
      id: id, name: id, bundle: scratch + "/bundle", runtime: runtime.path,
      runtimeArguments: ["--root", scratch + "/state"], terminal: terminal,
      log: .init(driver: log, path: scratch + "/ctr.log"), exitFile: scratch + "/exit", pidFile: scratch + "/pid",
      monitorPidFile: scratch + "/monitor.pid", attachSocket: scratch + "/attach.sock", oomFile: scratch + "/oom",
      monitorLog: scratch + "/monitor.log")
  }

  static func process(_ command: [String], terminal: Bool = false) -> JSON {
    [
      "terminal": JSON(terminal), "user": ["uid": 0, "gid": 0], "cwd": "/", "env": ["PATH=/bin", "TERM=xterm"],
      "args": JSON(command),
    ]
  }

  /// Starts the monitor; the container's pid.
  @discardableResult
  func create() throws -> CInt { try MonitorLauncher.start(configuration, program: Installed.monitor) }

  /// Starts the monitor with a first client: the client's end of the socket.
  func createAttached(preserved: [CInt] = []) throws -> OwnedFD {
    var configuration = configuration
    configuration.attachFD = true
    configuration.preserveFDs = preserved.count
    let pair = try SocketPair.make(type: CInt(SOCK_SEQPACKET.rawValue))
    _ = try MonitorLauncher.start(
      configuration, program: Installed.monitor, attach: pair.second.borrowed, preserved: preserved)
    return pair.closingSecond()
  }
  /// What the runtime wrote into the pid file.
  var pid: CInt { (try? readText(configuration.pidFile)).flatMap { CInt($0.trimmed) } ?? -1 }

  @discardableResult
  func callRuntime(_ arguments: String...) throws -> Outcome {
    try TestKit.run([runtime.path, "--root", directory + "/state"] + arguments)
  }
  func start() throws {
    let outcome = try callRuntime("start", id)
    #expect(outcome.code == 0, "\(outcome)")
  }

  /// Waits for the exit file.
  func exitRecord(seconds: Double = 20) throws -> ExitRecord? {
    _ = eventually(seconds) { exists(configuration.exitFile) }
    return try ExitRecord.read(configuration.exitFile)
  }
  var monitorPid: CInt? { (try? readText(directory + "/monitor.pid")).flatMap { CInt($0.trimmed) } }
  var notes: String { (try? readText(directory + "/monitor.log")) ?? "" }

  /// The log's entries: stream and text, as `logs` would print them.
  func logged() throws -> [String] {
    var result: [String] = []
    try LogReader(configuration.log).read { entry throws(Problem) in
      result.append((entry.isError ? "err:" : "out:") + String(decoding: entry.text, as: UTF8.self))
      return true
    }
    return result
  }
}

/// Runs `body` with a container; afterwards nothing of it may be left, its monitor included.
func withMonitored(
  _ runtime: MonitorRuntime, _ command: [String], terminal: Bool = false, memoryLimit: Int? = nil,
  log: MonitorConfiguration.Log.Driver = .k8sFile, name: String = #function,
  _ body: (inout MonitoredContainer) throws -> Void
) throws {
  try withScratch(name) { scratch in
    var container = try MonitoredContainer(
      scratch, runtime, command: command, terminal: terminal, memoryLimit: memoryLimit, log: log)
    defer {
      _ = try? container.callRuntime("delete", "--force", container.id)
      #expect(eventually(5) { container.monitorPid.map { csys_kill($0, 0) != 0 } ?? true }, "the monitor is left")
      removeGroups(container.id)
    }
    try body(&container)
  }
}

/// crun 1.8 refuses a machine with mixed cgroup versions until every controller is mounted.
private func mountHugetlb() throws {
  let path = "/sys/fs/cgroup/hugetlb"
  guard exists("/sys/fs/cgroup/unified"), !exists(path) else { return }
  try makeDirectories(path)
  try check(csys_mount("none", path, "cgroup", 0, "hugetlb"))
}

/// A runtime that died half-way leaves its groups.
private func removeGroups(_ id: String) {
  for controller in (try? entries(ofPath: "/sys/fs/cgroup")) ?? [] {
    for path in ["berth-test/\(id)", "berth-test"] {
      _ = csys_unlinkat(AT_FDCWD, "/sys/fs/cgroup/\(controller.name)/\(path)", AT_REMOVEDIR)
    }
  }
}

/// What a client got until the end.
struct Received {
  var output: [UInt8] = []
  var errors: [UInt8] = []
  var outcome: AttachSession.Outcome?
  var text: String { String(decoding: output, as: UTF8.self) }
  var errorText: String { String(decoding: errors, as: UTF8.self) }
}

/// Attaches with these bytes as input (nil sends none) until the session is over.
func attach(
  _ socket: consuming OwnedFD, input: [UInt8]? = nil, terminal: Bool = false
) throws -> Received {
  let output = try temporaryFile()
  let errors = try temporaryFile()
  let stdin = try temporaryFile()
  if let input {
    try writeAll(stdin, input)
    lseek(stdin.borrowed, 0, SEEK_SET)
  }
  var options = AttachSession.Options()
  options.input = input == nil ? nil : stdin.borrowed
  options.output = output.borrowed
  options.errors = errors.borrowed
  options.terminal = terminal
  let outcome = try AttachSession(socket, options: options).run()
  return Received(output: try rewound(output), errors: try rewound(errors), outcome: outcome)
}

func post(_ socket: borrowing OwnedFD, _ packet: AttachPacket) throws { try send(socket, packet.bytes) }
