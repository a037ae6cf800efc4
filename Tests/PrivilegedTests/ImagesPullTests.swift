import CSys
import Glibc
import JSON
import Sys
import TestKit
import Testing

@Suite(
  .serialized, .needs(.root), .needs(.installed), .needs(.program("docker-registry")), .needs(.program("skopeo")),
  .needs(.program("umoci")))
struct ImagesPullTests {
  private static let random = "head -c 3000000 /dev/urandom >"

  // covers LP-13, LP-16, PD-160
  @Test func pullsByTagAndDigestAndLists() throws {
    try ImagesFixture.with { registry, engine in
      try registry.push("me/app:1", layers: ["mkdir etc; echo one >etc/a; ln -s a etc/b", "rm etc/a; echo two >etc/c"])
      let name = "\(registry.address)/me/app"
      let outcome = try engine.pull(name + ":1")
      #expect(outcome.code == 0 && outcome.trimmed.count == 64, "\(outcome)")
      let image = try #require(try JSON.parse(engine.ok("image", "inspect", name + ":1")).array?.first)
      #expect(image["Id"]?.string == outcome.trimmed)
      #expect(image["RepoTags"]?.strings == [name + ":1"])
      #expect(image["RootFS"]?["Layers"]?.strings?.count == 2)
      let digest = try #require(image["Digest"]?.string)
      #expect(image["RepoDigests"]?.strings == ["\(name)@\(digest)"])
      // whiteout: a character device 0:0 in the upper layer
      let top = try #require(image["GraphDriver"]?["Data"]?["UpperDir"]?.string)
      #expect(try status(top + "/etc/a", followingLinks: false).st_mode & S_IFMT == S_IFCHR)
      #expect(try engine.pull("\(name)@\(digest)").trimmed == outcome.trimmed)
      #expect(try engine.ok("images", "--format", "{{.Repository}}:{{.Tag}}", name + ":1") == name + ":1")
      #expect(try engine.ok("images", "-q", "--no-trunc", name + ":1").hasSuffix(outcome.trimmed))
      #expect(try engine.berth("rmi", "-a", "-f").code == 0)
      try engine.expectEmptyStore()
    }
  }

  // covers LP-13
  @Test func whatIsNotThereIsNamed() throws {
    try ImagesFixture.with { registry, engine in
      let missing = try engine.pull("\(registry.address)/none:1")
      #expect(missing.code == 125 && missing.errorText.contains("\(registry.address)/none:1"), "\(missing)")
      #expect(missing.errorText.contains("hint: "), "\(missing)")
      let dead = try engine.pull("127.0.0.1:1/none:1")
      #expect(dead.code == 125 && dead.errorText.contains("127.0.0.1:1"), "\(dead)")
      try engine.expectEmptyStore()
    }
  }

  // covers LP-14: layers shared between images are fetched once, by two pulls at the same time, too
  @Test func sharedLayersComeOnce() throws {
    try ImagesFixture.with { registry, engine in
      try registry.push("base:1", layers: ["\(Self.random) base"])
      try registry.push("a:1", from: "base:1", layers: ["echo a >a"])
      try registry.push("b:1", from: "base:1", layers: ["echo b >b"])
      #expect(try engine.pull("\(registry.address)/a:1").code == 0)
      // The shared layer is gone from the registry: the second image needs it no more.
      let shared = try #require(try registry.layers(of: "a:1").first)
      try rename(registry.blobFile(shared), to: registry.scratch + "/hidden")
      let second = try engine.pull("\(registry.address)/b:1")
      #expect(second.code == 0, "\(second)")
      #expect(engine.layerNames.count == 3)
      try rename(registry.scratch + "/hidden", to: registry.blobFile(shared))
      #expect(try engine.berth("rmi", "-a", "-f").code == 0)
      try engine.expectEmptyStore()

      let pulls = try ["a:1", "b:1", "base:1"].map { try Running(engine, "\(registry.address)/\($0)") }
      for pull in pulls { #expect(try pull.child.wait() == .exited(code: 0)) }
      #expect(engine.layerNames.count == 3)
      #expect(try engine.ok("images", "-q").split(separator: "\n").count == 3)
    }
  }
  private final class Running {
    let child: ChildProcess
    init(_ engine: TestEngine, _ name: String) throws {
      child = try engine.startBerth(["pull", "-q", "--tls-verify=false", name], errors: 2)
    }
  }

  // covers LP-14: wrong digest, truncated layer
  @Test func damagedLayersAreRefused() throws {
    try ImagesFixture.with { registry, engine in
      try registry.push("app:1", layers: ["\(Self.random) base", "echo x >x"])
      let name = "\(registry.address)/app:1"
      let file = registry.blobFile(try #require(try registry.layers(of: "app:1").first))
      let good = try readFile(file)
      for (what, bytes) in [
        ("flipped", good[..<1_000_000] + [good[1_000_000] ^ 1] + good[1_000_001...]), ("short", good[..<1_000_000]),
      ] {
        try replaceFile(file, with: Array(bytes), durable: false)
        let outcome = try engine.pull(name)
        #expect(outcome.code == 125 && outcome.errorText.contains("layer "), "\(what): \(outcome)")
        #expect(outcome.errorText.contains("hint: "), "\(what): \(outcome)")
        try engine.expectEmptyStore()
      }
      try replaceFile(file, with: good, durable: false)
      #expect(try engine.pull(name).code == 0)
    }
  }

  // covers DESIGN part 4: a full disk is named, nothing half made stays, and what fits still comes in
  @Test func fullDisk() throws {
    try ImagesFixture.with { registry, engine in
      try registry.push("large:1", layers: ["head -c 30000000 /dev/zero >zeros; \(Self.random) base"])
      try registry.push("small:1", layers: ["echo x >x"])
      try makeDirectories(engine.scratch)
      try check(csys_mount("tmpfs", engine.scratch, "tmpfs", 0, "size=12m"))
      defer { _ = csys_umount2(engine.scratch, CInt(MNT_DETACH)) }
      let outcome = try engine.pull("\(registry.address)/large:1")
      #expect(outcome.code == 125, "\(outcome)")
      #expect(outcome.errorText.lowercased().contains("no space left on device"), "\(outcome)")
      #expect(outcome.errorText.contains("hint: free some space"), "\(outcome)")
      try engine.expectEmptyStore()
      #expect(try engine.pull("\(registry.address)/small:1").code == 0)
    }
  }

  // covers DESIGN part 4: kill -9 at any moment of a pull loses nothing and leaks nothing
  @Test func killedPulls() throws {
    try ImagesFixture.with { registry, engine in
      try registry.push(
        "app:1",
        layers: (0..<4).map { "mkdir d\($0); for i in $(seq 300); do echo $i >d\($0)/$i; done; \(Self.random) f\($0)" })
      let name = "\(registry.address)/app:1"
      let begin = ContinuousClock.now
      let id = try engine.pull(name).trimmed
      let whole = ContinuousClock.now - begin
      #expect(id.count == 64)
      let rounds = environmentVariable("BERTH_ENDURANCE") == "1" ? 200 : 50
      var complete = 0
      for round in 0..<rounds {
        #expect(try engine.berth("rmi", "-a", "-f").code == 0)
        let child = try engine.startBerth(["pull", "-q", "--tls-verify=false", name])
        let wait = whole / .microseconds(1) * Double.random(in: 0...1.1)
        usleep(UInt32(wait))
        try? child.signal(SIGKILL)
        _ = try child.wait()
        let listed = try engine.ok("images", "-q", "--no-trunc")
        if listed.isEmpty {
          try engine.expectEmptyStore()
        } else {
          complete += 1
          #expect(listed.hasSuffix(id), "round \(round)")
          #expect(engine.layerNames.count == 4, "round \(round): \(engine.layerNames)")
          #expect(engine.layerNames.allSatisfy { $0.count == 64 }, "round \(round)")
          #expect(engine.blobNames.count == 2, "round \(round)")
        }
      }
      #expect(complete < rounds, "no pull was hit")
      #expect(eventually(5) { processes(mentioning: registry.address).count <= 1 }, "registry clients left")
      #expect(try engine.pull(name).trimmed == id)
    }
  }
}
