import CSys
import Glibc
package import Problems
package import RuntimeSpec
import Sys

extension Cgroup {
  /// Gives the cgroup its limits and, with `devices`, its device rules.
  ///
  /// - Parameter settingDevices: at creation always (refused is what is not listed); at an update only where the new
  ///   resources list devices.
  /// - Throws: `.invalid` for impossible values, `.unsupported` for a controller that the host lacks; other failures
  ///   name the limit and the file.
  package func apply(_ resources: Resources, settingDevices: Bool) throws(Problem) {
    if !isUnified, unified != nil, let wanted = unifiedControllers(resources) { try enableControllers(wanted) }
    let places = Places(self)
    let plan = try ResourcePlan(resources, on: places.host)
    try write(plan, in: places, resources)
    guard settingDevices else { return }
    do throws(Problem) { try apply(DeviceRules(resources.devices ?? [])) } catch {
      // Without the machine's root there is neither the right to filter devices nor one to make or open more of them
      // than the user has anyway.
      guard error.code == .denied || error.code == .unsupported, mayLackRights else { throw error }
    }
  }

  /// The writes that would give the cgroup these limits, in order.
  func plan(_ resources: Resources) throws(Problem) -> ResourcePlan {
    try ResourcePlan(resources, on: Places(self).host)
  }

  /// Where each controller is; looked up once.
  private final class Places {
    private let cgroup: Cgroup
    private var known: [String: Directory?] = [:]
    init(_ cgroup: Cgroup) { self.cgroup = cgroup }

    func place(_ controller: String) -> Directory? {
      if let found = known[controller] { return found }
      let found = controller == "cgroup" ? cgroup.unified : cgroup.directory(of: controller)
      known[controller] = found
      return found
    }
    var host: ResourcePlan.Host {
      ResourcePlan.Host(
        version: { self.place($0)?.version },
        has: { controller, file in self.place(controller).map { exists("\($0.path)/\(file)") } ?? false },
        value: { controller, file in
          guard let place = self.place(controller), let text = try? readText("\(place.path)/\(file)") else {
            return nil
          }
          return String(text.prefix { $0 != "\n" })
        })
    }
  }

  private func write(_ plan: ResourcePlan, in places: Places, _ resources: Resources) throws(Problem) {
    var later: Int?
    for (number, write) in plan.writes.enumerated() {
      guard let place = places.place(write.controller) else { throw missing(write) }
      do throws(Errno) {
        try Self.write(Array(write.value.utf8), to: "\(place.path)/\(write.file)")
      } catch {
        if error == .notFound && write.isOptional { continue }
        // The old quota may not fit the new period: quota first, then this again.
        if error == .invalid && later == nil && Self.waits(write, resources) {
          later = number
          continue
        }
        throw failure(write, place, error)
      }
    }
    if let write = later.map({ plan.writes[$0] }), let place = places.place(write.controller) {
      do throws(Errno) {
        try Self.write(Array(write.value.utf8), to: "\(place.path)/\(write.file)")
      } catch { throw failure(write, place, error) }
    }
  }

  private static func waits(_ write: ResourcePlan.Write, _ resources: Resources) -> Bool {
    switch write.file {
    case "cpu.cfs_period_us": resources.cpu?.quota ?? 0 != 0
    case "cpu.rt_period_us": resources.cpu?.realtimeRuntime ?? 0 != 0
    default: false
    }
  }

  /// Controllers that a limit asks for and that a hybrid host may have in version 2.
  private func unifiedControllers(_ resources: Resources) -> [Substring]? {
    var wanted: [Substring] = []
    if !(resources.hugepageLimits ?? []).isEmpty { wanted.append("hugetlb") }
    if !(resources.rdma ?? [:]).isEmpty { wanted.append("rdma") }
    for file in (resources.unified ?? [:]).keys { wanted.append(file.prefix { $0 != "." }) }
    return wanted.isEmpty ? nil : wanted
  }

  private func missing(_ write: ResourcePlan.Write) -> Problem {
    if directories.isEmpty {
      return Problem(
        code: .unsupported, message: "\(write.purpose) needs a cgroup, and this container has none",
        hint: "use another --cgroup-manager than disabled, or take the limit out")
    }
    return Problem(
      code: .unsupported,
      message: "\(write.purpose) needs the cgroup controller \(write.controller), which is not there",
      hint: "mount it, or take the limit out")
  }
  private func failure(_ write: ResourcePlan.Write, _ place: Directory, _ error: Errno) -> Problem {
    if error == .notFound {
      return Problem(
        code: .unsupported, message: "\(write.purpose): this kernel has no \(place.path)/\(write.file)", cause: error)
    }
    var message = "\(write.purpose): write \(write.value) to \(place.path)/\(write.file)"
    if error == .busy, write.controller == "memory", let usage = memoryUsage(place) {
      message = "\(write.purpose) is too small: \(usage) bytes are in use"
    }
    return Problem(code: Problem.Code(error), message: message, cause: error)
  }
  private func memoryUsage(_ place: Directory) -> String? {
    let file = place.version == .one ? "memory.usage_in_bytes" : "memory.current"
    return (try? readText("\(place.path)/\(file)")).map { String($0.prefix { $0 != "\n" }) }
  }

  // MARK: - Devices

  func apply(_ devices: DeviceRules) throws(Problem) {
    if let place = directories.first(where: { $0.controllers.contains("devices") }) {
      let allowed = try openRules(place.path + "/devices.allow")
      let denied = try openRules(place.path + "/devices.deny")
      func file(_ isAllowed: Bool) -> CInt { isAllowed ? allowed.borrowed : denied.borrowed }
      try write("a", to: file(devices.allowsByDefault), of: place)
      for rule in devices.rules { try write(rule.text, to: file(rule.isAllowed), of: place) }
    } else if let unified {
      do throws(Problem) { try DeviceProgram(devices).attach(to: unified.path) } catch {
        if !mayLackRights { throw error }
      }
    } else if isMachineRoot() {  // root of a user namespace makes no devices, and may not rule over them
      throw Problem(code: .unsupported, message: "device rules need the cgroup controller devices, which is not there")
    }
  }
  private func openRules(_ path: String) throws(Problem) -> OwnedFD {
    try doing("device rules: open \(path)") { () throws(Errno) in try open(path, O_WRONLY) }
  }
  private func write(_ text: String, to file: CInt, of place: Directory) throws(Problem) {
    try doing("device rule \"\(text)\" of cgroup \(place.path)") { () throws(Errno) in
      var text = text
      let size = text.utf8.count
      let result = text.withUTF8 { csys_write(file, $0.baseAddress, $0.count) }
      if try check(result) != size { throw .inputOutput }
    }
  }
}
