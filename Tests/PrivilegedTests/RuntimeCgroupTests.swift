import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// What commands do to the cgroup of a running container, on this machine's version 1 or hybrid layout.
@Suite(.needs(.root), .needs(.installed), .needs(.program("busybox"))) struct RuntimeCgroupTests {
  private func value(_ bundle: RuntimeBundle, _ file: String) throws -> String? {
    for directory in bundle.cgroups("c") where exists("\(directory)/\(file)") {
      return try readText("\(directory)/\(file)").trimmed
    }
    return nil
  }

  /// covers OC-11, PD-161
  @Test func updateTakesFlags() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      try bundle.ok(
        "update", "c", "--cpu-period", "900000", "--cpu-quota", "600000", "--cpu-share", "200", "--memory", "64M",
        "--memory-reservation", "32m", "--pids-limit", "10", "--cpuset-cpus", "0", "--cpu-burst", "1000")
      #expect(try value(bundle, "cpu.cfs_quota_us") == "600000" && value(bundle, "cpu.cfs_period_us") == "900000")
      #expect(try value(bundle, "cpu.shares") == "200" && value(bundle, "cpu.cfs_burst_us") == "1000")
      #expect(try value(bundle, "memory.limit_in_bytes") == "67108864")
      #expect(try value(bundle, "memory.soft_limit_in_bytes") == "33554432")
      #expect(try value(bundle, "pids.max") == "10" && value(bundle, "cpuset.cpus") == "0")
      // A period shorter than the old quota needs the new quota first.
      try bundle.ok("update", "--cpu-period", "10000", "--cpu-quota", "3000", "c")
      #expect(try value(bundle, "cpu.cfs_period_us") == "10000")
      try bundle.ok("update", "--pids-limit", "0", "c")
      #expect(try value(bundle, "pids.max") == "1")
      try bundle.ok("update", "--cpu-idle", "1", "c")
      #expect(try value(bundle, "cpu.idle") == "1")
      try bundle.ok("update", "-r", "-", "c", input: Array(#"{"cpu":{"idle":0},"pids":{"limit":-1}}"#.utf8))
      #expect(try value(bundle, "cpu.idle") == "0" && value(bundle, "pids.max") == "max")
    }
  }

  /// covers OC-11: error clauses
  @Test func updateRefusesByName() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      for (words, text) in [
        (["--memory", "lots"], "--memory is a size"), (["--cpu-share", "x"], "--cpu-share is a number"),
        (["--l3-cache-schema", "x"], "in no class of Intel RDT"), ([], "update needs a limit"),
        (["--cpu-idle", "7"], "cpu idle 7"), (["--memory", "5"], "memory limit 5 is too small"),
      ] {
        let outcome = try TestKit.run([Installed.runtime, "--root", bundle.state, "update", "c"] + words)
        #expect(outcome.code == 1 && outcome.errorText.contains(text), "\(outcome)")
      }
      let old = try bundle.runtime("update", "--kernel-memory", "1g", "--pids-limit", "5", "c")
      #expect(old.code == 0 && old.errorText.contains("kernel memory limits are ignored"), "\(old)")
      try bundle.ok("kill", "c", "KILL")
      #expect(try eventually { try bundle.status() == "stopped" })
      let late = try bundle.runtime("update", "--pids-limit", "5", "c")
      #expect(late.code == 1 && late.errorText.contains("has stopped"), "\(late)")
    }
  }

  /// covers PD-66
  @Test func eventsTellUseAndOutOfMemory() throws {
    try withBundle { bundle in
      try bundle.startSleeper("c", [("linux.resources.memory", ["limit": 20_971_520])])
      let once = try JSON.parse(try bundle.ok("events", "--stats", "c"))
      #expect(once["type"] == "stats" && once["id"] == "c")
      #expect(once["data"]?["memory"]?["usage"]?["limit"] == 20_971_520)
      #expect(once["data"]?["cpu"]?["usage"]?["total"]?.integer(UInt64.self) ?? 0 > 0)
      let output = try temporaryFile()
      let watcher = try start(
        [Installed.runtime, "--root", bundle.state, "events", "--interval", "100ms", "c"], output: output.borrowed)
      #expect(try eventually { try rewound(output).count > 0 })
      _ = try bundle.runtime("exec", "c", "sh", "-c", "tail /dev/zero")
      #expect(
        try eventually {
          String(decoding: try rewound(output), as: UTF8.self).contains(#"{"type":"oom","id":"c"}"#)
        })
      try bundle.ok("delete", "-f", "c")
      #expect(try watcher.wait() == .exited(code: 0))
      let missing = try bundle.runtime("events", "--stats", "c")
      #expect(missing.code == 1 && missing.errorText.contains("container does not exist"), "\(missing)")
    }
  }
  @Test func eventsRefuseWrongIntervals() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      for text in ["0", "5", "never"] {
        let outcome = try bundle.runtime("events", "--interval", text, "c")
        #expect(outcome.code == 1, "\(outcome)")
      }
    }
  }

  /// covers LX-46: `exec --cgroup`
  @Test func execEntersACgroupBelow() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      for directory in bundle.cgroups("c") {
        try makeDirectory(directory + "/below")
        if exists(directory + "/cpuset.cpus") {
          for file in ["/cpuset.cpus", "/cpuset.mems"] {
            try writeAll(try open(directory + "/below" + file, O_WRONLY), try readText(directory + file))
          }
        }
      }
      let all = try bundle.ok("exec", "--cgroup", "below", "c", "cat", "/proc/self/cgroup")
      #expect(all.split(separator: "\n").allSatisfy { $0.hasSuffix("/c/below") || $0.hasSuffix("/below") }, "\(all)")
      let one = try bundle.ok("exec", "--cgroup", "memory:below", "c", "cat", "/proc/self/cgroup")
      #expect(one.split(separator: "\n").filter { $0.hasSuffix("/below") }.count == 1, "\(one)")
      for (path, text) in [
        ("..", "bad sub cgroup path"), ("absent", "No such file or directory"), ("whaaat:/", "unknown controller"),
      ] {
        let outcome = try bundle.runtime("exec", "--cgroup", path, "c", "true")
        #expect(outcome.code != 0 && outcome.errorText.contains(text), "\(outcome)")
      }
    }
  }

  /// covers LX-46
  @Test func psTakesOptions() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      let pids = try JSON.parse(try bundle.ok("ps", "-f", "json", "c")).array ?? []
      #expect(pids.count == 1)
      #expect(try bundle.ok("ps", "c").contains("sleep 1000"))
      let wide = try bundle.ok("ps", "c", "-o", "pid,comm")
      #expect(wide.contains("sleep") && wide.split(separator: "\n").count == 2, "\(wide)")
      let blind = try bundle.runtime("ps", "c", "-o", "comm")
      #expect(blind.code == 1 && blind.errorText.contains("no column PID"), "\(blind)")
      let format = try bundle.runtime("ps", "-f", "xml", "c")
      #expect(format.code == 1 && format.errorText.contains("invalid format option"), "\(format)")
    }
  }

  /// A cgroup that is there and frozen would stop the container before its first step.
  @Test func aFrozenCgroupIsRefused() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      let freezer = try #require(bundle.cgroups("c").first { exists($0 + "/freezer.state") })
      try bundle.ok("delete", "-f", "c")
      try makeDirectories(freezer)
      try writeAll(try open(freezer + "/freezer.state", O_WRONLY), "FROZEN")
      let outcome = try bundle.runtime("create", "-b", bundle.path, "c")
      #expect(outcome.code == 1 && outcome.errorText.contains("container's cgroup unexpectedly frozen"), "\(outcome)")
      #expect(csys_unlinkat(AT_FDCWD, freezer, AT_REMOVEDIR) == 0)
    }
  }
}
