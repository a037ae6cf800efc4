import CSys
import Glibc
import JSON
import Sys

/// One container's monitor against conmon: log lines, as fast as they come, and memory while nothing comes.
///
/// All of it on a tmpfs: the monitors are measured, not the disk.
struct MonitorRows {
  let scratch: String
  let monitor: String
  let runtime: String
  let rootfs: String
  let megabytes: Int

  private static let rounds = 5
  private static let lineBytes = 100
  private static let blockMegabytes = 64

  private var bundle: String { scratch + "/monitored" }
  private var state: String { scratch + "/monitored-state" }
  private func file(_ name: String) -> String { "\(bundle)/\(name)" }

  func rows() -> [Row] {
    guard let conmon = program("conmon") else {
      note("conmon is missing: the monitor is not measured")
      return []
    }
    let starts = [("berth", startBerth), ("conmon", { startConmon(conmon) })]
    guard prepare() else { return [] }
    var flows: [String: [(wall: Double, cpu: Double)]] = [:]
    let copies = max(1, megabytes / Self.blockMegabytes)
    writeBundle(
      "read a b </proc/uptime; i=0; while [ $i -lt \(copies) ]; do busybox cat /lines; i=$((i+1)); done; "
        + "read c d </proc/uptime; echo $a $c >/tmp/new; busybox mv /tmp/new /tmp/done; busybox sleep 100")
    for _ in 0..<Self.rounds {
      for (name, start) in starts {
        if let flow = flow(start) { flows[name, default: []].append(flow) }
      }
    }
    writeBundle("busybox sleep 100")
    var idle: [String: [Double]] = [:]
    for (name, start) in starts { idle[name] = self.idle(start).map { [$0] } }
    try? removeTree(bundle)
    return rows(flows, idle, megabytes: copies * Self.blockMegabytes)
  }

  private func rows(_ flows: [String: [(wall: Double, cpu: Double)]], _ idle: [String: [Double]], megabytes: Int)
    -> [Row]
  {
    func cost(_ name: String) -> Cost {
      let all = flows[name] ?? []
      return Cost(
        wall: all.map(\.wall).sorted(), cpu: all.isEmpty ? nil : all.map(\.cpu).sorted()[all.count / 2])
    }
    var rows: [Row] = []
    if flows["berth"] != nil, flows["conmon"] != nil {
      rows.append(
        Row(
          work: "monitor, \(megabytes) MiB of log lines", ours: cost("berth"), peerName: "conmon", peer: cost("conmon"),
          wallGoal: 1.0 / 3, cpuGoal: 0.5))
    }
    if let ours = idle["berth"], let peer = idle["conmon"] {
      rows.append(
        Row(
          work: "monitor's memory, idle", ours: Cost(wall: ours), peerName: "conmon", peer: Cost(wall: peer),
          wallGoal: 0.5, cpuGoal: nil, unit: "kB"))
    }
    return rows
  }

  private func prepare() -> Bool {
    try? makeDirectories(bundle)
    guard execute(["cp", "-a", rootfs, bundle]) == 0 else { return false }
    let line = [UInt8](repeating: UInt8(ascii: "x"), count: Self.lineBytes - 1) + [10]
    var block: [UInt8] = []
    for _ in 0..<((Self.blockMegabytes << 20) / Self.lineBytes) { block += line }
    return (try? replaceFile(file("rootfs/lines"), with: block, durable: false)) != nil
  }

  private func writeBundle(_ script: String) {
    let config: JSON = [
      "ociVersion": "1.0.2", "root": ["path": "rootfs"],
      "process": [
        "user": ["uid": 0, "gid": 0], "cwd": "/", "env": ["PATH=/bin"], "args": ["sh", "-c", .string(script)],
      ],
      "mounts": [["destination": "/proc", "type": "proc", "source": "proc"]],
      "linux": ["namespaces": [["type": "pid"], ["type": "mount"], ["type": "ipc"], ["type": "uts"]]],
    ]
    try? replaceFile(file("config.json"), with: config.bytes(), durable: false)
  }

  // MARK: the two monitors

  private func startBerth() {
    let configuration: JSON = [
      "id": "bench", "bundle": .string(bundle), "runtime": .string(runtime),
      "runtimeArguments": ["--root", .string(state)],
      "log": ["driver": "k8s-file", "path": .string(file("log"))], "exitFile": .string(file("exit")),
      "pidFile": .string(file("pid")), "monitorPidFile": .string(file("monitor.pid")),
      "attachSocket": .string(file("attach.sock")),
    ]
    try? replaceFile(file("monitor.json"), with: configuration.bytes(), durable: false)
    execute(["/bin/sh", "-c", "exec \(monitor) bench 3<\(file("monitor.json")) 4>\(file("answer"))"])
  }
  private func startConmon(_ conmon: String) {
    for name in ["exits", "sockets"] { try? makeDirectories(file(name)) }
    execute([
      conmon, "--api-version", "1", "-c", "bench", "-u", "bench", "-n", "bench", "-r", runtime, "-b", bundle, "-p",
      file("pid"), "-l", "k8s-file:" + file("log"), "--exit-dir", file("exits"), "--socket-dir-path", file("sockets"),
      "--conmon-pidfile", file("monitor.pid"), "--log-level", "error", "--runtime-arg", "--root", "--runtime-arg",
      state,
    ])
  }

  /// Starts the container beneath a monitor. - Returns: the monitor's pid.
  private func begin(_ start: () -> Void) -> String? {
    for name in ["log", "exit", "pid", "monitor.pid", "rootfs/tmp/done"] { try? unlink(file(name)) }
    start()
    guard awaited({ !text(file("pid")).isEmpty && !text(file("monitor.pid")).isEmpty }),
      awaited({ execute([runtime, "--root", state, "start", "bench"]) == 0 })
    else {
      note("a monitor did not start its container")
      end(nil)
      return nil
    }
    return text(file("monitor.pid"))
  }
  private func end(_ pid: String?) {
    execute([runtime, "--root", state, "delete", "--force", "bench"])
    if let pid { _ = awaited { !exists("/proc/\(pid)") } }
  }

  /// Milliseconds from the first line to the last, as the container measures them, and of the monitor's CPU.
  private func flow(_ start: () -> Void) -> (wall: Double, cpu: Double)? {
    guard let pid = begin(start) else { return nil }
    defer { end(pid) }
    guard awaited({ exists(file("rootfs/tmp/done")) }) else { return nil }
    usleep(300_000)  // what is still in the pipe
    let fields = text("/proc/\(pid)/stat").split(separator: ")").last?.split(separator: " ") ?? []
    let times = text(file("rootfs/tmp/done")).split(separator: " ").compactMap { Double($0) }
    guard times.count == 2, fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
      return nil
    }
    return ((times[1] - times[0]) * 1000, (user + system) * 1000 / Double(sysconf(CInt(_SC_CLK_TCK))))
  }

  /// Kilobytes that are the monitor's alone.
  private func idle(_ start: () -> Void) -> Double? {
    guard let pid = begin(start) else { return nil }
    defer { end(pid) }
    sleep(2)
    for line in text("/proc/\(pid)/smaps_rollup").split(separator: "\n") where line.hasPrefix("Anonymous:") {
      return line.split(separator: " ").dropFirst().first.flatMap { Double($0) }
    }
    return nil
  }

  private func awaited(_ condition: () -> Bool) -> Bool {
    for _ in 0..<6000 {
      if condition() { return true }
      usleep(20_000)
    }
    return false
  }
  private func text(_ path: String) -> String {
    ((try? readText(path)) ?? "").split(separator: "\n").first.map(String.init) ?? ""
  }
}
