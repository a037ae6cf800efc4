import JSON
import Sys
import TestKit
import Testing

/// What a machine can show on which CRIU cannot dump; that containers come back is shown in a virtual machine
/// (Tests/VM).
@Suite(.needs(.root), .needs(.installed), .needs(.program("busybox"))) struct RuntimeCheckpointTests {
  /// A CRIU that fails leaves the container running, and of the checkpoint nothing.
  @Test func aDumpThatFailsLeavesTheContainerRunning() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      // It takes the request, says no, and ends.
      let fake = bundle.scratch + "/criu"
      let program = """
        #!/usr/bin/python3
        import socket
        link = socket.socket(fileno=3)
        link.recv(65536)
        link.send(bytes([8, 1, 16, 0, 56, 16, 74, 2]) + b"no")
        """
      try replaceFile(fake, with: Array(program.utf8), mode: 0o755, durable: false)
      let failed = try bundle.runtime("--criu", fake, "checkpoint", "--image-path", bundle.scratch + "/images", "c")
      #expect(failed.code == 1 && failed.errorText.contains("checkpoint c: criu failed: no"), "\(failed)")
      #expect(failed.errorText.contains("criu check"), "the next step: \(failed)")
      #expect(try bundle.status() == "running")
      #expect(!exists(bundle.scratch + "/images"))

      try replaceFile(fake, with: Array("#!/bin/sh\nexit 3\n".utf8), mode: 0o755, durable: false)
      let ended = try bundle.runtime("--criu", fake, "checkpoint", "--image-path", bundle.scratch + "/images", "c")
      #expect(ended.code == 1 && ended.errorText.contains("criu ended unexpectedly"), "\(ended)")
      #expect(!exists(bundle.scratch + "/images"))
      #expect(try bundle.status() == "running")
    }
  }

  @Test func withoutCRIUTheErrorSaysWhatToInstall() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      let missing = try bundle.runtime(
        "--criu", bundle.scratch + "/nothing", "checkpoint", "--image-path", bundle.scratch + "/images", "c")
      #expect(missing.code == 1 && missing.errorText.contains("nothing cannot be executed"), "\(missing)")
      #expect(!exists(bundle.scratch + "/images"))
      #expect(try bundle.status() == "running")
    }
  }

  /// A restore that fails takes everything back: the ID, the cgroup, the mounts.
  @Test func aRestoreThatFailsLeavesNothing() throws {
    try withBundle { bundle in
      let images = bundle.scratch + "/images"
      let nowhere = try bundle.runtime("restore", "-b", bundle.path, "--image-path", images, "c")
      #expect(nowhere.code == 1 && nowhere.errorText.contains("open checkpoint \(images)"), "\(nowhere)")
      try makeDirectories(images)
      try replaceFile(images + "/descriptors.json", with: Array("[]".utf8), durable: false)
      try replaceFile(
        bundle.scratch + "/criu", with: Array("#!/bin/sh\nexit 3\n".utf8), mode: 0o755, durable: false)
      let failed = try bundle.runtime(
        "--criu", bundle.scratch + "/criu", "restore", "-d", "-b", bundle.path, "--image-path", images, "c")
      #expect(failed.code == 1 && failed.errorText.contains("criu ended unexpectedly"), "\(failed)")
      #expect(try bundle.runtime("state", "c").errorText.contains("container does not exist"))
      #expect(bundle.cgroups("c").isEmpty)
      #expect(try entries(ofPath: bundle.state).isEmpty)
    }
  }

  @Test func onlyARunningContainerIsDumped() throws {
    try withBundle { bundle in
      try bundle.configure([("process.args", ["sleep", "1000"])])
      try bundle.ok("create", "-b", bundle.path, "c")
      let early = try bundle.runtime("checkpoint", "--image-path", bundle.scratch + "/images", "c")
      #expect(early.code == 1 && early.errorText.contains("container that is created"), "\(early)")
      let change = try bundle.runtime("restore", "--no-pivot", "d")
      #expect(change.code == 1 && change.errorText.contains("--no-pivot"), "\(change)")
    }
  }
}
