import CSys
import Glibc
import RuntimeSpec
import Sys

/// One device node of a container.
struct DeviceNode {
  var path: String
  var type: mode_t
  var major: UInt32, minor: UInt32
  var mode: mode_t = 0o666
  var uid: uid_t = 0, gid: gid_t = 0

  /// Source: runtime-spec, config-linux.md, "Default Devices".
  static let defaults: [DeviceNode] = [
    DeviceNode(path: "/dev/null", type: S_IFCHR, major: 1, minor: 3),
    DeviceNode(path: "/dev/zero", type: S_IFCHR, major: 1, minor: 5),
    DeviceNode(path: "/dev/full", type: S_IFCHR, major: 1, minor: 7),
    DeviceNode(path: "/dev/random", type: S_IFCHR, major: 1, minor: 8),
    DeviceNode(path: "/dev/urandom", type: S_IFCHR, major: 1, minor: 9),
    DeviceNode(path: "/dev/tty", type: S_IFCHR, major: 5, minor: 0),
  ]

  var number: dev_t {
    let (major, minor) = (UInt64(major), UInt64(minor))
    let low: UInt64 = (major & 0xfff) << 8 | minor & 0xff
    let high: UInt64 = (major & ~0xfff) << 32 | (minor & ~0xff) << 12
    return dev_t(low | high)
  }
}

extension DeviceNode {
  init(_ device: Device) throws(StepFailure) {
    switch device.type {
    case "c", "u": type = S_IFCHR
    case "b": type = S_IFBLK
    case "p", "f": type = S_IFIFO
    default:
      throw StepFailure(.invalid, Errno(rawValue: 0), "device \(device.path) has the unknown type \"\(device.type)\"")
    }
    path = device.path
    major = UInt32(clamping: device.major ?? 0)
    minor = UInt32(clamping: device.minor ?? 0)
    mode = mode_t(device.fileMode ?? 0o666) & 0o7777
    uid = device.uid ?? 0
    gid = device.gid ?? 0
  }
}

extension ContainerInit {
  func makeDevices(in root: borrowing RootFilesystem) throws(StepFailure) {
    let listed = linux.devices ?? []
    let dev = try during(.device, "/dev") { () throws(Errno) in try root.make("/dev", directory: true) }
    for device in DeviceNode.defaults where !listed.contains(where: { $0.path.normalizedPath == device.path }) {
      let name = String(device.path.dropFirst("/dev/".count))
      try during(.device, device.path) { () throws(Errno) in try make(device, named: name, at: dev, in: root) }
    }
    for device in listed {
      let device = try DeviceNode(device)
      try during(.device, device.path) { () throws(Errno) in
        let place = try root.makeParent(of: device.path)
        try make(device, named: place.name, at: place.directory, in: root)
      }
    }
    try makeLinks(at: dev, in: root)
  }

  private func make(
    _ device: DeviceNode, named name: String, at directory: borrowing OwnedFD, in root: borrowing RootFilesystem
  ) throws(Errno) {
    if plan.namespace(.user) != nil { return try bindFromHost(device, in: root) }
    do throws(Errno) {
      try check(csys_mknodat(directory.borrowed, name, device.type | device.mode, device.number))
    } catch {
      if error == .exists { return }
      if error == .notPermitted && device.type != S_IFIFO { return try bindFromHost(device, in: root) }
      throw error
    }
    if device.uid != 0 || device.gid != 0 {
      try check(csys_fchownat(directory.borrowed, name, device.uid, device.gid, AT_SYMLINK_NOFOLLOW))
    }
  }

  /// In a user namespace nobody may make device nodes: the host's own is bound, and checked to be that device.
  private func bindFromHost(_ device: DeviceNode, in root: borrowing RootFilesystem) throws(Errno) {
    let tree = try MountTree(cloning: device.path, recursive: false)
    let found = try status(tree.fd)
    if device.type != S_IFIFO, found.st_mode & S_IFMT != device.type || found.st_rdev != device.number {
      throw .invalid
    }
    let target = try root.make(device.path, directory: false)
    try tree.move(onto: target)
  }

  /// Source: runtime-spec, runtime-linux.md, "Dev symbolic links"; config-linux.md, "Default Devices" (ptmx).
  private func makeLinks(at dev: borrowing OwnedFD, in root: borrowing RootFilesystem) throws(StepFailure) {
    let raw = dev.borrowed
    func link(_ name: String, _ target: String) throws(Errno) {
      let result = csys_symlinkat(target, raw, name)
      if result != -EEXIST { try check(result) }
    }
    try during(.device, "links in /dev") { () throws(Errno) in
      try link("fd", "/proc/self/fd")
      try link("stdin", "/proc/self/fd/0")
      try link("stdout", "/proc/self/fd/1")
      try link("stderr", "/proc/self/fd/2")
      try link("core", "/proc/kcore")
      _ = csys_unlinkat(raw, "ptmx", 0)
      try link("ptmx", "pts/ptmx")
    }
  }
}
