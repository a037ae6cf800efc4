import Cgroups
import Glibc
import JSON
import Problems
import RuntimeSpec
import Sys

extension Session {
  /// Changes limits of a container that is there: a `resources` object from a file or standard input.
  func update(_ rest: ArraySlice<String>) throws(Problem) -> CInt {
    let (flags, id) = try flags(rest, ["resources|r="])
    guard let path = flags["resources"] else {
      throw Problem(code: .invalid, message: "update needs --resources FILE (- is standard input)")
    }
    let record = try store.load(id)
    let bytes = try doing("read \(path)") { () throws(Errno) in
      try readFile(path == "-" ? "/dev/stdin" : path, limit: 1 << 20)
    }
    let resources: Resources
    do { resources = try Resources(json: try JSON.parse(bytes)) } catch {
      throw Problem(code: .invalid, message: "read resources from \(path)", cause: error)
    }
    guard record.isAlive else {
      throw Problem(code: .conflict, message: "cannot update a container that has stopped: \(id)")
    }
    try record.cgroup.apply(resources, settingDevices: resources.devices != nil)
    return 0
  }
}
