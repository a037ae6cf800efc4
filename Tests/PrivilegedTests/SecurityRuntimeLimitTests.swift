import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// Limits and filters of a bundle as the container meets them.
// covers PD-161, LX-26, LX-27, LX-35, LX-37, LX-44
@Suite(.needs(.root), .needs(.installed), .serialized) struct SecurityRuntimeLimitTests {
  @Test func tooMuchMemoryIsKilled() throws {
    try withHostileBundle { bundle in
      bundle.linux["resources"] = ["memory": ["limit": 16_777_216, "swap": 16_777_216]]
      let outcome = try bundle.shell("exec tail /dev/zero")
      #expect(outcome.code == 137, "\(outcome)")
    }
  }

  @Test func processesAreCounted() throws {
    try withHostileBundle { bundle in
      bundle.linux["resources"] = ["pids": ["limit": 5]]
      let outcome = try bundle.shell("for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait")
      #expect(outcome.errorText.contains("can't fork"), "\(outcome)")
    }
  }

  @Test func limitsAreInTheCgroupsFiles() throws {
    try withHostileBundle { bundle in
      bundle.linux["resources"] = [
        "cpu": ["quota": 25000, "period": 50000, "shares": 512, "cpus": "0"], "pids": ["limit": 77],
        "memory": ["limit": 33_554_432, "reservation": 16_777_216],
      ]
      try bundle.write(["/bin/sleep", "1000"])
      #expect(try bundle.runtime("create", "--bundle", bundle.bundle, bundle.id).code == 0)
      let path = "/berth-test/\(bundle.id)"
      for (file, value) in [
        ("cpu\(path)/cpu.cfs_quota_us", "25000"), ("cpu\(path)/cpu.cfs_period_us", "50000"),
        ("cpu\(path)/cpu.shares", "512"), ("pids\(path)/pids.max", "77"), ("cpuset\(path)/cpuset.cpus", "0"),
        ("memory\(path)/memory.limit_in_bytes", "33554432"),
        ("memory\(path)/memory.soft_limit_in_bytes", "16777216"),
      ] where exists("/sys/fs/cgroup/cpu/berth-test") {
        #expect(try readText("/sys/fs/cgroup/\(file)").trimmed == value, "\(file)")
      }
    }
  }

  @Test func everyHierarchyShowsTheContainersPath() throws {
    try withHostileBundle { bundle in
      bundle.linux["namespaces"] = .array(["pid", "mount", "ipc", "uts", "network"].map { ["type": .string($0)] })
      let outcome = try bundle.shell("cat /proc/self/cgroup")
      #expect(
        !outcome.lines.isEmpty && outcome.lines.allSatisfy { $0.hasSuffix(":/berth-test/\(bundle.id)") }, "\(outcome)")
    }
  }

  @Test(arguments: [
    (#"{"memory":{"limit":5}}"#, "memory limit 5 is too small"), (#"{"cpu":{"cpus":"99999"}}"#, "cpuset cpus 99999"),
    (#"{"devices":[{"allow":true,"type":"x"}]}"#, "unknown device type"),
    (#"{"cpu":{"quota":3}}"#, "cpu quota 3"),
  ])
  func impossibleLimitsAreNamed(_ resources: String, _ message: String) throws {
    try withHostileBundle { bundle in
      bundle.linux["resources"] = try JSON.parse(resources)
      let outcome = try bundle.shell("echo started")
      #expect(outcome.code != 0 && !outcome.text.contains("started"), "\(outcome)")
      #expect(outcome.errorText.contains(message), "\(outcome)")
    }
  }

  @Test func devicesOutsideTheListCannotBeUsed() throws {
    try withHostileBundle { bundle in
      let outcome = try bundle.shell("mknod /kmsg c 1 11; head -c 0 /kmsg && echo opened; head -c 1 /dev/zero | wc -c")
      #expect(!outcome.text.contains("opened"), "\(outcome)")
      #expect(outcome.lines.last == "1", "\(outcome)")
    }
  }

  @Test func theFilterOfTheBundleHolds() throws {
    try withHostileBundle { bundle in
      bundle.linux["seccomp"] = [
        "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"],
        "syscalls": [
          ["names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95],
          ["names": ["symlink", "symlinkat"], "action": "SCMP_ACT_KILL_PROCESS"],
        ],
      ]
      let outcome = try bundle.shell("mkdir /x; ln -s a /y; echo \"status $?\"; grep Seccomp: /proc/self/status")
      #expect(outcome.errorText.contains("Operation not supported"), "\(outcome)")
      #expect(outcome.text.contains("status 159"), "\(outcome)")
      #expect(outcome.text.contains("Seccomp:\t2"), "\(outcome)")
    }
  }

  @Test func killingAForkLoopEmptiesTheCgroup() throws {
    try withHostileBundle { bundle in
      bundle.linux["resources"] = ["pids": ["limit": 100]]
      try bundle.write(["/bin/sh", "-c", "f() { while :; do sleep 0.01 & sleep 0; done; }; f & f & f & wait"])
      #expect(try bundle.runtime("create", "--bundle", bundle.bundle, bundle.id).code == 0)
      #expect(try bundle.runtime("start", bundle.id).code == 0)
      usleep(200_000)
      #expect(try bundle.runtime("kill", "--all", bundle.id, "KILL").code == 0)
      #expect(
        eventually(5) { (try? readText("/sys/fs/cgroup/pids/berth-test/\(bundle.id)/cgroup.procs"))?.isEmpty != false })
    }
  }
}
