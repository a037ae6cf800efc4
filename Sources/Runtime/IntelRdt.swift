import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

/// Puts the container into a class of service of Intel's Resource Director Technology: shares of the last cache level
/// and of memory bandwidth. Source: runtime-spec 1.3, config-linux.md, "Intel RDT"; the kernel's resctrl.rst.
struct IntelRdt {
  /// Name of the class; the container's ID where the specification names none.
  let closID: String
  /// Whether it was named: such a class is shared, and stays.
  let isShared: Bool
  /// Lines of the class's `schemata`.
  let schemata: [String]
  let monitors: Bool

  /// - Throws: a member has the wrong shape.
  init?(_ json: JSON?, id: String) throws(Problem) {
    guard let json else { return nil }
    let named = json["closID"]?.string ?? ""
    let isPath = named == "." || named == ".." || named.count > 1 && named.contains("/")
    if isPath { throw Problem(code: .invalid, message: "invalid intelRdt.closID \"\(named)\"") }
    closID = named.isEmpty ? id : named
    isShared = !named.isEmpty
    var lines: [String] = []
    for member in ["l3CacheSchema", "memBwSchema"] {
      lines += (json[member]?.string ?? "").split(separator: "\n").map(String.init)
    }
    schemata = lines + (json["schemata"]?.strings ?? [])
    monitors = json["enableMonitoring"]?.bool ?? false
  }

  /// Where resctrl is mounted; the machine may have none.
  static func mountPoint() throws(Problem) -> String {
    if let mount = (try? MountInfo.own())?.first(where: { $0.type == "resctrl" }) { return mount.point }
    throw Problem(
      code: .unsupported, message: "linux.intelRdt is set, but resctrl is not mounted: this machine has no Intel RDT",
      hint: "where the processor has it: mount -t resctrl resctrl /sys/fs/resctrl")
  }

  private func directory(below root: String) -> String { closID == "/" ? root : root + "/" + closID }

  /// - Parameter root: where resctrl is mounted.
  func enter(_ pid: pid_t, root: String) throws(Problem) {
    let directory = directory(below: root)
    try doing("make the RDT class \(closID)") { () throws(Errno) in
      if closID == "/" { return }
      do throws(Errno) { try makeDirectory(directory, mode: 0o755) } catch  where error == .exists {}
    }
    try set(schemata, root: root)
    try doing("put the container into the RDT class \(closID)") { () throws(Errno) in
      try writeAll(try open(directory + "/tasks", O_WRONLY), "\(pid)")
      if !monitors { return }
      let group = directory + "/mon_groups/berth-\(pid)"
      try makeDirectory(group, mode: 0o755)
      try writeAll(try open(group + "/tasks", O_WRONLY), "\(pid)")
    }
  }

  /// Gives the class other shares; those of a class that was named are its other containers' too.
  func set(_ schemata: [String], root: String) throws(Problem) {
    if schemata.isEmpty { return }
    try doing("set the RDT schemata of \(closID)") { () throws(Errno) in
      let file = try open(directory(below: root) + "/schemata", O_WRONLY)
      try writeAll(file, schemata.joined(separator: "\n") + "\n")
    }
  }

  /// Removes what `enter` made for this container alone.
  func leave(_ pid: pid_t, root: String) {
    let directory = directory(below: root)
    if monitors { _ = rmdir(directory + "/mon_groups/berth-\(pid)") }
    if !isShared { _ = rmdir(directory) }
  }
}
