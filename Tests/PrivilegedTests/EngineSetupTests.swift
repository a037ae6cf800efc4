import Glibc
import JSON
import MonitorProtocol
import Sys
import TestKit
import Testing

/// Where an engine lives, which programs it uses, and what it says of itself.
@Suite(.needs(.root), .needs(.installed)) struct EngineSetupTests {
  private func expect(_ outcome: Outcome, names text: String, sourceLocation: SourceLocation = #_sourceLocation) {
    #expect(outcome.code == 125 && outcome.errorText.contains(text), "\(outcome)", sourceLocation: sourceLocation)
  }

  // covers PD-01, PD-02: directories, given and checked; an engine does not mix two run directories
  @Test func directories() throws {
    try withEngine { engine in
      expect(try engine.berth("--root", "relative", "ps"), names: "--root \"relative\" is not an absolute path")
      expect(try engine.berth("--runroot", "", "ps"), names: "--runroot \"\" is not an absolute path")
      try engine.ok("ps")
      #expect(exists(engine.root + "/state.db"))
      expect(
        try engine.berth("--runroot", engine.scratch + "/other", "ps"), names: "was made with runroot \(engine.runroot)"
      )
    }
  }

  // covers PD-03: an ordinary user whose runtime directory cannot be made is told which variable names it
  @Test(.needs(.program("setpriv"))) func ordinaryUsers() throws {
    let outcome = try run(
      ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", Installed.berth, "ps"],
      environment: ["XDG_RUNTIME_DIR": "/nonexistent"])
    expect(outcome, names: "make /nonexistent/berth: Permission denied")
    expect(outcome, names: "XDG_RUNTIME_DIR")
  }

  // covers PD-04, LX-13: the OCI runtime by name or path, and helpers that are not there
  @Test func programs() throws {
    try withEngine { engine in
      try engine.importBusybox()
      for runtime in ["berth-runtime", "crun", "runc", Installed.runtime] {
        #expect(try engine.ok("run", "--rm", "--runtime", runtime, "busybox", "echo", "x") == "x", "\(runtime)")
      }
      expect(try engine.berth("run", "--runtime", "no-such", "busybox"), names: "OCI runtime \"no-such\" not found")
      #expect(try engine.ok("--runtime-flag", "log-format=json", "run", "--rm", "busybox", "echo", "x") == "x")
      expect(try engine.berth("--runtime-flag", "no-such", "run", "--rm", "busybox"), names: "no-such")
      let outcome = try engine.berth(["run", "busybox"], environment: ["BERTH_LIBEXEC": "/nonexistent"])
      expect(outcome, names: "berth-monitor is not in /nonexistent")
    }
  }

  // covers LX-13: what the runtime cannot do without is named
  @Test func preconditions() throws {
    for (change, words) in [
      ("mount -t tmpfs none /proc", "/proc is not a procfs"), ("umount -R /sys/fs/cgroup", "/sys/fs/cgroup"),
    ] {
      try withScratch { scratch in
        try makeBusyboxRootfs(scratch + "/rootfs")
        let script = """
          cd \(scratch); \(Installed.runtime) spec; sed -i 's/"terminal": true/"terminal": false/' config.json
          \(change)
          \(Installed.runtime) --root \(scratch)/state run unready
          """
        let outcome = try run(["unshare", "-m", "sh", "-c", script])
        #expect(outcome.code != 0 && outcome.errorText.contains(words), "\(outcome)")
      }
    }
  }

  // covers PD-16
  @Test func info() throws {
    try withEngine { engine in
      let info = try JSON.parse(try engine.ok("info", "--format", "json"))
      #expect(info["host"]?["arch"]?.string == "amd64" || info["host"]?["arch"]?.string == "arm64")
      #expect(info["host"]?["kernel"]?.string == (try run(["uname", "-r"])).trimmed)
      #expect(info["store"]?["graphRoot"]?.string == engine.root)
      #expect(info["version"]?["Version"]?.string?.isEmpty == false)
      #expect(info["plugins"]?["network"]?.strings?.contains("bridge") == true)
    }
  }

  // covers PD-48: any of several states; other states than stopped and exited give -1
  @Test func waitingForConditions() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("create", "--name", "w", "busybox", "sh", "-c", "exit 4")
      #expect(try engine.ok("wait", "--condition", "configured", "w") == "-1")
      try engine.ok("start", "w")
      #expect(try engine.ok("wait", "--condition", "stopped", "--condition", "exited", "w") == "4")
      expect(try engine.berth("wait", "--condition", "sleepy", "w"), names: "sleepy")
    }
  }

  // covers PD-47: --interval looks also where nothing told of a change
  @Test func waitingAtIntervals() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let id = try engine.ok("run", "-d", "--name", "w", "busybox", "sleep", "1000")
      let wait = try engine.startBerth(["wait", "--interval", "20ms", "w"])
      usleep(100_000)
      let file = engine.runroot + "/containers/\(id)/exit"
      try replaceFile(file, with: ExitRecord(code: 3, finished: "").json.bytes(), durable: false)
      #expect(try wait.wait() == .exited(code: 0))
      #expect(try engine.ok("wait", "-i", "250", "w") == "3")
      #expect(try engine.ok("wait", "--interval", "1m30s", "w") == "3")
      for text in ["soon", "", "-1s"] {
        expect(
          try engine.berth("wait", "--interval", text, "w"), names: "--interval \"\(text)\": want a length of time")
      }
    }
  }

  // covers LP-15: every blob's name is the digest of its bytes
  @Test func blobsAreNamedByTheirBytes() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let names = try entries(ofPath: engine.root + "/blobs/sha256").map(\.name)
      #expect(names.count >= 2)
      for name in names {
        #expect(try run(["sha256sum", engine.root + "/blobs/sha256/" + name]).text.hasPrefix(name))
      }
    }
  }

  // covers LP-39: a detached exec leaves the container's log alone
  @Test func detachedExecsHaveNoPartInTheLog() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "-d", "--name", "w", "busybox", "sh", "-c", "echo own; sleep 100")
      #expect(try eventually { try engine.ok("logs", "w") == "own" })
      try engine.ok("exec", "-d", "w", "sh", "-c", "echo other; touch /done")
      #expect(try eventually { try engine.berth("exec", "w", "test", "-e", "/done").code == 0 })
      #expect(try engine.ok("logs", "w") == "own")
    }
  }

  // covers LP-46: a root filesystem that is not there is named
  @Test func missingRootFilesystems() throws {
    try withEngine { engine in
      expect(try engine.berth("run", "--rootfs", "/no/such/rootfs", "true"), names: "/no/such/rootfs")
    }
  }

  // covers LX-28: a profile is wanted where the kernel has no AppArmor
  @Test(.enabled("a kernel without AppArmor") { !exists("/sys/kernel/security/apparmor") })
  func appArmorIsNotIgnored() throws {
    try withEngine { engine in
      try engine.importBusybox()
      expect(
        try engine.berth("run", "--security-opt", "apparmor=strict", "busybox"),
        names: "apparmor=strict is not supported")
    }
  }
}
