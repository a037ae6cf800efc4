import Digests
import ImageStore
import JSON
import Problems
import StateStore
import Sys
import Testing

struct ImageNameTests {
  private func loaded(_ shop: Workshop) throws -> (ImageLibrary, String) {
    let (base, baseID) = try shop.layer("base", "1")
    let archive = try shop.dockerArchive([
      Workshop.Image(tags: ["busybox:1"], layers: [base], config: shop.config([baseID]))
    ])
    let library = try shop.library()
    return (library, try library.load(from: archive) { _ in }[0].id)
  }

  // covers PD-160, LP-13
  @Test func findsByNameDigestAndID() throws {
    try Workshop.with { shop in
      let (library, id) = try loaded(shop)
      let digest = try library.lookup(id).image.manifestDigest
      for text in [
        id, "sha256:" + id, String(id.prefix(12)), String(id.prefix(4)), "busybox:1", "docker.io/library/busybox:1",
        "docker.io/busybox:1", "library/busybox:1", "busybox@\(digest)", "docker.io/library/busybox@\(digest)",
      ] {
        let found = try library.find(text)?.image.id
        #expect(found == id, "\(text)")
      }
      for text in ["busybox", "busybox:2", "quay.io/busybox:1", "box:1", "zz", "busybox@sha256:" + id] {
        let found = try library.find(text)?.image.id
        #expect(found == nil, "\(text)")
      }
      let missing = problem { _ = try library.lookup("nothing") }
      #expect(missing?.code == .notFound)
      #expect(missing?.message == "image nothing not found")
      #expect(problem { _ = try library.lookup("") }?.code == .invalid)
    }
  }

  // covers PD-160
  @Test func tagsAndUntags() throws {
    try Workshop.with { shop in
      let (library, id) = try loaded(shop)
      try library.tag("busybox:1", as: ["mine", "quay.io/me/box:2"])
      let names = try library.store.images.names(of: id).map(\.name)
      #expect(names == ["docker.io/library/busybox:1", "localhost/mine:latest", "quay.io/me/box:2"])
      #expect(try library.find("box:2")?.image.id == id, "the only image whose name ends so")
      #expect(problem { try library.tag("busybox:1", as: ["Upper"]) }?.code == .invalid)
      #expect(problem { try library.tag("busybox:1", as: ["a@sha256:" + id]) }?.code == .invalid)
      #expect(problem { try library.untag("busybox:1", names: ["other"]) }?.code == .notFound)
      try library.untag("busybox:1", names: ["mine"])
      try library.untag(id, names: [])
      #expect(try library.list().map(\.isDangling) == [true])
      #expect(try library.find(id)?.image.id == id, "an image without a name stays")
    }
  }

  // covers PD-97, LP-17
  @Test func removalAsksTwice() throws {
    try Workshop.with { shop in
      let (library, id) = try loaded(shop)
      try library.tag("busybox:1", as: ["mine"])
      let several = problem { _ = try library.remove(id, force: false) { _ in } }
      #expect(several?.code == .conflict)
      #expect(several?.message.contains("docker.io/library/busybox:1, localhost/mine:latest") == true)
      #expect(try library.remove("mine", force: false) { _ in }.untagged == ["localhost/mine:latest"])

      let user = ContainerRecord(id: randomID(), name: "web", imageID: id, created: 1, config: "{}")
      try library.store.containers.insert(user)
      let inUse = problem { _ = try library.remove("busybox:1", force: false) { _ in } }
      #expect(inUse?.code == .conflict)
      #expect(inUse?.message == "image busybox:1 is in use by container \(user.id.prefix(12)) (web)")
      #expect(try library.list()[0].containers == 1)

      let removal = try library.remove("busybox:1", force: true) { (container) throws(Problem) in
        try library.store.containers.delete(container.id, durable: true)
      }
      #expect(removal.deleted == [id])
      #expect(removal.untagged == ["docker.io/library/busybox:1"])
      #expect(removal.reclaimedBytes > 0)
      let left = try shop.leftovers()
      #expect(left.layers.isEmpty && left.blobs.isEmpty && left.intents == 0, "\(left)")
      #expect(try entries(ofPath: shop.root + "/locks/layers").isEmpty)
    }
  }

  // covers PD-97
  @Test func sharedLayersStay() throws {
    try Workshop.with { shop in
      let (base, baseID) = try shop.layer("base", "1")
      let (top, topID) = try shop.layer("top", "2")
      let archive = try shop.dockerArchive([
        Workshop.Image(tags: ["one:1"], layers: [base], config: shop.config([baseID])),
        Workshop.Image(tags: ["two:1"], layers: [base, top], config: shop.config([baseID, topID])),
      ])
      let library = try shop.library()
      _ = try library.load(from: archive) { _ in }
      _ = try library.remove("two:1", force: false) { _ in }
      #expect(try shop.leftovers().layers == [baseID.hex])
      let (removal, failures) = try library.removeAll(force: false) { _ in }
      #expect(removal.deleted.count == 1 && failures.isEmpty)
      #expect(try shop.leftovers().layers.isEmpty)
    }
  }

  // covers PD-160
  @Test func inspectHasPodmansShape() throws {
    try Workshop.with { shop in
      let (library, id) = try loaded(shop)
      let json = try library.inspect("busybox:1")
      #expect(json["Id"]?.string == id)
      #expect(json["RepoTags"]?.strings == ["docker.io/library/busybox:1"])
      #expect(json["RepoDigests"]?.strings == ["docker.io/library/busybox@\(json["Digest"]?.string ?? "")"])
      #expect(json["Created"]?.string == "2026-01-02T03:04:05.5Z")
      #expect(json["Config"]?["Env"]?.strings == ["A=1"])
      #expect(json["Author"]?.string == "me")
      #expect(json["RootFS"]?["Layers"]?.strings?.count == 1)
      #expect(json["GraphDriver"]?["Name"]?.string == "overlay")
      #expect(json["Labels"]?["team"]?.string == "blue")
      #expect(json["History"]?.array?.count == 2)
      #expect(try library.history("busybox:1").map { $0["createdBy"]?.string } == ["env", "first"])
    }
  }

  /// A command that was killed leaves files and an intent; the next one clears them away.
  @Test func leftoversOfAKilledPullAreCleared() throws {
    try Workshop.with { shop in
      let (library, _) = try loaded(shop)
      let (stray, blob) = (String(repeating: "a", count: 64), String(repeating: "b", count: 64))
      try makeDirectories(shop.root + "/layers/.partial-dead-0/diff/x")
      try makeDirectories(shop.root + "/layers/.partial-live-0/diff")
      try makeDirectories(shop.root + "/layers/\(stray)/diff")
      try replaceFile(shop.root + "/blobs/sha256/\(blob)", with: [1], durable: false)
      let kept = try library.lookup("busybox:1").image
      let payload: JSON = [
        "partial": ".partial-dead-", "layers": [JSON(stray), JSON(kept.layers[0])],
        "blobs": [JSON(blob), JSON(kept.id)],
      ]
      try library.store.database.run(
        "INSERT INTO intents VALUES('dead', 'image.ingest', ?, 0)", [.text(payload.text())])
      let again = try shop.library()
      let left = try shop.leftovers()
      #expect(left.layers == [".partial-live-0", kept.layers[0]])
      #expect(!left.blobs.contains(blob) && left.blobs.contains(kept.id))
      #expect(left.intents == 0)
      #expect(try again.lookup("busybox:1").image == kept)
    }
  }
}
