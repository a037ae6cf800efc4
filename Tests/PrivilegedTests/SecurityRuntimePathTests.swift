import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// Paths inside hostile root filesystems that the runtime mounts on, masks with or writes to.
@Suite(.needs(.root), .needs(.installed), .serialized) struct SecurityRuntimePathTests {
  /// CVE-2021-30465, standing still: a mount's destination leads through a symlink to a directory of the host.
  @Test func mountsStayInsideTheRootFilesystem() throws {
    try withHostileBundle { bundle in
      let outside = bundle.scratch + "/outside"
      try makeDirectories(outside)
      for (index, target) in [outside, "../../../../../../../../..\(outside)"].enumerated() {
        try check(csys_symlinkat(target, AT_FDCWD, "\(bundle.rootfs)/evil\(index)"))
        bundle.mounts =
          SecurityRuntimeBundle.usualMounts + [
            ["destination": .string("/evil\(index)/x"), "type": "tmpfs", "source": "tmpfs"]
          ]
        _ = try bundle.shell("true")
        _ = try bundle.runtime("delete", "--force", bundle.id)
        #expect(try entries(ofPath: outside).isEmpty, "made in the host's directory")
      }
    }
  }

  /// CVE-2021-30465, racing: a second container swaps the destination and a symlink while the first is made.
  @Test func mountsStayInsideWhileTheRootFilesystemChanges() throws {
    try withHostileBundle { bundle in
      let outside = bundle.scratch + "/outside"
      try makeDirectories(outside + "/x")
      try makeDirectories(bundle.rootfs + "/race/x")
      try check(csys_symlinkat(outside, AT_FDCWD, bundle.rootfs + "/swap"))
      bundle.mounts =
        SecurityRuntimeBundle.usualMounts + [
          [
            "destination": "/race/x", "type": "bind", "source": .string(bundle.scratch + "/source"),
            "options": ["bind"],
          ]
        ]
      try makeDirectories(bundle.scratch + "/source")
      try whileSwapping(bundle.rootfs + "/race", bundle.rootfs + "/swap") {
        for _ in 0..<25 {
          // A mount that had got out would not be seen from inside: where the run succeeds, it is seen.
          let outcome = try bundle.shell("grep -c ' \(bundle.scratch)/source ' /proc/self/mountinfo; true")
          if outcome.code == 0 { #expect(outcome.trimmed == "1", "\(outcome)") }
          _ = try bundle.runtime("delete", "--force", bundle.id)
          #expect(mountPoints(below: outside).isEmpty)
          #expect(try entries(ofPath: outside).map(\.name) == ["x"])
        }
      }
    }
  }

  /// CVE-2023-27561 (and -2019-19921): /proc or /sys is a symlink, so that masks fall beside the real files.
  @Test(arguments: ["proc", "sys"]) func procAndSysAreNoSymlinks(_ name: String) throws {
    try withHostileBundle { bundle in
      let root = bundle.rootfs
      try check(csys_unlinkat(AT_FDCWD, "\(root)/\(name)", AT_REMOVEDIR))
      try makeDirectories(root + "/tmp/decoy")
      try check(csys_symlinkat("/tmp/decoy", AT_FDCWD, "\(root)/\(name)"))
      bundle.linux["maskedPaths"] = ["/proc/version", "/sys/kernel"]
      let outcome = try bundle.shell("cat /tmp/decoy/version; ls -d /tmp/decoy/kernel/mm")
      #expect(!outcome.text.contains("Linux version"), "\(outcome)")
      #expect(!outcome.text.contains("kernel/mm"), "\(outcome)")
      #expect(outcome.code != 0 && outcome.errorText.contains("/\(name)"), "it went through the symlink: \(outcome)")
    }
  }

  /// CVE-2025-31133: /dev/null of the image is a symlink, and is bound over the masked paths.
  @Test func masksAreMadeOfTheRealNull() throws {
    try withHostileBundle { bundle in
      bundle.mounts = [["destination": "/proc", "type": "proc", "source": "proc"]]
      bundle.linux["maskedPaths"] = ["/etc/secret", "/proc/version", "/etc/directory"]
      try replaceFile(bundle.rootfs + "/etc/secret", with: Array("masked file".utf8), durable: false)
      try replaceFile(bundle.rootfs + "/etc/other", with: Array("other file".utf8), durable: false)
      try makeDirectories(bundle.rootfs + "/etc/directory/inside")
      try check(csys_symlinkat("/etc/other", AT_FDCWD, bundle.rootfs + "/dev/null"))
      let outcome = try bundle.shell("cat /etc/secret /proc/version; ls /etc/directory; stat -c %t:%T /etc/secret")
      #expect(!outcome.text.contains("file"), "\(outcome)")
      #expect(!outcome.text.contains("Linux version"), "\(outcome)")
      #expect(!outcome.text.contains("inside"), "\(outcome)")
    }
  }

  /// CVE-2025-52565: /dev/console of the image is a symlink, and the terminal is bound over what it names.
  @Test func theConsoleIsBoundOnlyToDevConsole() throws {
    try withHostileBundle { bundle in
      bundle.mounts = [
        ["destination": "/proc", "type": "proc", "source": "proc"],
        [
          "destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["newinstance", "ptmxmode=0666"],
        ],
      ]
      try replaceFile(bundle.rootfs + "/etc/target", with: [], durable: false)
      try check(csys_symlinkat("/etc/target", AT_FDCWD, bundle.rootfs + "/dev/console"))
      try bundle.write(["/bin/sleep", "1000"], terminal: true)
      let socketPath = bundle.scratch + "/console"
      let listener = try listenUnix(socketPath, type: SOCK_STREAM_)
      let created = try bundle.runtime(
        "create", "--bundle", bundle.bundle, "--console-socket", socketPath, "--pid-file", bundle.scratch + "/pid",
        bundle.id)
      _ = listener.borrowed
      guard created.code == 0 else { return }  // refused: as good
      let pid = try readText(bundle.scratch + "/pid").trimmed
      let mounts = try readText("/proc/\(pid)/mountinfo")
      #expect(!mounts.contains(" /etc/target "), "\(mounts)")
    }
  }
  private let SOCK_STREAM_: CInt = 1

  /// CVE-2025-52881: writes to /proc land in files that the container chose.
  @Test func settingsAreWrittenToTheRealProcOnly() throws {
    try withHostileBundle { bundle in
      let decoy = bundle.scratch + "/decoy"
      try makeDirectories(decoy + "/ipv4")
      try replaceFile(decoy + "/ipv4/ip_forward", with: Array("decoy".utf8), durable: false)
      bundle.linux["sysctl"] = ["net.ipv4.ip_forward": "1"]
      bundle.mounts =
        SecurityRuntimeBundle.usualMounts + [
          ["destination": "/proc/sys/net", "type": "bind", "source": .string(decoy), "options": ["bind"]]
        ]
      let outcome = try bundle.shell("true")
      #expect(try readText(decoy + "/ipv4/ip_forward") == "decoy", "\(outcome)")
      _ = try bundle.runtime("delete", "--force", bundle.id)
      // The same with all of /proc.
      try makeDirectories(decoy + "/proc/sys/net/ipv4")
      try replaceFile(decoy + "/proc/sys/net/ipv4/ip_forward", with: Array("decoy".utf8), durable: false)
      bundle.mounts = [
        ["destination": "/proc", "type": "bind", "source": .string(decoy + "/proc"), "options": ["bind"]]
      ]
      let second = try bundle.shell("true")
      #expect(try readText(decoy + "/proc/sys/net/ipv4/ip_forward") == "decoy", "\(second)")
    }
  }
}
