import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

@Suite(.needs(.root), .needs(.installed), .needs(.program("busybox"))) struct RuntimeContainerTests {
  /// covers LX-19, LX-20, LX-24
  @Test func rootMountsAndDevices() throws {
    try withBundle { bundle in
      let text = try bundle.shell("cat /proc/self/mountinfo; ls -l /dev; touch /x; hostname; ip addr; pwd").text
      #expect(text.contains(" /dev/pts ") && text.contains(" /dev/shm ") && text.contains(" /sys ro,"), "\(text)")
      for device in ["null", "zero", "full", "random", "urandom", "tty"] {
        #expect(
          text.split(separator: "\n").contains { $0.hasPrefix("crw-rw-rw-") && $0.hasSuffix(" \(device)") }, "\(device)"
        )
      }
      #expect(text.contains("ptmx -> pts/ptmx") && text.contains("fd -> /proc/self/fd"))
      #expect(text.contains("berth\n") && text.contains("LOOPBACK,UP"))
      #expect(!exists(bundle.rootfs + "/x"))
      #expect(try bundle.shell("touch /x", [("root.readonly", false)]).code == 0 && exists(bundle.rootfs + "/x"))
    }
  }

  /// covers LX-20, LX-21
  @Test func bindsAndTheirTargets() throws {
    try withBundle { bundle in
      let source = bundle.scratch + "/source"
      try makeDirectories(source)
      try replaceFile(source + "/f", with: Array("hello".utf8), durable: false)
      let changes = [
        bundle.bind(source, "/made/for/it", "ro"), bundle.bind(source + "/f", "/made/file"),
        (
          "mounts+",
          ["destination": "/t", "type": "tmpfs", "source": "t", "options": ["size=64k", "mode=700", "noexec"]]
        ),
      ]
      let outcome = try bundle.shell(
        "cat /made/for/it/f /made/file; touch /made/for/it/g; grep ' /t ' /proc/self/mountinfo; stat -c %a /t", changes)
      #expect(outcome.text.hasPrefix("hellohello") && outcome.errorText.contains("Read-only"), "\(outcome)")
      #expect(outcome.text.contains("noexec") && outcome.text.contains("size=64k") && outcome.text.hasSuffix("700\n"))
    }
  }

  /// covers LX-20: copy-up, remount, recursive read-only, idmapped
  @Test func mountExtensions() throws {
    try withBundle { bundle in
      let source = bundle.scratch + "/source"
      try makeDirectories(source)
      try replaceFile(source + "/f", with: [], durable: false)
      let map: JSON = [["containerID": 0, "hostID": 5000, "size": 10]]
      let mapped: JSON = [
        "destination": "/m", "type": "bind", "source": .string(source), "options": ["bind", "idmap"],
        "uidMappings": map,
        "gidMappings": map,
      ]
      let outcome = try bundle.shell(
        "cat /etc/passwd | head -1; echo x > /etc/new; stat -c %u /m/f; grep ' /proc ' /proc/self/mountinfo",
        [
          ("mounts+", ["destination": "/etc", "type": "tmpfs", "source": "t", "options": ["tmpcopyup"]]),
          ("mounts+", ["destination": "/proc", "type": "proc", "source": "proc", "options": ["remount", "ro"]]),
          ("mounts+", mapped),
        ])
      #expect(outcome.code == 0 && outcome.lines.first == "root:x:0:0:root:/root:/bin/sh", "\(outcome)")
      #expect(outcome.lines.dropFirst().first == "5000" && outcome.lines.last?.contains("ro,") == true, "\(outcome)")
      #expect(!exists(bundle.rootfs + "/etc/new"))
    }
  }

  /// covers LX-22, LX-23
  @Test func maskedAndReadOnlyPaths() throws {
    try withBundle { bundle in
      let outcome = try bundle.shell(
        "ls /hidden | wc -l; wc -c < /secret; touch /kept/x; touch /hidden/x; cat /kept/f",
        [
          ("linux.maskedPaths", ["/hidden", "/secret", "/not/there"]),
          ("linux.readonlyPaths", ["/kept", "/not/there"]),
          ("root.readonly", false), ("process.noNewPrivileges", true),
          bundle.bind(try hiddenThings(bundle), "/hidden"), bundle.bind(bundle.scratch + "/h/f", "/secret"),
          bundle.bind(bundle.scratch + "/h", "/kept"),
        ])
      #expect(outcome.lines == ["0", "0", "top"], "\(outcome)")
      #expect(outcome.errorText.split(separator: "\n").count == 2, "\(outcome)")
    }
  }
  private func hiddenThings(_ bundle: RuntimeBundle) throws -> String {
    try makeDirectories(bundle.scratch + "/h")
    try replaceFile(bundle.scratch + "/h/f", with: Array("top\n".utf8), durable: false)
    return bundle.scratch + "/h"
  }

  /// covers LX-25, LX-26
  @Test func devicesOfTheSpecification() throws {
    try withBundle { bundle in
      let device: JSON = [
        "type": "c", "path": "/dev/deep/mem", "major": 1, "minor": 3, "fileMode": 0o646, "uid": 5, "gid": 6,
      ]
      let outcome = try bundle.shell(
        "cd /dev; stat -c '%a %u %g %t %T' deep/mem; echo > deep/mem && echo ok; mknod k c 1 11 && echo made; cat k",
        [
          ("linux.devices", [device]), ("process.capabilities.bounding+", "CAP_MKNOD"),
          ("process.capabilities.effective+", "CAP_MKNOD"), ("process.capabilities.permitted+", "CAP_MKNOD"),
        ])
      #expect(outcome.lines == ["646 5 6 1 3", "ok", "made"], "\(outcome)")
      #expect(outcome.errorText.contains("not permitted"), "kmsg is refused by the cgroup: \(outcome)")
      let wrong = try bundle.shell("true", [("linux.devices", [["type": "x", "path": "/dev/x"]])])
      #expect(wrong.code == 1 && wrong.errorText.contains("unknown type \"x\""), "\(wrong)")
    }
  }

  /// covers LX-29, LX-30, LX-31, LX-34
  @Test func identityLimitsAndPrivileges() throws {
    try withBundle { bundle in
      let outcome = try bundle.shell(
        "id; umask; cd /proc/self; grep -E 'CapBnd|CapEff|CapAmb|NoNew|Groups' status; ulimit -n; cat oom_score_adj",
        [
          ("process.user", ["uid": 1000, "gid": 1001, "additionalGids": [7, 8], "umask": 0o027]),
          (
            "process.capabilities",
            [
              "bounding": ["CAP_KILL", "CAP_CHOWN"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"],
              "inheritable": ["CAP_KILL"], "ambient": ["CAP_KILL"],
            ]
          ), ("process.rlimits", [["type": "RLIMIT_NOFILE", "soft": 77, "hard": 88]]), ("process.oomScoreAdj", 300),
        ])
      let words = outcome.text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
      #expect(words.hasPrefix("uid=1000(user) gid=1001 groups=7,8 0027 Groups: 7 8 "), "\(outcome)")
      #expect(
        words.contains("CapEff: 0000000000000020 CapBnd: 0000000000000021 CapAmb: 0000000000000020"), "\(outcome)")
      #expect(words.hasSuffix("NoNewPrivs: 1 77 300"), "\(outcome)")
      #expect(
        try bundle.shell("grep CapEff /proc/self/status", [("process.capabilities", JSON.object(.init()))]).text
          .contains("0000000000000000"))
    }
  }

  /// covers LX-27
  @Test(arguments: [true, false]) func seccomp(_ noNewPrivileges: Bool) throws {
    try withBundle { bundle in
      let profile: JSON = [
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [["names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 5]],
      ]
      let outcome = try bundle.shell(
        "mkdir /tmp/x; grep -E 'Seccomp:|CapEff' /proc/self/status",
        [("linux.seccomp", profile), ("process.noNewPrivileges", .bool(noNewPrivileges)), ("root.readonly", false)])
      #expect(outcome.errorText.contains("Input/output error"), "\(outcome)")
      #expect(outcome.text.contains("Seccomp:\t2") && outcome.text.contains("CapEff:\t0000000020000420"), "\(outcome)")
      let wrong = try bundle.shell("true", [("linux.seccomp", ["defaultAction": "SCMP_ACT_NOPE"])])
      #expect(wrong.code == 1 && wrong.errorText.contains("SCMP_ACT_NOPE"), "\(wrong)")
    }
  }

  /// covers LX-30
  @Test func sysctls() throws {
    try withBundle { bundle in
      let sysctl: JSON = ["net.ipv4.ip_forward": "1", "kernel.msgmax": "4321", "kernel/domainname": "dom"]
      let outcome = try bundle.shell(
        "cd /proc/sys; cat net/ipv4/ip_forward kernel/msgmax kernel/domainname", [("linux.sysctl", sysctl)])
      #expect(outcome.lines == ["1", "4321", "dom"], "\(outcome)")
      let host = try bundle.shell("true", [("linux.sysctl", ["kernel.panic": "9"])])
      #expect(host.code == 1 && host.errorText.contains("not in a separate kernel namespace"), "\(host)")
    }
  }

  /// covers LX-32, LX-33, LX-34
  @Test func userNamespacesAndJoins() throws {
    try withBundle { bundle in
      let map: JSON = [["containerID": 0, "hostID": 100_000, "size": 65536]]
      let own: [(String, JSON)] = [
        ("linux.namespaces+", ["type": "user"]), ("linux.uidMappings", map), ("linux.gidMappings", map),
      ]
      let outcome = try bundle.shell("id -u; cat /proc/self/uid_map; stat -c %t:%T /dev/null", own)
      #expect(
        outcome.code == 0 && outcome.text.contains("100000      65536") && outcome.text.hasSuffix("1:3\n"), "\(outcome)"
      )
      try bundle.startSleeper("first", own)
      #expect(try bundle.ok("exec", "first", "cat", "/proc/self/uid_map").contains("100000"))
      let pid = try JSON.parse(try bundle.ok("state", "first"))["pid"]?.integer(Int.self) ?? 0
      func join(_ type: String, _ name: String) -> JSON {
        ["type": .string(type), "path": .string("/proc/\(pid)/ns/\(name)")]
      }
      let joined: JSON = .array([
        join("user", "user"), join("pid", "pid"), join("network", "net"), join("ipc", "ipc"), join("uts", "uts"),
        ["type": "mount"],
      ])
      let second = try bundle.shell(
        "ps | grep -c 'sleep 1000'; hostname; readlink /proc/self/ns/net", id: "second",
        [("linux.namespaces", joined), ("hostname", "joined")])
      #expect(second.lines.contains("joined") && second.lines.first != "0", "\(second)")
      #expect(second.lines.last == (try readLink("/proc/\(pid)/ns/net")), "\(second)")
      let none = try bundle.shell(
        "true", id: "third", [("linux.namespaces+", ["type": "time", "path": "/no/such"])])
      #expect(none.code == 1 && none.errorText.contains("open time namespace /no/such"), "\(none)")
    }
  }

  @Test func timeNamespaces() throws {
    try withBundle { bundle in
      let outcome = try bundle.shell(
        "cut -d. -f1 /proc/uptime",
        [("linux.namespaces+", ["type": "time"]), ("linux.timeOffsets", ["boottime": ["secs": 5_000_000]])])
      #expect((Int(outcome.trimmed) ?? 0) >= 5_000_000, "\(outcome)")
    }
  }

  /// covers LX-35, LX-37
  @Test func limitsReachTheKernel() throws {
    try withBundle { bundle in
      try bundle.startSleeper(
        "c", [("linux.resources.memory", ["limit": 67_108_864]), ("linux.resources.pids", ["limit": 33])])
      func value(_ names: [String]) -> String? {
        for directory in bundle.cgroups("c") {
          for name in names { if let text = try? readText("\(directory)/\(name)") { return text.trimmed } }
        }
        return nil
      }
      #expect(value(["memory.limit_in_bytes", "memory.max"]) == "67108864")
      #expect(value(["pids.max"]) == "33")
      try bundle.ok("update", "-r", "-", "c", input: Array(#"{"pids":{"limit":44}}"#.utf8))
      #expect(value(["pids.max"]) == "44")
    }
  }
}
