import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

/// One test for each class of escape that runtimes have had.
@Suite(.needs(.root), .needs(.installed), .needs(.program("busybox"))) struct RuntimeSecurityTests {
  /// CVE-2024-21626: no descriptor of the runtime leads out as a working directory, and none is left for the command.
  @Test func noDescriptorLeadsOut() throws {
    try withBundle { bundle in
      let own = try Sys.status("/").st_ino
      for number in 3..<40 {
        let outcome = try bundle.shell("stat -c %i . ..; pwd", [("process.cwd", .string("/proc/self/fd/\(number)"))])
        if outcome.code == 0 {
          #expect(outcome.lines.last == "/" && !outcome.lines.contains("\(own)"), "descriptor \(number): \(outcome)")
        }
      }
      let listed = try bundle.shell("ls /proc/self/fd")
      #expect(listed.lines.allSatisfy { (Int($0) ?? 9) <= 3 }, "\(listed)")  // 3 is ls's own
      try bundle.startSleeper()
      for number in 3..<40 {
        let outcome = try bundle.runtime("exec", "--cwd", "/proc/self/fd/\(number)", "c", "stat", "-c", "%i", ".")
        #expect(outcome.code != 0 || outcome.trimmed != "\(own)", "exec, descriptor \(number): \(outcome)")
      }
    }
  }

  /// CVE-2021-30465 and its like: a symlink in the image does not move a mount out of the root.  covers LX-21
  @Test func mountTargetsStayInside() throws {
    try withBundle { bundle in
      let outside = bundle.scratch + "/outside"
      try makeDirectories(outside)
      try makeDirectories(bundle.scratch + "/source")
      for (name, target) in [
        ("up", "../../../../../../../../../.." + outside), ("rooted", outside), ("dangling", "/made/later"),
      ] {
        try check(csys_symlinkat(target, AT_FDCWD, "\(bundle.rootfs)/\(name)"))
      }
      let outcome = try bundle.shell(
        "ls -d /made/later/x \(outside)/a \(outside)/b",
        ["/up/a", "/rooted/b", "/dangling/x"].map { bundle.bind(bundle.scratch + "/source", $0) })
      #expect(outcome.code == 0 && outcome.lines.count == 3, "\(outcome)")
      #expect(try entries(ofPath: outside).isEmpty)
    }
  }

  /// CVE-2023-27561, CVE-2019-19921: /proc as a symlink, and binds that would redirect our own writes to /proc.
  @Test func procIsProc() throws {
    try withBundle { bundle in
      let inside = try bundle.shell("true", [bundle.bind(bundle.scratch, "/proc/self/attr")])
      #expect(inside.code == 1 && inside.errorText.contains("/proc/self/attr in /proc"), "\(inside)")
      try removeTree(bundle.rootfs + "/proc")
      try makeDirectories(bundle.rootfs + "/elsewhere")
      try check(csys_symlinkat("elsewhere", AT_FDCWD, bundle.rootfs + "/proc"))
      let linked = try bundle.shell("true")
      #expect(
        linked.code == 1 && linked.errorText.contains("it must be mounted on ordinary directory, no symlink"),
        "\(linked)")
    }
  }

  /// CVE-2025-31133: an image's /dev/null that is a symlink hides nothing, and so is not used.
  @Test func maskingNeedsTheRealNull() throws {
    try withBundle { bundle in
      let dev = bundle.scratch + "/dev"
      try makeDirectories(dev)
      try makeDirectories(dev + "/pts")
      try makeDirectories(dev + "/shm")
      try makeDirectories(dev + "/mqueue")
      try check(csys_symlinkat("/etc/passwd", AT_FDCWD, dev + "/null"))
      let outcome = try bundle.shell(
        "true",
        [
          ("mounts", [["destination": "/proc", "type": "proc", "source": "proc"]]), bundle.bind(dev, "/dev"),
          ("linux.maskedPaths", ["/proc/keys"]),
        ])
      #expect(outcome.code == 1 && outcome.errorText.contains("mask /proc/keys"), "\(outcome)")
    }
  }

  /// CVE-2025-52565: the terminal multiplexer must be devpts's own.
  @Test(arguments: ["file", "node", "slave", "symlink"]) func terminalsComeFromDevpts(_ kind: String) throws {
    try withBundle { bundle in
      let path = bundle.scratch + "/console"
      let listener = try listenUnix(path, type: CInt(SOCK_STREAM.rawValue))
      let multiplexer = bundle.rootfs + "/dev/pts/ptmx"
      try makeDirectories(bundle.rootfs + "/dev/pts/pts")
      var mounts: [JSON] = [["destination": "/proc", "type": "proc", "source": "proc"]]
      // A terminal of the host's devpts, of which somebody else holds the other end.
      let foreign = try open("/dev/ptmx", O_RDWR | O_NOCTTY)
      switch kind {
      case "node":  // looks for its devpts in the directory `pts` beside it
        try check(csys_mknodat(AT_FDCWD, multiplexer, S_IFCHR | 0o666, 5 << 8 | 2))
        mounts.append(["destination": "/dev/pts/pts", "type": "bind", "source": "/dev/pts", "options": ["bind"]])
      case "slave":
        try replaceFile(multiplexer, with: [], durable: false)
        var number: CInt = 0  // TIOCGPTN
        try check(
          withUnsafeMutablePointer(to: &number) { csys_ioctl(foreign.borrowed, 0x8004_5430, UInt(bitPattern: $0)) })
        let slave = "/dev/pts/\(number)"
        mounts.append(["destination": "/dev/pts/ptmx", "type": "bind", "source": .string(slave), "options": ["bind"]])
      case "symlink":
        mounts.append(["destination": "/dev/pts/pts", "type": "bind", "source": "/dev/pts", "options": ["bind"]])
        try check(csys_symlinkat("pts/ptmx", AT_FDCWD, multiplexer))
      default: try replaceFile(multiplexer, with: [], durable: false)
      }
      try bundle.configure([("process.terminal", true), ("linux.maskedPaths", []), ("mounts", .array(mounts))])
      let outcome = try bundle.runtime("create", "-b", bundle.path, "--console-socket", path, "c")
      #expect(outcome.code == 1 && outcome.errorText.contains("set up the console: /dev/pts/ptmx"), "\(outcome)")
      _ = listener.borrowed
    }
  }

  /// The state of another process under a recycled pid is not the container's.
  @Test func aPidAloneIsNotTrusted() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      let path = bundle.state + "/c/state.json"
      usleep(50_000)  // start times count in hundredths of a second: the other's must differ
      let other = try start(["sleep", "1000"])
      var object = try #require(try JSON.parse(try readFile(path)).object)
      let pid = try #require(object["pid"]?.integer(pid_t.self))
      object["pid"] = JSON(other.pid)
      try replaceFile(path, with: JSON.object(object).bytes(), durable: false)
      #expect(try bundle.status() == "stopped")
      #expect(try bundle.runtime("kill", "c", "KILL").code == 1)
      #expect(csys_kill(other.pid, 0) == 0)
      try other.signal(SIGKILL)
      _ = try other.wait()
      _ = csys_kill(pid, SIGKILL)
      try bundle.ok("delete", "-f", "c")
    }
  }

  /// CVE-2016-9962, CVE-2022-29162: no capability that was not asked for, none inheritable by default.
  @Test func nothingIsInheritable() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      for text in [try readText("/proc/self/status"), try bundle.ok("exec", "c", "cat", "/proc/self/status")]
        .dropFirst()
      {
        #expect(text.contains("CapInh:\t0000000000000000") && text.contains("CapAmb:\t0000000000000000"), "\(text)")
      }
    }
  }
}
