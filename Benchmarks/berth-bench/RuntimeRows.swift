import CSys
import Glibc
import JSON
import Sys

/// The runtime alone: one bundle, driven by each OCI runtime in turn.
struct RuntimeRows {
  let scratch: String
  let runtime: String
  let rounds: Int

  var rootfs: String { scratch + "/rootfs" }

  func rows() -> [Row] {
    guard prepareRootfs() else { return [] }
    var rows: [Row] = []
    rows += run(bundle("plain", seccomp: nil), "runtime run true, no seccomp", wallGoal: 0.6, cpuGoal: 0.5)
    if let profile = podmanSeccomp() {
      rows += run(
        bundle("seccomp", seccomp: profile), "runtime run true, podman's seccomp", wallGoal: 0.2, cpuGoal: 0.2)
      rows += systemCalls(bundle("calls", seccomp: profile, arguments: ["/bin/system-calls", "--system-calls"]))
    } else {
      note("no podman here: its seccomp profile is not measured")
    }
    rows += createStartDelete(bundle("plain", seccomp: nil))
    rows += exec(bundle("sleep", seccomp: nil, arguments: ["/bin/sleep", "600"]))
    rows += manyStates(bundle("plain", seccomp: nil))
    rows += manyMounts(bundle("plain", seccomp: nil))
    return rows
  }

  /// The same busybox for all.
  func prepareRootfs() -> Bool {
    guard let busybox = program("busybox") else {
      note("busybox is missing (package busybox-static)")
      return false
    }
    for directory in ["bin", "proc", "sys", "dev", "etc", "tmp"] { try? makeDirectories("\(rootfs)/\(directory)") }
    execute(["cp", busybox, "\(rootfs)/bin/busybox"])
    for applet in ["true", "sleep", "sh", "cat"] { _ = csys_symlinkat("busybox", AT_FDCWD, "\(rootfs)/bin/\(applet)") }
    return true
  }

  /// runc's own default config, with this root filesystem and command.
  func bundle(_ name: String, seccomp: JSON?, arguments: [String] = ["/bin/true"]) -> String {
    let path = "\(scratch)/bundle-\(name)"
    try? makeDirectories(path)
    execute(["rm", "-f", "\(path)/config.json"])
    execute([program("runc") ?? runtime, "spec", "--bundle", path])
    guard let bytes = try? readFile("\(path)/config.json"), let config = try? JSON.parse(bytes),
      var members = config.object
    else {
      note("no config.json for \(name)")
      return path
    }
    var process = members["process"]?.object ?? JSON.Object()
    process["terminal"] = false
    process["args"] = JSON(arguments)
    process["rlimits"] = nil  // raising them needs CAP_SYS_RESOURCE, which not every machine grants
    members["process"] = .object(process)
    members["root"] = ["path": JSON(rootfs), "readonly": true]
    var linux = members["linux"]?.object ?? JSON.Object()
    linux["seccomp"] = seccomp
    members["linux"] = .object(linux)
    try? replaceFile("\(path)/config.json", with: JSON.object(members).bytes(), durable: false)
    return path
  }

  /// The filter that podman hands to its runtime, read from a container it made.
  private func podmanSeccomp() -> JSON? {
    guard program("podman") != nil else { return nil }
    let podman = Podman(scratch: scratch + "/podman-seccomp", runroot: scratch + "/podman-seccomp/run")
    defer { podman.remove() }
    guard let id = outputOf(podman.command("create", "--network", "none", "--rootfs", rootfs, "/bin/true")),
      execute(podman.command("init", id)) == 0,
      let config = outputOf(podman.command("inspect", "--format", "{{.OCIConfigPath}}", id)),
      let bytes = try? readFile(config)
    else { return nil }
    let seccomp = (try? JSON.parse(bytes))?["linux"]?["seccomp"]
    execute(podman.command("rm", "-f", id))
    return seccomp
  }

  /// BERTH_BENCH_CRUN names the newest crun, which is built outside of the tree.
  private func runtimes() -> [(name: String, path: String)] {
    let peers = [("crun", "crun"), (Self.newest, environmentVariable("BERTH_BENCH_CRUN") ?? ""), ("runc", "runc")]
    return [("berth-runtime", runtime)]
      + peers.compactMap { name, command in command.isEmpty ? nil : program(command).map { (name, $0) } }
  }
  private static let newest = "crun-newest"

  private func compare(_ contenders: [Contender], _ work: String, wallGoal: Double?, cpuGoal: Double?) -> [Row] {
    let costs = measure(contenders, rounds: rounds)
    guard let ours = costs["berth-runtime"] else { return [] }
    return contenders.dropFirst().compactMap { contender in
      guard let peer = costs[contender.name] else { return nil }
      var goals: (wall: Double?, cpu: Double?)
      if contender.name == "crun" { goals = (wallGoal, cpuGoal) }
      if contender.name == Self.newest, work.hasPrefix("runtime run true") { goals = (0.7, 0.7) }
      return Row(
        work: work, ours: ours, peerName: contender.name, peer: peer, wallGoal: goals.wall, cpuGoal: goals.cpu)
    }
  }

  private func run(_ bundle: String, _ work: String, wallGoal: Double, cpuGoal: Double) -> [Row] {
    var contenders = runtimes().map { name, path in
      Contender(
        name: name, command: [path, "run", "--bundle", bundle, "bench-\(name)"],
        after: { execute([path, "delete", "--force", "bench-\(name)"]) })
    }
    if work.hasSuffix("no seccomp"), let bwrap = program("bwrap") {
      contenders.append(
        Contender(
          name: "bwrap",
          command: [bwrap, "--unshare-all", "--ro-bind", rootfs, "/", "--proc", "/proc", "--dev", "/dev", "/bin/true"]))
    }
    return compare(contenders, work, wallGoal: wallGoal, cpuGoal: cpuGoal)
  }

  /// What the filter costs the container afterwards, the start included: no more than libseccomp's.
  private func systemCalls(_ bundle: String) -> [Row] {
    execute(["cp", "/proc/\(getpid())/exe", "\(rootfs)/bin/system-calls"])
    let contenders = runtimes().map { name, path in
      Contender(name: name, command: [path, "run", "--bundle", bundle, "bench-\(name)"])
    }
    return compare(
      contenders, "\(SystemCalls.count) system calls, podman's seccomp", wallGoal: nil, cpuGoal: 1.02)
  }

  private func manyStates(_ bundle: String) -> [Row] {
    for number in 0..<2000 {
      try? makeDirectories("\(scratch)/states/c\(number)")
      try? replaceFile("\(scratch)/states/c\(number)/state.json", with: Array("{}".utf8), durable: false)
    }
    let contenders = [("berth-runtime", "states"), ("itself with none", "no-states")].map { name, root in
      Contender(
        name: name, command: [runtime, "--root", "\(scratch)/\(root)", "run", "--bundle", bundle, "bench-root"])
    }
    let costs = measure(contenders, rounds: rounds)
    guard let ours = costs["berth-runtime"], let peer = costs["itself with none"] else { return [] }
    return [
      Row(
        work: "runtime run, 2,000 states in --root", ours: ours, peerName: "itself with none", peer: peer,
        wallGoal: 1.1,
        cpuGoal: 1.1)
    ]
  }

  /// The kernel copies every mount for a new namespace, whoever asks: what can differ is what is done to the copies.
  private func manyMounts(_ bundle: String) -> [Row] {
    let home = csys_open("/proc/self/ns/mnt", O_RDONLY, 0)
    guard home >= 0, csys_unshare(CSYS_CLONE_NEWNS) == 0 else { return [] }
    defer {
      _ = csys_setns(home, CInt(CSYS_CLONE_NEWNS))
      _ = csys_close(home)
    }
    let top = scratch + "/mounts"
    try? makeDirectories(top)
    _ = csys_mount("", "/", nil, UInt(MS_REC | MS_PRIVATE), nil)
    _ = csys_mount("tmpfs", top, "tmpfs", 0, nil)
    for number in 0..<10_000 {
      try? makeDirectory("\(top)/\(number)")
      _ = csys_mount(scratch, "\(top)/\(number)", nil, UInt(MS_BIND), nil)
    }
    let contenders = runtimes().map { name, path in
      Contender(name: name, command: [path, "run", "--bundle", bundle, "bench-\(name)"])
    }
    return compare(contenders, "runtime run, 10,000 mounts on the host", wallGoal: nil, cpuGoal: nil)
  }

  private func createStartDelete(_ bundle: String) -> [Row] {
    let contenders = runtimes().map { name, path in
      Contender(
        name: name,
        command: [
          "/bin/sh", "-c",
          "$0 create --bundle \(bundle) bench-csd && $0 start bench-csd && $0 delete --force bench-csd", path,
        ])
    }
    return compare(contenders, "runtime create + start + delete", wallGoal: 0.6, cpuGoal: 0.6)
  }

  private func exec(_ bundle: String) -> [Row] {
    let contenders = runtimes().map { name, path in
      Contender(name: name, command: [path, "exec", "bench-exec-\(name)", "/bin/true"])
    }
    for (name, path) in runtimes() {
      execute([path, "create", "--bundle", bundle, "bench-exec-\(name)"])
      execute([path, "start", "bench-exec-\(name)"])
    }
    defer { for (name, path) in runtimes() { execute([path, "delete", "--force", "bench-exec-\(name)"]) } }
    return compare(contenders, "runtime exec true", wallGoal: 0.6, cpuGoal: 0.6)
  }
}
