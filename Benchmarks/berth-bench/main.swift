// Measures the budgets of DESIGN.md, part 7, against the peers that are installed, and prints one table.
//
// Usage: berth-bench PREFIX [--rounds N] [--many N] [--only runtime|engine]
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

  init?(_ arguments: [String]) {
    var rest = arguments.dropFirst()
    guard let prefix = rest.popFirst(), !prefix.hasPrefix("-") else { return nil }
    self.prefix = prefix
    while let flag = rest.popFirst() {
      guard let value = rest.popFirst() else { return nil }
      switch (flag, Int(value)) {
      case ("--rounds", let number?) where number > 0: rounds = number
      case ("--many", let number?) where number > 0: many = number
      case ("--only", _) where value == "runtime" || value == "engine": only = value
      default: return nil
      }
    }
  }
}

guard let settings = Settings(CommandLine.arguments) else {
  note("usage: berth-bench PREFIX [--rounds N] [--many N] [--only runtime|engine]")
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
var rows = settings.only == "engine" ? [] : runtimeRows.rows()
if settings.only != "runtime" {
  _ = runtimeRows.prepareRootfs()
  let berth = Berth(program: settings.prefix + "/bin/berth", scratch: scratch + "/berth")
  let podman = Podman(scratch: scratch + "/podman")
  rows += EngineRows(
    scratch: scratch, berth: berth, podman: podman, runtime: runtime, rounds: settings.rounds, many: settings.many
  ).rows()
  berth.remove()
  podman.remove()
}
printTable(rows)
try removeTree(scratch)
