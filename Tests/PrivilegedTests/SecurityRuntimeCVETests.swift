import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// Further escapes that runtimes have had, one test each (SecurityRuntimePathTests has those of paths).
@Suite(.needs(.root), .needs(.installed), .serialized) struct SecurityRuntimeCVETests {
  /// CVE-2019-16884: a volume over /proc, so that labels and masks are written to files that nobody reads.
  @Test(arguments: ["bind", "tmpfs"]) func nothingButProcfsIsMountedOnProc(_ type: String) throws {
    try withHostileBundle { bundle in
      let decoy = bundle.scratch + "/decoy"
      try makeDirectories(decoy + "/self/attr")
      try replaceFile(decoy + "/version", with: [], durable: false)
      let proc: JSON = ["destination": "/proc", "type": "proc", "source": "proc"]
      let over: JSON = [
        "destination": "/proc", "type": .string(type), "source": .string(type == "bind" ? decoy : "tmpfs"),
        "options": JSON(type == "bind" ? ["bind"] : []),
      ]
      bundle.linux["maskedPaths"] = ["/proc/version"]
      for mounts in [[proc, over], [over], [over, proc]] {
        bundle.mounts = mounts + SecurityRuntimeBundle.usualMounts.dropFirst()
        let outcome = try bundle.shell("echo started")
        #expect(outcome.code != 0 && !outcome.text.contains("started"), "\(outcome)")
        #expect(outcome.errorText.contains("/proc in /proc"), "\(outcome)")
        _ = try bundle.runtime("delete", "--force", bundle.id)
      }
    }
  }

  /// CVE-2019-19921, racing: /proc of a shared volume is swapped with a symlink while the container is made.
  @Test func procStaysProcWhileTheRootFilesystemChanges() throws {
    try withHostileBundle { bundle in
      let root = bundle.rootfs
      try makeDirectories(root + "/tmp/decoy")
      try check(csys_symlinkat("/tmp/decoy", AT_FDCWD, root + "/swap"))
      bundle.linux["maskedPaths"] = ["/proc/version"]
      try whileSwapping(root + "/proc", root + "/swap") {
        for _ in 0..<25 {
          let outcome = try bundle.shell("cat /proc/version /tmp/decoy/version /swap/version 2>/dev/null; true")
          #expect(!outcome.text.contains("Linux version"), "\(outcome)")
          _ = try bundle.runtime("delete", "--force", bundle.id)
        }
      }
    }
  }

  /// CVE-2024-45310: while mount targets are made, a directory on the way becomes a symlink to the host.
  @Test func targetsAreMadeInsideWhileTheRootFilesystemChanges() throws {
    try withHostileBundle { bundle in
      let outside = bundle.scratch + "/outside"
      try makeDirectories(outside)
      try makeDirectories(bundle.rootfs + "/race")
      try check(csys_symlinkat(outside, AT_FDCWD, bundle.rootfs + "/swap"))
      try replaceFile(bundle.scratch + "/source", with: [], durable: false)
      try whileSwapping(bundle.rootfs + "/race", bundle.rootfs + "/swap") {
        for number in 0..<25 {
          bundle.mounts =
            SecurityRuntimeBundle.usualMounts
            + ["a", "b", "c"].map { name in
              [
                "destination": .string("/race/\(name)\(number)/deep/file"), "type": "bind",
                "source": .string(bundle.scratch + "/source"), "options": ["bind"],
              ]
            }
          _ = try bundle.shell("true")
          _ = try bundle.runtime("delete", "--force", bundle.id)
          #expect(try entries(ofPath: outside).isEmpty, "made on the host")
        }
      }
    }
  }

  /// CVE-2021-43784 and its class: a configuration too long for a length field, of which the end would be lost.
  @Test func longConfigurationsAreTakenWholeOrRefused() throws {
    try withHostileBundle { bundle in
      let kinds: [JSON] = ["pid", "mount", "ipc", "uts", "network"].map { ["type": .string($0)] }
      // a path longer than 64 KiB must not push out the namespaces behind it
      let long = String(repeating: "/./", count: 25_000)
      bundle.linux["namespaces"] = .array([["type": "network", "path": .string(long)]] + kinds.dropLast())
      let path = try bundle.shell("echo started")
      #expect(path.code != 0 && !path.text.contains("started"), "\(path.errorText.prefix(300))")
      _ = try bundle.runtime("delete", "--force", bundle.id)

      // a map whose text is longer than 64 KiB, of which the first length modulo 64 KiB is a whole, short map
      bundle.linux["namespaces"] = .array(kinds + [["type": "user"]])
      let maps: [JSON] = (0..<5007).map { number in
        ["containerID": JSON(number), "hostID": JSON(100_000 + number), "size": 1]
      }
      bundle.linux["uidMappings"] = .array(maps)
      bundle.linux["gidMappings"] = .array(maps)
      let map = try bundle.shell("echo started")
      #expect(map.code != 0 && !map.text.contains("started"), "\(map.errorText.prefix(300))")
      #expect(map.errorText.contains("id_map"), "\(map.errorText.prefix(300))")
      _ = try bundle.runtime("delete", "--force", bundle.id)

      // what is merely long arrives whole
      bundle.linux["uidMappings"] = nil
      bundle.linux["gidMappings"] = nil
      bundle.linux["namespaces"] = .array(kinds)
      let word = String(repeating: "x", count: 70_000)
      let outcome = try bundle.run(["/bin/sh", "-c", "echo ${#0} ${#1}; ls -l /proc/self/ns/net", word, word])
      #expect(outcome.lines.first == "70000 70000", "\(outcome.errorText.prefix(300))")
      #expect(try !outcome.text.contains(readLink("/proc/self/ns/net")))
    }
  }

  /// CVE-2022-29162: `exec --cap` gives the capability, and makes none inheritable.
  @Test func execGivesNoInheritableCapability() throws {
    try withHostileBundle { bundle in
      try bundle.write(["/bin/sleep", "1000"])
      #expect(try bundle.runtime("create", "--bundle", bundle.bundle, bundle.id).code == 0)
      #expect(try bundle.runtime("start", bundle.id).code == 0)
      let plain = try bundle.runtime("exec", bundle.id, "/bin/cat", "/proc/self/status")
      let more = try bundle.runtime("exec", "--cap", "CAP_SYS_ADMIN", bundle.id, "/bin/cat", "/proc/self/status")
      for outcome in [plain, more] {
        #expect(outcome.text.contains("CapInh:\t0000000000000000"), "\(outcome)")
        #expect(outcome.text.contains("CapAmb:\t0000000000000000"), "\(outcome)")
      }
      let effective = more.lines.first { $0.hasPrefix("CapEff:") }.flatMap { UInt64($0.dropFirst(8), radix: 16) }
      #expect(effective.map { $0 & 1 << 21 != 0 } == true, "the one that was asked for: \(more)")
    }
  }

  /// CVE-2023-25809: where a user namespace gets the host's /sys, the host's cgroups below it must not be writable.
  @Test func theHostsCgroupsAreNotWritable() throws {
    try withHostileBundle { bundle in
      // Without a network namespace of its own sysfs cannot be mounted anew: the host's is bound.
      bundle.linux["namespaces"] = .array(["pid", "mount", "ipc", "uts", "user"].map { ["type": .string($0)] })
      for maps in ["uidMappings", "gidMappings"] {
        bundle.linux[maps] = [["containerID": 0, "hostID": 0, "size": 1]]  // root: owner of the host's cgroups
      }
      let script = """
        awk '$5 ~ "^/sys" && $6 !~ "^ro" { print "writable", $5 }' /proc/self/mountinfo
        for g in /sys/fs/cgroup /sys/fs/cgroup/*; do
          mkdir $g/evil 2>/dev/null && echo "made $g/evil" && rmdir $g/evil
        done; grep -c ' /sys/fs/cgroup' /proc/self/mountinfo
        """
      let outcome = try bundle.shell(script)
      #expect(outcome.code == 0 && outcome.lines.count == 1, "\(outcome)")
      #expect((outcome.lines.first.flatMap { Int($0) } ?? 0) > 0, "the host's cgroups are not there at all: \(outcome)")
    }
  }

  /// CVE-2023-28642: /proc leads through a symlink that is found only on the way.
  @Test(arguments: ["/tmp/decoy", "tmp/decoy", "/missing", "proc"]) func procIsNoSymlinkOfAnyKind(_ target: String)
    throws
  {
    try withHostileBundle { bundle in
      let root = bundle.rootfs
      try check(csys_unlinkat(AT_FDCWD, root + "/proc", AT_REMOVEDIR))
      try makeDirectories(root + "/tmp/decoy")
      try check(csys_symlinkat(target, AT_FDCWD, root + "/proc"))
      let outcome = try bundle.shell("echo started")
      #expect(outcome.code != 0 && !outcome.text.contains("started"), "\(outcome)")
      #expect(outcome.errorText.contains("/proc"), "\(outcome)")
    }
  }
}

/// Swaps two names as fast as it goes while `body` runs.
func whileSwapping<R>(_ first: String, _ second: String, _ body: () throws -> R) throws -> R {
  let swapper = """
    import ctypes, sys
    libc = ctypes.CDLL(None)
    a, b = sys.argv[1].encode(), sys.argv[2].encode()
    while True: libc.renameat2(-100, a, -100, b, 2)
    """
  let race = try start(["python3", "-c", swapper, first, second])
  defer {
    try? race.signal(SIGKILL)
    _ = try? race.wait()
  }
  return try body()
}
