import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// Bundles at random under ours, crun and runc: what a probe inside sees is what at least one of the others shows.
@Suite(
  .serialized, .needs(.root), .needs(.installed), .needs(.program("crun")), .needs(.program("runc")),
  .needs(.program("busybox"))
) struct DifferentialTests {
  /// Seeds of bundles that have shown a defect once, and then as many as there is time for.
  private static let kept: [UInt64] = [156, 435]
  private static let count = environmentVariable("BERTH_ENDURANCE") == "1" ? 2000 : 50
  private static let first = environmentVariable("BERTH_SEED").flatMap { UInt64($0) } ?? 1

  /// covers LX-19..LX-35, LX-37, LX-39, LX-40
  @Test func randomBundles() throws {
    try withScratch { scratch in
      let bench = try DifferentialBench(scratch)
      defer { bench.remove() }
      var counts: [String: Int] = [:]
      let last = Self.first + UInt64(Self.count) - 1
      for seed in Self.kept + Array(Self.first...last) {
        for difference in try bench.compare(seed) {
          let reason = DifferentialAllowance.reason(for: difference)
          counts[reason ?? "UNEXPLAINED \(difference.key)", default: 0] += 1
          if reason == nil { Issue.record("\(difference)") }
        }
      }
      let table = counts.sorted { $0.value > $1.value }.map { "\($0.value)\t\($0.key)" }.joined(separator: "\n")
      print("\(last - Self.first + 1) bundles; ours differs from both:\n\(table)\n\(bench.summary)")
    }
  }
}

/// The place where one bundle after the other runs under the three runtimes.
final class DifferentialBench {
  private let scratch: String
  private let group = "/berth-differential-\(getpid())"
  private let hostNamespaces: [String: String]
  private var runs = 0, refusals = 0, values = 0, peerDifferences = 0
  var summary: String {
    "\(runs) runs, \(refusals) refused; of \(values) values crun and runc disagree in \(peerDifferences)"
  }

  private enum Runtime: String, CaseIterable { case ours, crun, runc }

  init(_ scratch: String) throws {
    self.scratch = scratch
    let own = try ["cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"].map {
      ($0, try readLink("/proc/self/ns/\($0)"))
    }
    hostNamespaces = Dictionary(uniqueKeysWithValues: own)
    try makeBusyboxRootfs(scratch + "/bundle/rootfs")
    try makeDirectories(scratch + "/sources/directory/below")
    try makeDirectories(scratch + "/sources/log")
    try replaceFile(scratch + "/sources/file", with: Array("content\n".utf8), durable: false)
    // The root of a user namespace comes along here.
    for path in ["", "/bundle", "/bundle/rootfs", "/sources"] {
      try check(csys_fchmodat(AT_FDCWD, scratch + path, 0o755))
    }
    try check(csys_mount("tmpfs", scratch + "/sources/directory/below", "tmpfs", 0, "size=64k"))
  }
  func remove() {
    _ = csys_umount2(scratch + "/sources/directory/below", CInt(MNT_DETACH))
    for name in (try? entries(ofPath: "/sys/fs/cgroup"))?.map(\.name) ?? [] {
      _ = csys_unlinkat(AT_FDCWD, "/sys/fs/cgroup/\(name)\(group)", AT_REMOVEDIR)
    }
  }

  /// Runs the bundle of this seed under all three.
  func compare(_ seed: UInt64) throws -> [RuntimeDifference] {
    var bundle = DifferentialBundle(seed: seed, sources: scratch + "/sources")
    let configuration = bundle.configuration(cgroup: group + "/c")
    try replaceFile(scratch + "/bundle/config.json", with: configuration.bytes(), durable: false)
    let probe = DifferentialObservation.probe(bundle)
    var seen: [Runtime: [String: String]] = [:]
    for runtime in Runtime.allCases { seen[runtime] = try observe(runtime, probe) }
    let ours = seen[.ours] ?? [:], crun = seen[.crun] ?? [:], runc = seen[.runc] ?? [:]
    // Where one of the others refuses the whole bundle, ours is compared with the one that runs it.
    let peers = [crun, runc].filter { $0["outcome"] == "ran" }
    guard ours["outcome"] == "ran", !peers.isEmpty else {
      if peers.isEmpty != (ours["outcome"] == "ran") { return [] }
      return [
        RuntimeDifference(
          seed: seed, key: "outcome", ours: ours["outcome"], crun: crun["outcome"], runc: runc["outcome"])
      ]
    }
    let crunAlone = bundle.hasUserNamespace && runc["outcome"] != "ran"
    var result: [RuntimeDifference] = []
    for key in Set(ours.keys).union(peers.flatMap(\.keys)).sorted() {
      values += 1
      if crun[key] != runc[key] { peerDifferences += 1 }
      if peers.contains(where: { $0[key] == ours[key] }) { continue }
      result.append(
        RuntimeDifference(
          seed: seed, key: key, ours: ours[key], crun: crun[key], runc: runc[key], isMappedAndCrunAlone: crunAlone,
          isStacked: key.split(separator: " ").dropFirst().first.map { bundle.stacked.contains(String($0)) } ?? false))
    }
    return result
  }

  private func observe(_ runtime: Runtime, _ probe: String) throws -> [String: String] {
    let rootfs = scratch + "/bundle/rootfs"
    // As no runtime has left it: with a symlink, a file and a directory to hide, and without targets of mounts.
    for name in ["gen", "link", "target", "written", "dev", "nothing", "tmp-file"]
    where exists("\(rootfs)/\(name)") || isLink("\(rootfs)/\(name)") {
      try removeTree("\(rootfs)/\(name)")
    }
    try makeDirectories(rootfs + "/target")
    try makeDirectories(rootfs + "/dev")
    try makeDirectories(rootfs + "/etc/hide")
    try check(csys_symlinkat("/target", AT_FDCWD, rootfs + "/link"))
    try replaceFile(rootfs + "/etc/keep", with: Array("kept\n".utf8), durable: false)
    try replaceFile(rootfs + "/probe", with: Array(probe.utf8), mode: 0o755, durable: false)
    let log = scratch + "/sources/log/hooks"
    try? unlink(log)
    let program = runtime == .ours ? Installed.runtime : runtime.rawValue
    // Whatever the bundle asks for: what it mounts, and a name that it sets, stays here.
    let outcome = try TestKit.run(
      [
        "unshare", "--mount", "--uts", program, "--root", "\(scratch)/state-\(runtime)", "run", "--bundle",
        scratch + "/bundle", "differential",
      ],
      input: [])
    runs += 1
    guard outcome.text.hasPrefix("#status") else {
      refusals += 1
      _ = try TestKit.run([program, "--root", "\(scratch)/state-\(runtime)", "delete", "--force", "differential"])
      return ["outcome": "refused: \(outcome.errorText)"]
    }
    var observation = DifferentialObservation(outcome.text, hostNamespaces: hostNamespaces)
    observation.note("outcome", "ran")
    observation.note("exit", "\(outcome.code)")
    for line in ((try? readText(log)) ?? "").split(separator: "\n") { note(line, &observation) }
    return observation.values
  }
  private func isLink(_ path: String) -> Bool { (try? readLink(path)) != nil }

  /// The state that a hook was told.
  private func note(_ line: Substring, _ observation: inout DifferentialObservation) {
    let kind = line.prefix { $0 != " " }
    guard let state = try? JSON.parse(Array(line.dropFirst(kind.count + 1).utf8)) else {
      return observation.note("hook \(kind)", "unreadable: \(line)")
    }
    for key in ["id", "status", "bundle"] { observation.note("hook \(kind) \(key)", state[key]?.string ?? "-") }
    observation.note("hook \(kind) annotations", state["annotations"]?.object == nil ? "-" : "some")
    observation.note("hook \(kind) pid", (state["pid"]?.integer(Int.self) ?? 0) > 0 ? "some" : "-")
  }
}

/// Differences that are meant, each with its reason.
enum DifferentialAllowance {
  private struct Rule: Sendable {
    let reason: String
    let holds: @Sendable (RuntimeDifference) -> Bool
  }

  private static let rules: [Rule] = [
    Rule(reason: "the version 2 hierarchy of a hybrid host is shown too") {
      $0.key == "mount /sys/fs/cgroup/unified" && $0.crun == nil && $0.runc == nil
    },
    Rule(reason: "the directory of a cgroup mount is read-only where the mount is") {
      $0.key == "mount /sys/fs/cgroup" && isReadOnly($0.ours) && !isReadOnly($0.crun) && !isReadOnly($0.runc)
    },
    Rule(reason: "a masked directory is an empty tmpfs that has room for nothing") {
      $0.key.hasPrefix("mount ") && $0.ours?.contains("nr_inodes=1,ro,size=4k") == true
    },
    Rule(reason: "a tmpfs without a mode has that of the directory that it covers: as an option, with runc by chmod") {
      $0.key.hasPrefix("mount ") && $0.ours.map(withoutMode) == $0.runc.map(withoutMode)
        && $0.runc?.contains(" tmpfs ") == true
    },
    Rule(reason: "of a tmpfs on a tmpfs without a mode, crun's has none, runc 1.1's that of the directory below both") {
      $0.isStacked && $0.ours.map(withoutMode) == $0.crun.map(withoutMode)
    },
    Rule(reason: "crun 1.8 binds in a user namespace with other attributes, and without what lies below") {
      guard $0.isMappedAndCrunAlone, $0.key.hasPrefix("mount "), let ours = $0.ours else { return false }
      return $0.crun.map { withoutAttributes($0) == withoutAttributes(ours) } ?? $0.key.hasSuffix("/below")
    },
  ]
  private static func withoutAttributes(_ mount: String) -> [Substring] {
    let fields = mount.split(separator: " ", omittingEmptySubsequences: false)
    return Array(fields.prefix(1) + fields.dropFirst(3))
  }
  private static func isReadOnly(_ mount: String?) -> Bool {
    mount?.split(separator: " ").dropFirst().first?.split(separator: ",").contains("ro") ?? false
  }

  /// Of a mount, or of a directory as stat(1) words it.
  private static func withoutMode(_ text: String) -> String {
    let words = text.split(separator: " ")
    if words.first == "directory" { return words.filter { $0 != words.dropFirst().first }.joined(separator: " ") }
    return words.map {
      $0.split(separator: ",").filter { !$0.hasPrefix("mode=") }.joined(separator: ",")
    }.joined(separator: " ")
  }

  static func reason(for difference: RuntimeDifference) -> String? { rules.first { $0.holds(difference) }?.reason }
}
