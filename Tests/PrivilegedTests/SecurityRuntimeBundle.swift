import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// A bundle around busybox for attacks on `berth-runtime`: every part of it can be made hostile.
struct SecurityRuntimeBundle {
  let scratch: String
  var bundle: String { scratch + "/bundle" }
  var rootfs: String { bundle + "/rootfs" }
  var runtimeRoot: String { scratch + "/state" }
  /// Names are unique on the host: cgroups are.
  let id: String

  var process: [String: JSON] = [:]
  var mounts: [JSON]
  var linux: [String: JSON]

  init(_ scratch: String) throws {
    self.scratch = scratch
    id = "sec-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
    mounts = Self.usualMounts
    linux = [
      "namespaces": .array(["pid", "mount", "ipc", "uts", "network", "cgroup"].map { ["type": .string($0)] }),
      "cgroupsPath": .string("/berth-test/\(id)"),
      "resources": .object(.init([])),
    ]
    try makeDirectories(rootfs)
    try makeBusyboxRootfs(rootfs)
  }

  static let usualMounts: [JSON] = [
    ["destination": "/proc", "type": "proc", "source": "proc"],
    [
      "destination": "/dev", "type": "tmpfs", "source": "tmpfs",
      "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
    ],
    ["destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec", "newinstance"]],
    ["destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]],
  ]

  /// Writes config.json for this command.
  func write(_ arguments: [String], cwd: String = "/", terminal: Bool = false) throws {
    let capabilities: JSON = [
      "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL", "CAP_MKNOD", "CAP_NET_BIND_SERVICE", "CAP_SETGID",
      "CAP_SETUID", "CAP_SYS_CHROOT",
    ]
    var process: [(String, JSON)] = [
      ("terminal", .bool(terminal)), ("cwd", .string(cwd)), ("args", .array(arguments.map(JSON.string))),
      ("env", ["PATH=/bin"]), ("user", ["uid": 0, "gid": 0]),
      ("capabilities", ["bounding": capabilities, "effective": capabilities, "permitted": capabilities]),
    ]
    process += self.process.map { ($0, $1) }
    let config: JSON = [
      "ociVersion": "1.0.2", "root": ["path": "rootfs"], "process": .object(.init(process)), "hostname": "victim",
      "mounts": .array(mounts), "linux": .object(.init(linux.map { ($0, $1) })),
    ]
    try replaceFile(bundle + "/config.json", with: config.bytes(), durable: false)
  }

  @discardableResult
  func runtime(_ arguments: String..., seconds: Int = 60) throws -> Outcome {
    try TestKit.run([Installed.runtime, "--root", runtimeRoot] + arguments, seconds: seconds)
  }
  /// Runs berth-runtime from a shell that opened something first.
  func leaking(_ openings: String, _ arguments: String...) throws -> Outcome {
    let words = ([Installed.runtime, "--root", runtimeRoot] + arguments).joined(separator: " ")
    return try TestKit.run(["/bin/bash", "-c", "\(openings)exec \(words)"])
  }
  /// Writes the configuration and runs it to its end.
  func run(_ arguments: [String], cwd: String = "/") throws -> Outcome {
    try write(arguments, cwd: cwd)
    return try runtime("run", "--bundle", bundle, id)
  }
  func shell(_ script: String, cwd: String = "/") throws -> Outcome { try run(["/bin/sh", "-c", script], cwd: cwd) }
}

/// A bundle of one test's own; afterwards the container is deleted and nothing of it may be left.
func withHostileBundle(_ name: String = #function, _ body: (inout SecurityRuntimeBundle) throws -> Void) throws {
  try withScratch(name) { scratch in
    var bundle = try SecurityRuntimeBundle(scratch)
    defer {
      _ = try? bundle.runtime("delete", "--force", bundle.id)
      let left = ["memory", "pids", "unified"].map { "/sys/fs/cgroup/\($0)/berth-test/\(bundle.id)" }.filter(exists)
      #expect(left.isEmpty, "cgroups left behind")
    }
    try body(&bundle)
  }
}
