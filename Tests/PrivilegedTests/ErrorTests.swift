import CSys
import Glibc
import Sys
import TestKit
import Testing

/// Errors a person can act on: what failed, on what, why, the next step; and the right exit code.
@Suite(.serialized, .needs(.root), .needs(.installed)) struct ErrorTests {
  private func expect(
    _ outcome: Outcome, code: CInt, names object: String, hint: Bool = true,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(outcome.code == code, "\(outcome)", sourceLocation: sourceLocation)
    #expect(outcome.errorText.contains(object), "does not name \(object): \(outcome)", sourceLocation: sourceLocation)
    #expect(outcome.errorText.hasPrefix("error: "), "\(outcome)", sourceLocation: sourceLocation)
    if hint {
      #expect(outcome.errorText.contains("hint: "), "no next step: \(outcome)", sourceLocation: sourceLocation)
    }
  }

  /// covers PD-66, G.7: 125 for what the engine refuses.
  @Test func engineErrors() throws {
    try withEngine { engine in
      try engine.importBusybox()
      expect(try engine.berth("run", "--pull=never", "localhost/absent"), code: 125, names: "localhost/absent")
      expect(try engine.berth("start", "absent"), code: 125, names: "absent")
      expect(try engine.berth("run", "--no-such-flag", "localhost/busybox"), code: 125, names: "--no-such-flag")
      expect(try engine.berth("run", "--memory", "lots", "localhost/busybox"), code: 125, names: "lots", hint: false)
      expect(
        try engine.berth("run", "-v", "/no/such/source:/x", "localhost/busybox"), code: 125, names: "/no/such/source")
      expect(try engine.berth("run", "-u", "nobody-here", "localhost/busybox"), code: 125, names: "nobody-here")
      expect(
        try engine.berth("run", "--network", "absent", "localhost/busybox"), code: 125, names: "absent")
      expect(try engine.berth("run", "-p", "80:81:82:83", "localhost/busybox"), code: 125, names: "80:81:82:83")
      expect(try engine.berth("no-such-command"), code: 125, names: "no-such-command")
    }
  }

  /// covers LP-19, LP-37, LP-50: another platform's image is not run in silence; what looks like a directory is told as one.
  @Test func platformsAndDirectories() throws {
    try withEngine { engine in
      try engine.importBusybox()
      #if arch(x86_64)
        #expect(
          try engine.ok("run", "--rm", "--platform", "linux/amd64", "localhost/busybox", "echo", "here") == "here")
      #endif
      let never = try engine.berth(
        "run", "--rm", "--pull", "never", "--platform", "linux/s390x", "localhost/busybox", "echo", "started")
      expect(never, code: 125, names: "not for linux/s390x")
      let missing = try engine.berth("run", "--rm", "--platform", "linux/s390x", "localhost/busybox", "echo", "started")
      #expect(missing.code == 125 && missing.errorText.contains("not for linux/s390x: "), "\(missing)")
      #expect(!never.text.contains("started") && !missing.text.contains("started"))
      expect(try engine.berth("run", "-v", "a/b:/x", "localhost/busybox"), code: 125, names: "volume name \"a/b\"")
      expect(try engine.berth("run", "--cpuset-cpus", "0,4095", "localhost/busybox"), code: 125, names: "0,4095")
      try engine.ok("run", "-d", "--name", "web", "localhost/busybox", "sleep", "1000")
      for directory in ["/absent", "/etc/passwd"] {
        expect(try engine.berth("exec", "-w", directory, "web", "true"), code: 127, names: directory)
      }
      #expect(try engine.ok("exec", "-w", "/etc", "web", "pwd") == "/etc")
    }
  }

  /// covers PD-26, PD-50, G.22: a taken name, a running container.
  @Test func conflicts() throws {
    try withEngine { engine in
      try engine.importBusybox()
      try engine.ok("run", "-d", "--name", "web", "localhost/busybox", "sleep", "1000")
      expect(try engine.berth("create", "--name", "web", "localhost/busybox"), code: 125, names: "web")
      let removal = try engine.berth("rm", "web")
      #expect(removal.code != 0)
      #expect(removal.errorText.contains("web") && removal.errorText.contains("hint: "), "\(removal)")
      let image = try engine.berth("rmi", "localhost/busybox")
      #expect(image.code != 0 && image.errorText.contains("busybox"), "\(image)")
      #expect(try engine.ok("inspect", "--format", "{{.State.Status}}", "web") == "running")
    }
  }

  /// covers PD-66, LX-09: 127 a missing command, 126 one that is not executable, 128+n a signal, and the command's own.
  @Test(
    arguments: [
      (["absent-command"], 127, "absent-command"), (["/etc/passwd"], 126, "/etc/passwd"), (["/tmp"], 126, "/tmp"),
    ] as [([String], CInt, String)])
  func commandsThatCannotRun(_ command: [String], _ code: CInt, _ object: String) throws {
    try withEngine { engine in
      try engine.importBusybox()
      expect(try engine.berth(["run", "--rm", "localhost/busybox"] + command), code: code, names: object)
      try engine.ok("run", "-d", "--name", "web", "localhost/busybox", "sleep", "1000")
      expect(try engine.berth(["exec", "web"] + command), code: code, names: object)
    }
  }

  /// covers PD-55, PD-66: the contained command's own code, and signals.
  @Test func exitCodesComeThrough() throws {
    try withEngine { engine in
      try engine.importBusybox()
      #expect(try engine.berth("run", "--rm", "localhost/busybox", "sh", "-c", "exit 42").code == 42)
      #expect(
        try engine.berth("run", "--rm", "localhost/busybox", "sh", "-c", "sh -c 'kill -9 $$'; exit $?").code == 137)
      #expect(try engine.berth("run", "--rm", "localhost/busybox", "sh", "-c", "kill -TERM $$; sleep 1").code != 125)
      try engine.ok("run", "-d", "--name", "web", "localhost/busybox", "sleep", "1000")
      #expect(try engine.berth("exec", "web", "sh", "-c", "exit 3").code == 3)
    }
  }

  /// covers DESIGN part 4: a full disk is named, and nothing half made is listed.
  @Test func aFullDisk() throws {
    try withScratch { scratch in
      let disk = scratch + "/disk"
      try makeDirectories(disk)
      try check(csys_mount("tmpfs", disk, "tmpfs", 0, "size=3m"))
      defer { _ = csys_umount2(disk, CInt(MNT_DETACH)) }
      let engine = TestEngine(scratch: disk)
      let archive = scratch + "/large.tar"
      try TestKit.run([
        "sh", "-c",
        "mkdir \(scratch)/in && head -c 8000000 /dev/urandom > \(scratch)/in/large && tar -C \(scratch)/in -cf \(archive) .",
      ])
      let outcome = try engine.berth("import", archive, "localhost/large")
      #expect(outcome.code == 125 && outcome.errorText.lowercased().contains("no space left"), "\(outcome)")
      #expect(try engine.berth("images", "-q").trimmed == "")
      #expect(((try? entries(ofPath: engine.root + "/layers")) ?? []).isEmpty)
    }
  }

  /// The image that ships inside: no registry, no network.
  @Test func helloRunsWithoutARegistry() throws {
    try withEngine { engine in
      let outcome = try engine.berth("run", "--rm", "hello")
      #expect(outcome.code == 0 && outcome.text.contains("Hello from Berth!"), "\(outcome)")
      #expect(outcome.text.contains("seccomp            filter"), "\(outcome)")
    }
  }
}
