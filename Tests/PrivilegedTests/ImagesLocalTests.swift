import Glibc
import JSON
import Sys
import TestKit
import Testing

/// Images without a registry: archives that other programs wrote, imports, removal.
@Suite(.serialized, .needs(.root), .needs(.installed), .needs(.program("skopeo")), .needs(.program("umoci")))
struct ImagesLocalTests {
  private func shell(_ script: String) throws {
    let outcome = try TestKit.run(["/bin/bash", "-ec", script])
    #expect(outcome.code == 0, "\(outcome)")
  }

  /// An OCI layout with one image of two layers.
  private func layout(_ scratch: String) throws -> String {
    try shell(
      """
      cd \(scratch); umoci init --layout l; umoci new --image l:app
      umoci unpack --image l:app b; mkdir b/rootfs/etc; echo one >b/rootfs/etc/a; umoci repack --image l:app b; rm -rf b
      umoci unpack --image l:app b; rm b/rootfs/etc/a; echo two >b/rootfs/etc/b; umoci repack --image l:app b; rm -rf b
      """)
    return scratch + "/l"
  }

  // covers PD-96
  @Test(arguments: ["docker-archive", "oci-archive"]) func archivesOfSkopeo(_ format: String) throws {
    try withScratch { scratch in
      let engine = TestEngine(scratch: scratch + "/engine")
      let archive = "\(scratch)/app.tar"
      try shell("skopeo copy -q oci:\(layout(scratch)):app \(format):\(archive):example.org/me/app:3")
      #expect(try engine.ok("load", "-i", archive).contains("example.org/me/app:3"))
      let id = try engine.ok("images", "-q", "--no-trunc", "example.org/me/app:3")
      #expect(engine.layerNames.count == 2)
      #expect(try engine.berth("rmi", "example.org/me/app:3").code == 0)
      try engine.expectEmptyStore()
      for packer in ["gzip -c", "zstd -qc"] where findProgram(String(packer.prefix { $0 != " " })) != nil {
        try shell("\(packer) \(archive) >\(archive).packed")
        let packed = try engine.berth("load", input: try readFile(archive + ".packed"))
        #expect(packed.code == 0, "\(packer): \(packed)")
        #expect(try engine.ok("images", "-q", "--no-trunc", "example.org/me/app:3") == id, "\(packer)")
      }
    }
  }

  // covers PD-96
  @Test func layoutDirectory() throws {
    try withScratch { scratch in
      let engine = TestEngine(scratch: scratch + "/engine")
      _ = try engine.ok("load", "-i", layout(scratch))
      #expect(try engine.ok("images", "--format", "{{.Repository}}:{{.Tag}}") == "localhost/app:latest")
    }
  }

  // covers PD-96: the directory of one image; each blob is checked
  @Test func directoryOfSkopeo() throws {
    try withScratch { scratch in
      let engine = TestEngine(scratch: scratch + "/engine")
      try shell("skopeo copy -q oci:\(layout(scratch)):app dir:\(scratch)/d")
      _ = try engine.ok("load", "-i", scratch + "/l")
      let id = try engine.ok("images", "-q", "--no-trunc")
      try engine.ok("rmi", "-a")
      #expect(try engine.ok("load", "-q", "-i", scratch + "/d") == "Loaded image: \(id)")
      #expect(try engine.ok("images", "--format", "{{.Repository}}") == "<none>")
      try engine.ok("rmi", "-a")
      try shell("cd \(scratch)/d; printf x >>\(id.dropFirst(7))")
      let damaged = try engine.berth("load", "-i", scratch + "/d")
      #expect(damaged.code == 125 && damaged.errorText.contains("has the wrong digest"), "\(damaged)")
      try engine.expectEmptyStore()
    }
  }

  // Hostile archives: refused by name, nothing written anywhere else.
  @Test(arguments: [
    "tar -cPf ARCHIVE --transform 's,^,../../../../../,' /etc/hostname",
    "head -c 100000 /dev/urandom >ARCHIVE", ": >ARCHIVE", "head -c 10240 /dev/zero >ARCHIVE",
    "echo '[{\"Config\":\"c\",\"Layers\":[]}]' >manifest.json; ln -s /etc/shadow c; tar -cf ARCHIVE manifest.json c",
    "echo '[{\"Config\":\"c\",\"Layers\":[]}]' >manifest.json; mknod c b 7 0; tar -cf ARCHIVE manifest.json c",
    "echo '{\"schemaVersion\":2,\"manifests\":[]}' >index.json; tar -cf ARCHIVE index.json",
  ])
  func hostileArchives(_ script: String) throws {
    try withScratch { scratch in
      let engine = TestEngine(scratch: scratch + "/engine")
      let archive = scratch + "/bad.tar"
      try shell("mkdir \(scratch)/w; cd \(scratch)/w; \(script.replacing("ARCHIVE", with: archive))")
      let outcome = try engine.berth("load", "-i", archive)
      #expect(outcome.code == 125 && outcome.errorText.hasPrefix("error: "), "\(outcome)")
      try engine.expectEmptyStore()
    }
  }

  // covers PD-93, PD-160
  @Test func importFromStandardInput() throws {
    try withScratch { scratch in
      let engine = TestEngine(scratch: scratch + "/engine")
      try shell("mkdir \(scratch)/t; echo hi >\(scratch)/t/hi; tar -C \(scratch)/t -czf \(scratch)/t.tgz .")
      let outcome = try engine.berth(
        "import", "--change", "CMD [\"cat\", \"/hi\"]", "-c", "LABEL a=b", "-m", "mine", "-", "localhost/hi",
        input: try readFile(scratch + "/t.tgz"))
      #expect(outcome.code == 0, "\(outcome)")
      let image = try #require(try JSON.parse(engine.ok("image", "inspect", "hi")).array?.first)
      #expect(image["Config"]?["Cmd"]?.strings == ["cat", "/hi"])
      #expect(image["Labels"]?["a"]?.string == "b")
      #expect(image["Comment"]?.string == "mine")
      let steps = try engine.berth("history", "hi").lines
      #expect(steps.count == 2 && steps[0].hasPrefix("ID            CREATED") && steps[1].hasSuffix("mine"), "\(steps)")
      let json = try JSON.parse(try engine.ok("image", "history", "--format", "json", "hi")).array ?? []
      #expect(json.count == 1 && json[0]["id"] == image["Id"] && json[0]["comment"]?.string == "mine", "\(json)")
      #expect(try engine.ok("history", "-q", "--no-trunc", "hi") == image["Id"]?.string)
      #expect(try engine.berth("history", "absent").errorText.contains("image absent not found"))
      let bad = try engine.berth("import", "--change", "FROM x", scratch + "/t.tgz", "bad")
      #expect(bad.code == 125 && bad.errorText.contains("FROM"), "\(bad)")
    }
  }

  // covers PD-97, LP-17
  @Test func imagesInUseStay() throws {
    try withEngine { engine in
      try engine.importBusybox()
      let id = try engine.ok("create", "--name", "web", "localhost/busybox", "true")
      let refused = try engine.berth("rmi", "localhost/busybox")
      #expect(
        refused.code != 0 && refused.errorText.contains("web") && refused.errorText.contains(String(id.prefix(12))),
        "\(refused)")
      try engine.ok("tag", "localhost/busybox", "other:1")
      try engine.ok("rmi", "other:1")
      let unknown = try engine.berth("rmi", "nothing")
      #expect(unknown.code != 0 && unknown.errorText.contains("image nothing not found"), "\(unknown)")
      try engine.ok("rmi", "-f", "localhost/busybox")
      #expect(try engine.berth("ps", "-a", "-q").trimmed == "")
      try engine.expectEmptyStore()
    }
  }
}
