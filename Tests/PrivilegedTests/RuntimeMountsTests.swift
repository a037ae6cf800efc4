import Glibc
import JSON
import Sys
import TestKit
import Testing

/// `mounts add` and `mounts remove` on a running container, as crun has them.
@Suite(.needs(.root), .needs(.installed), .needs(.program("busybox"))) struct RuntimeMountsTests {
  private func write(_ bundle: RuntimeBundle, _ json: JSON) throws -> String {
    let path = bundle.scratch + "/mounts.json"
    try replaceFile(path, with: json.bytes(), durable: false)
    return path
  }

  /// covers LX-20, LX-21
  @Test(arguments: [false, true]) func mountsComeAndGo(_ isMapped: Bool) throws {
    try withBundle { bundle in
      try makeDirectories(bundle.scratch + "/source")
      try replaceFile(bundle.scratch + "/source/file", with: Array("inside".utf8), durable: false)
      var changes: [(String, JSON)] = [("root.readonly", false)]
      if isMapped {
        let map: JSON = [["containerID": 0, "hostID": 100_000, "size": 65536]]
        changes += [("linux.uidMappings", map), ("linux.gidMappings", map), ("linux.namespaces+", ["type": "user"])]
        try TestKit.run(["chown", "-R", "100000:100000", bundle.rootfs])
        try TestKit.run(["chmod", "755", bundle.scratch])
      }
      try bundle.startSleeper("c", changes)
      let source: JSON = .string(bundle.scratch + "/source")
      let file = try write(
        bundle,
        [
          ["destination": "/mnt/bound", "type": "bind", "source": source, "options": ["rbind", "ro"]],
          ["destination": "/mnt/memory", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k"]],
        ])
      try bundle.ok("mounts", "add", "c", file)
      #expect(try bundle.ok("exec", "c", "cat", "/mnt/bound/file") == "inside")
      #expect(try bundle.runtime("exec", "c", "touch", "/mnt/bound/new").code != 0)
      try bundle.ok("exec", "c", "touch", "/mnt/memory/new")
      try bundle.ok("mounts", "remove", "c", file)
      #expect(try bundle.runtime("exec", "c", "cat", "/mnt/bound/file").code != 0)
      #expect(try bundle.runtime("exec", "c", "ls", "/mnt/memory/new").code != 0)
      let again = try bundle.runtime("mounts", "remove", "c", file)
      #expect(again.code == 1 && again.errorText.contains("to remove at /mnt/bound"), "\(again)")
    }
  }

  /// A link of the container's own leads nowhere but inside it.
  @Test func destinationsStayInside() throws {
    try withBundle { bundle in
      try bundle.startSleeper("c", [("root.readonly", false)])
      try bundle.ok("exec", "c", "ln", "-s", bundle.scratch, "/out")
      let file = try write(bundle, [["destination": "/out/place", "type": "tmpfs", "source": "tmpfs"]])
      try bundle.ok("mounts", "add", "c", file)
      #expect(!exists(bundle.scratch + "/place"))
      #expect(exists(bundle.rootfs + bundle.scratch + "/place"))
    }
  }

  @Test func errorsNameWhatIsWrong() throws {
    try withBundle { bundle in
      try bundle.startSleeper()
      for (json, text) in [
        (["mounts": []], "mounts must be an array"), ([["type": "tmpfs"]], "destination"),
        ([["destination": "/dev/x", "type": "bind", "source": "/no/such", "options": ["bind"]]], "/no/such"),
        ([["destination": "/dev/x", "type": "bind", "source": "/tmp", "options": ["bind", "idmap"]]], "is idmapped"),
        ([["destination": "/dev/x", "type": "nosuchfs", "source": "x"]], "mount x at /dev/x"),
      ] as [(JSON, String)] {
        let outcome = try bundle.runtime("mounts", "add", "c", try write(bundle, json))
        #expect(outcome.code == 1 && outcome.errorText.contains(text), "\(outcome)")
      }
      for words in [["move", "c", "x"], ["add", "c"], ["add", "absent", "/dev/null"]] {
        #expect(try TestKit.run([Installed.runtime, "--root", bundle.state, "mounts"] + words).code == 1)
      }
    }
  }
}
