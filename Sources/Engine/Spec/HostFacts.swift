import CSys
import Glibc
import Problems
import Rootless
import RuntimeSpec
import Sys

extension SpecBuilder.Machine {
  /// Asks the kernel: a few system calls, and for root no file.
  static func current(_ userNamespace: UserNamespace, _ delegation: CgroupDelegation?) -> SpecBuilder.Machine {
    let isCgroup2 = isCgroup2()
    return SpecBuilder.Machine(
      userNamespace: userNamespace,
      isCgroup2: isCgroup2,
      countsSwap: isCgroup2 || exists("/sys/fs/cgroup/memory/memory.memsw.limit_in_bytes"),
      openFilesMax: hardLimit(CInt(RLIMIT_NOFILE.rawValue)), processesMax: hardLimit(CInt(__RLIMIT_NPROC.rawValue)),
      capabilities: { CapabilitySet.ofThisProcess() }, hasQueues: { exists("/dev/mqueue") },
      delegation: delegation)
  }
  static func isCgroup2() -> Bool {
    var buffer = statfs()
    guard let fd = try? open("/sys/fs/cgroup", O_PATH_ | O_DIRECTORY), csys_fstatfs(fd.borrowed, &buffer) == 0 else {
      return false
    }
    return buffer.f_type == 0x6367_7270  // CGROUP2_SUPER_MAGIC, <linux/magic.h>
  }
  private static func hardLimit(_ resource: CInt) -> UInt64 {
    var limit = csys_rlimit()
    return csys_prlimit(0, resource, nil, &limit) == 0 ? limit.hard : .max
  }
}

/// The machine's name, as a UTS namespace has it.
enum HostName {
  /// nil where it has none that a container could have.
  static func current() -> String? {
    var name = utsname()
    guard uname(&name) == 0 else { return nil }
    let text = withUnsafeBytes(of: name.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return text.isEmpty || text == "(none)" ? nil : text
  }
}

extension SpecBuilder.FoundRate {
  /// Looks the device up on the host.
  init(_ rate: DeviceRate) throws(Problem) {
    let flag = "--\(rate.kind.rawValue) \(rate.path)"
    let found = try doing(flag, hint: "a block device of the host is wanted: see lsblk") { () throws(Errno) in
      try status(rate.path)
    }
    guard let device = SpecBuilder.FoundDevice(found, path: rate.path, access: "rwm"), device.type == "b" else {
      throw Problem(code: .invalid, message: "\(flag) is not a block device")
    }
    self.init(kind: rate.kind, major: device.major, minor: device.minor, rate: rate.rate)
  }
}

extension SpecBuilder.FoundDevice {
  /// Looks a device up on the host; a directory gives all devices in it.
  static func find(_ mapping: DeviceMapping) throws(Problem) -> [SpecBuilder.FoundDevice] {
    let found = try doing("--device \(mapping.hostPath)", hint: "a device of the host is wanted: see ls -l /dev") {
      () throws(Errno) in try status(mapping.hostPath)
    }
    if found.isDirectory {
      let list = try all(below: mapping.hostPath, as: mapping.containerPath, access: mapping.access)
      if list.isEmpty {
        throw Problem(code: .invalid, message: "--device \(mapping.hostPath): no devices in this directory")
      }
      return list
    }
    guard let device = SpecBuilder.FoundDevice(found, path: mapping.containerPath, access: mapping.access) else {
      throw Problem(code: .invalid, message: "--device \(mapping.hostPath) is not a device")
    }
    return [device]
  }

  /// Devices of the host for `--privileged`. Source: podman, `AddPrivilegedDevices`.
  static func all(below directory: String, as place: String, access: String) throws(Problem) -> [SpecBuilder
    .FoundDevice]
  {
    let skipped: Set<String> = ["pts", "shm", "fd", "mqueue", "console", "ptmx", ".lxc", ".lxd-mounts", ".udev"]
    let names = try doing("list \(directory)") { () throws(Errno) in try entries(ofPath: directory) }
    var result: [SpecBuilder.FoundDevice] = []
    for entry in names.sorted(by: { $0.name < $1.name }) where !skipped.contains(entry.name) {
      let path = "\(directory)/\(entry.name)"
      if entry.type == UInt8(DT_DIR) {
        result += try all(below: path, as: "\(place)/\(entry.name)", access: access)
      } else if entry.type == UInt8(DT_CHR) || entry.type == UInt8(DT_BLK),
        let found = try? status(path, followingLinks: false),
        let device = SpecBuilder.FoundDevice(found, path: "\(place)/\(entry.name)", access: access)
      {
        result.append(device)
      }
    }
    return result
  }

  fileprivate init?(_ found: stat, path: String, access: String) {
    let kind = found.st_mode & S_IFMT
    guard kind == S_IFCHR || kind == S_IFBLK else { return nil }
    let number = found.st_rdev
    self.init(
      path: path, type: kind == S_IFCHR ? "c" : "b",
      major: Int64((number >> 8) & 0xfff | (number >> 32) & ~0xfff),
      minor: Int64(number & 0xff | (number >> 12) & ~0xff),
      mode: found.st_mode & 0o7777, uid: found.st_uid, gid: found.st_gid, access: access)
  }
}
