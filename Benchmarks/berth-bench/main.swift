// Measures the budgets of DESIGN.md, part 7, against the peers that are installed, and prints one table.
//
// Usage: berth-bench PREFIX [--rounds N] [--many N] [--megabytes N] [--only PART] [--image LAYOUT:TAG]
//
// The programs under PREFIX are the installed release programs with default security and durability: digests checked,
// fsync where promised, seccomp on (but where the row says otherwise), the monitor running. Storage is a fresh ext4 on
// a loop device, what a reboot clears is a tmpfs, for Berth and for its peers.

import CSys
import Glibc
import Sys

struct Settings {
  static let parts = ["runtime", "engine", "crowd", "pull", "monitor"]
  var prefix = ""
  var rounds = 20
  var many = 1000
  var megabytes = 1024
  var only: String?
  /// An image for the pull, from scripts/make-test-images.
  var image: String?

  init?(_ arguments: [String]) {
    var rest = arguments.dropFirst()
    guard let prefix = rest.popFirst(), !prefix.hasPrefix("-") else { return nil }
    self.prefix = prefix
    while let flag = rest.popFirst() {
      guard let value = rest.popFirst() else { return nil }
      switch (flag, Int(value)) {
      case ("--rounds", let number?) where number > 0: rounds = number
      case ("--many", let number?) where number >= 10: many = number
      case ("--megabytes", let number?) where number > 0: megabytes = number
      case ("--only", _) where Self.parts.contains(value): only = value
      case ("--image", _): image = value
      default: return nil
      }
    }
  }
  func wants(_ part: String) -> Bool { only == nil || only == part }
}

if CommandLine.arguments.last == "--system-calls" { SystemCalls.run() }
guard let settings = Settings(CommandLine.arguments) else {
  note(
    "usage: berth-bench PREFIX [--rounds N] [--many N] [--megabytes N] [--image LAYOUT:TAG] "
      + "[--only \(Settings.parts.joined(separator: "|"))]")
  exit(2)
}
// A mount namespace of its own: no mount of the bench is seen elsewhere, and none outlives it.
guard geteuid() == 0, csys_unshare(UInt64(CSYS_CLONE_NEWNS)) == 0,
  csys_mount("", "/", "", UInt(MS_REC) | UInt(MS_PRIVATE), nil) == 0
else {
  note("the programs are measured as root, with mounts of their own; run as root")
  exit(1)
}
let scratch = "/tmp/berth-bench-\(getpid())"
let runroot = "/dev/shm/berth-bench-\(getpid())"
try makeDirectories(scratch)
try makeDirectories(runroot)
let disk = FreshDisk(path: scratch + "/disk", megabytes: 4000)
let engine = settings.prefix + "/bin/berth"
let runtime = settings.prefix + "/bin/berth-runtime"
let runtimeRows = RuntimeRows(scratch: scratch, runtime: runtime, rounds: settings.rounds)
var rows: [Row] = []

/// The engines on a disk that nobody has used.
func withEngines(_ body: (EngineRows) -> [Row]) -> [Row] {
  guard runtimeRows.prepareRootfs() else { return [] }
  disk.renew()
  let berth = Berth(program: engine, scratch: disk.path + "/berth", runroot: runroot + "/berth")
  let podman = Podman(scratch: disk.path + "/podman", runroot: runroot + "/podman")
  let rows = body(
    EngineRows(
      scratch: scratch, berth: berth, podman: podman, runtime: runtime, rootfs: runtimeRows.rootfs,
      bundle: runtimeRows.bundle("plain", seccomp: nil), rounds: settings.rounds))
  berth.remove()
  podman.remove()
  disk.remove()
  return rows
}

if settings.wants("runtime") { rows += runtimeRows.rows() }
if settings.wants("engine") { rows += withEngines { $0.rows() } }
if settings.wants("crowd") { rows += withEngines { CrowdRows(engine: $0, many: settings.many).rows() } }
if settings.wants("pull"), let image = settings.image {
  rows += PullRows(scratch: scratch, engine: engine, runroot: runroot, image: image, rounds: settings.rounds).rows()
}
if settings.wants("monitor"), runtimeRows.prepareRootfs() {
  rows += MonitorRows(
    scratch: runroot, monitor: settings.prefix + "/libexec/berth/berth-monitor", runtime: runtime,
    rootfs: runtimeRows.rootfs, megabytes: settings.megabytes
  ).rows()
}
printTable(rows)
try removeTree(scratch)
try removeTree(runroot)
