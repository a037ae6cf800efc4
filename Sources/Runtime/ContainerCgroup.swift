import CSys
import Glibc
import Problems
import RuntimeSpec
import Sys

/// The seam to module Cgroups: until it lands, containers stay in the runtime's own cgroup.
struct ContainerCgroup {
  init(spec: Spec, id: String) throws(Problem) {}
  func create() throws(Problem) {}
  func add(_ pid: pid_t) throws(Problem) {}
  func freeze() throws(Problem) { throw Problem(code: .unsupported, message: "no freezer") }
  func thaw() throws(Problem) { throw Problem(code: .unsupported, message: "no freezer") }
  var isFrozen: Bool { false }
  func processes() -> [pid_t] { [] }
  func killAll() {}
  func remove() throws(Problem) {}
  func mounts() -> [LaunchPlan.CgroupMount] { [] }
}
