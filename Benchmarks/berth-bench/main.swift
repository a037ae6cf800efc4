// Measures the budgets of DESIGN.md, part 7, against the peers that are installed, and prints one table.
//
// Usage: berth-bench PREFIX [--rounds N] [--many N] [--only runtime|engine|pull] [--image LAYOUT:TAG]
//
// The programs under PREFIX are the installed release programs with default security and durability: digests checked,
// fsync where promised, seccomp on (but where the row says otherwise), the monitor running.

import Glibc
import Sys

struct Settings {
  var prefix = ""
  var rounds = 20
  var many = 200
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
      case ("--many", let number?) where number > 0: many = number
      case ("--only", _) where ["runtime", "engine", "pull"].contains(value): only = value
      case ("--image", _): image = value
      default: return nil
      }
    }
  }
}

if CommandLine.arguments.last == "--system-calls" { SystemCalls.run() }
guard let settings = Settings(CommandLine.arguments) else {
  note("usage: berth-bench PREFIX [--rounds N] [--many N] [--only runtime|engine|pull] [--image LAYOUT:TAG]")
  exit(2)
}
guard geteuid() == 0 else {
  note("the programs are measured as root; run as root")
  exit(1)
}
let scratch = "/tmp/berth-bench-\(getpid())"
try makeDirectories(scratch)
let runtime = settings.prefix + "/bin/berth-runtime"
let runtimeRows = RuntimeRows(scratch: scratch, runtime: runtime, rounds: settings.rounds)
func wanted(_ part: String) -> Bool { settings.only == nil || settings.only == part }

var rows = wanted("runtime") ? runtimeRows.rows() : []
let berth = Berth(program: settings.prefix + "/bin/berth", scratch: scratch + "/berth")
let podman = Podman(scratch: scratch + "/podman")
if wanted("engine"), runtimeRows.prepareRootfs() {
  rows += EngineRows(
    scratch: scratch, berth: berth, podman: podman, runtime: runtime, rounds: settings.rounds, many: settings.many
  ).rows()
}
if wanted("pull"), let image = settings.image {
  rows += PullRows(scratch: scratch, berth: berth, podman: podman, image: image, rounds: settings.rounds).rows()
}
berth.remove()
podman.remove()
printTable(rows)
try removeTree(scratch)
