import DBus
import Glibc
package import Problems
package import RuntimeSpec
import Sys

extension Cgroup {
  /// Names a cgroup that systemd is to make around the container's first process: `start(around:)` makes it.
  ///
  /// - Parameter path: `linux.cgroupsPath`, "slice:prefix:name".
  /// - Parameter annotations: the container's; "org.systemd.property.NAME" are properties of the unit.
  package init(systemd path: String?, id: String, annotations: [String: String]) throws(Problem) {
    let unit = try SystemdUnit(path: path, id: id, isUser: !isMachineRoot())
    guard !unit.name.hasSuffix(".slice") else {
      throw Problem(
        code: .unsupported, message: "unit \(unit.name) is a slice: systemd puts no process into one",
        hint: "give slice:prefix:name with a name of its own")
    }
    self = .none
    pending = PendingUnit(unit: unit, id: id, properties: try SystemdProperties(annotations: annotations))
  }

  /// A unit that is still to be started.
  struct PendingUnit: Hashable, Sendable {
    let unit: SystemdUnit
    let id: String
    let properties: SystemdProperties
  }
  /// Whether `start(around:)` is still to come.
  package var isPending: Bool { pending != nil }

  /// The cgroup of a creation that was cut off: its unit may be there.
  package func assumingStarted() -> Cgroup {
    var result = self
    if let pending { (result.unit, result.pending) = (pending.unit, nil) }
    return result
  }

  /// Where the container's files will be, where that is known before they are there: the system manager's own cgroup
  /// is the root.
  package func expectedDirectories() throws(Problem) -> [Directory] {
    guard let pending, !pending.unit.isUser else { return directories }
    return try CgroupLayout.detect().hierarchies.map { $0.directory(pending.unit.path) }
  }

  /// Has systemd make the unit around `pid`, with the limits that it has properties for, and learns where it is.
  ///
  /// In version 1 systemd makes its own hierarchy's directory and some others; all that are missing are made here, and
  /// the process moves into every one.
  package mutating func start(around pid: Int32, _ resources: Resources, settingDevices: Bool) throws(Problem) {
    guard let pending else { return }
    let layout = try CgroupLayout.detect()
    let version: CgroupLayout.Version = layout.isUnified ? .two : .one
    let host = ResourcePlan.Host(version: { _ in version }, has: { _, _ in false }, value: { _, _ in nil })
    var properties = try SystemdProperties(try ResourcePlan(resources, on: host))
    if settingDevices, !pending.unit.isUser { properties.put(try DeviceRules(resources.devices ?? [])) }
    var all = SystemdProperties.scope(pending.unit, of: pending.id, around: pid, isUnified: layout.isUnified)
    all.put(properties)
    all.put(pending.properties)
    try SystemdManager(isUser: pending.unit.isUser).start(pending.unit, all)
    self.pending = nil
    unit = pending.unit
    let bytes = try doing("read the cgroup of process \(pid)") { () throws(Errno) in
      try readFile("/proc/\(pid)/cgroup")
    }
    let memberships = CgroupLayout.parse(memberships: bytes)
    let own = memberships.first { $0.path.hasSuffix("/" + pending.unit.name) }
    guard let path = own?.path else {
      throw Problem(code: .unavailable, message: "systemd made unit \(pending.unit.name) but not its cgroup")
    }
    directories = layout.hierarchies.map { $0.directory(path) }
    if !layout.isUnified { try completeVersionOne(pid) }
  }

  private mutating func completeVersionOne(_ pid: Int32) throws(Problem) {
    for directory in directories where !exists(directory.path) {
      try doing("create cgroup \(directory.path)") { () throws(Errno) in _ = try make(directory) }
    }
    try join(pid)
  }

  /// Tells systemd of new limits, then writes them.
  ///
  /// - Parameter resources: what is to change; what is absent stays.
  package func update(_ resources: Resources, settingDevices: Bool) throws(Problem) {
    if let unit {
      let plan = try plan(resources)
      var properties = try SystemdProperties(plan)
      if settingDevices, !unit.isUser { properties.put(try DeviceRules(resources.devices ?? [])) }
      try SystemdManager(isUser: unit.isUser).set(unit, properties)
    }
    try apply(resources, settingDevices: settingDevices)
  }

  /// Moves a process in that may not go by itself: an unprivileged user's session is outside of what the user manager
  /// has been given, so that the manager has to do it.
  package func attach(_ pid: Int32) throws(Problem) {
    guard let unit else { return try join(pid) }
    try SystemdManager(isUser: unit.isUser).attach(pid, to: unit)
  }
}

extension CgroupLayout.Hierarchy {
  /// - Parameter path: begins with "/".
  func directory(_ path: String) -> Cgroup.Directory {
    Cgroup.Directory(version: version, controllers: controllers, path: mountPoint + path, mountPoint: mountPoint)
  }
}

extension SystemdProperties {
  /// What every container's scope has.
  ///
  /// - Source: org.freedesktop.systemd1(5), `StartTransientUnit()`; systemd.scope(5): `Delegate` leaves the cgroup's
  ///   inside to the container, `CollectMode` lets a failed unit go.
  static func scope(_ unit: SystemdUnit, of id: String, around pid: Int32, isUnified: Bool) -> SystemdProperties {
    var properties = SystemdProperties()
    properties.put("Description", .string("Berth container \(id)"))
    properties.put("Slice", .string(unit.slice))
    properties.put("Delegate", .boolean(true))
    properties.put("DefaultDependencies", .boolean(false))
    properties.put("CollectMode", .string("inactive-or-failed"))
    properties.put("PIDs", .array(of: .uint32, [.uint32(UInt32(pid))]))
    for name in ["CPU", "Memory", "Tasks", isUnified ? "IO" : "BlockIO"] {
      properties.put(name + "Accounting", .boolean(true))
    }
    return properties
  }
}
