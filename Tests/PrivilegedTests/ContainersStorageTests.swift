import Sys
import TestKit
import Testing

/// What a container writes to the disk by itself, and when a command waits for the disk.
@Suite(.needs(.root), .needs(.installed), .serialized) struct ContainersStorageTests {
  @Test func onlyTheContainersOwnChangesAreInItsLayer() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let id = try engine.ok("run", "-d", "--name", "c", "localhost/busybox", "true")
      try engine.ok("wait", "c")
      let upper = "\(engine.root)/containers/\(id)/upper"
      #expect(try entries(ofPath: upper).isEmpty, "the image has no /etc/hosts; a mount goes there")
      try engine.ok("run", "-d", "--name", "d", "localhost/busybox", "sh", "-c", "echo x >/etc/own; cat /etc/hosts")
      try engine.ok("wait", "d")
      #expect(try engine.ok("logs", "d").contains("localhost"))
    }
  }

  @Test func rootIsOpenWhateverTheCallersUmask() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let outcome = try TestKit.run(
        [
          "/bin/sh", "-c", "umask 077; exec \"$0\" run --rm -u user localhost/busybox stat -c %a / /etc /run",
          Installed.berth,
        ], environment: engine.environment)
      #expect(outcome.lines == ["755", "755", "755"], "\(outcome)")
    }
  }

  /// The log is synced after the last write to it and before the answer.
  // covers PD-24
  @Test func durableChangesAreSynced() throws {
    try withEngine { engine in
      try engine.ok("volume", "create", "first")
      let trace = engine.scratch + "/trace"
      try TestKit.run(
        ["strace", "-e", "trace=pwrite64,fdatasync,fsync,write", "-y", "-o", trace, Installed.berth]
          + ["volume", "create", "second"], environment: engine.environment)
      let calls = try readText(trace).split(separator: "\n").filter {
        $0.contains("state.db-wal") || $0.contains("second")
      }
      let synced = calls.lastIndex { $0.hasPrefix("fdatasync(") || $0.hasPrefix("fsync(") }
      let written = calls.lastIndex { $0.hasPrefix("pwrite64(") }
      let answered = calls.lastIndex { $0.hasPrefix("write(1") }
      #expect(written ?? .max < synced ?? -1 && synced ?? .max < answered ?? -1, "\(calls)")
    }
  }

  /// Before Linux 6.7 a mount's options fit one page, however many layers there are.
  @Test(.needs(.program("strace")), .needs(.program("fuse-overlayfs")), arguments: [(150, "overlay"), (300, "fuse")])
  func manyLayersOnAnOlderKernel(_ count: Int, _ kind: String) throws {
    try withEngine { engine in
      let script = parentPath(of: parentPath(of: #filePath)) + "/Fixtures/layers.py"
      #expect(try TestKit.run(["python3", script, engine.scratch + "/layout", "\(count)"]).code == 0)
      try engine.ok("load", "-i", engine.scratch + "/layout")
      let command = ["run", "--rm", "--network", "none", "many", "sh", "-c"]
      let say = "set -- /layer*; echo $#; while read -r _ at type _; do [ $at != / ] || echo $type; done </proc/mounts"
      #expect(try engine.berth(command + [say]).lines == ["\(count - 1)", "overlay"])
      let older = ["strace", "-o", "/dev/null", "-e", "trace=fsopen", "-e", "inject=fsopen:error=ENOSYS"]
      let outcome = try TestKit.run(
        engine.beside(older + [Installed.berth] + command + [say]), environment: engine.environment)
      #expect(outcome.lines.count == 2 && outcome.lines[0] == "\(count - 1)", "\(outcome)")
      #expect(outcome.lines.last?.hasPrefix(kind) == true, "\(outcome)")
    }
  }
}
