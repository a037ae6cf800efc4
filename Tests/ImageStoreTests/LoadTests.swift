import Digests
import ImageStore
import JSON
import Problems
import StateStore
import Sys
import Testing

struct LoadTests {
  // covers PD-96
  @Test func dockerArchiveWithTwoImagesThatShareALayer() throws {
    try Workshop.with { shop in
      let (base, baseID) = try shop.layer("base", "1")
      let (top, topID) = try shop.layer("top", "2")
      let archive = try shop.dockerArchive([
        Workshop.Image(tags: ["one:1", "me/one:x"], layers: [base], config: shop.config([baseID])),
        Workshop.Image(
          tags: ["localhost:5000/two:latest"], layers: [base, top], config: shop.config([baseID, topID])),
      ])
      let library = try shop.library()
      var there = 0
      let receipts = try library.load(from: archive) { if case .layer(_, .exists) = $0 { there += 1 } }
      let names = [["docker.io/library/one:1", "docker.io/me/one:x"], ["localhost:5000/two:latest"]]
      #expect(receipts.map(\.names) == names)
      #expect(there == 1, "the shared layer comes in once")
      #expect(try readText(library.layerPath(baseID.hex) + "/base") == "1")
      #expect(try readText(library.layerPath(topID.hex) + "/top") == "2")
      let left = try shop.leftovers()
      #expect(left.layers == [baseID.hex, topID.hex].sorted())
      #expect(left.blobs.count == 4)
      #expect(left.intents == 0)
      #expect(try library.list().count == 3)
      #expect(try library.load(from: archive) { _ in }.map(\.id) == receipts.map(\.id), "again: the same images")
    }
  }

  // covers PD-96
  @Test func compressedArchiveAndLayers() throws {
    try Workshop.with { shop in
      let (base, baseID) = try shop.layer("base", "1")
      let archive = try shop.dockerArchive(
        [Workshop.Image(tags: ["one:1"], layers: [base], config: shop.config([baseID]))],
        mangle: "gzip -n 0-0.tar; mv 0-0.tar.gz 0-0.tar")
      try shop.shell("gzip \(archive)")
      let library = try shop.library()
      _ = try library.load(from: archive + ".gz") { _ in }
      #expect(try library.lookup("one:1").image.layers == [baseID.hex])
    }
  }

  // covers PD-96
  @Test func ociLayoutDirectoryAndArchive() throws {
    try Workshop.with { shop in
      let (directory, baseID) = try layout(shop, name: "localhost/hello:latest")
      let library = try shop.library()
      let receipts = try library.load(from: directory) { _ in }
      #expect(receipts.map(\.names) == [["localhost/hello:latest"]])
      #expect(try library.lookup("hello").image.layers == [baseID.hex])
      _ = try library.remove("hello", force: false) { _ in }
      #expect(try shop.leftovers().layers.isEmpty)
      try shop.shell("tar -C \(directory) -cf \(shop.path)/oci.tar .")
      _ = try library.load(from: shop.path + "/oci.tar") { _ in }
      #expect(try library.lookup("hello").name == "localhost/hello:latest")
    }
  }

  /// The image that ships with Berth comes in when somebody asks for it, and only then.
  @Test func helloIsLoadedOnDemand() throws {
    try Workshop.with { shop in
      let (directory, _) = try layout(shop, name: "localhost/hello:latest")
      try shop.shell("tar -C \(directory) -cf \(shop.path)/libexec/hello.tar .")
      let library = try shop.library()
      #expect(try library.find("hello")?.image == nil)
      #expect(problem { _ = try library.remove("hello", force: false) { _ in } }?.code == .notFound)
      #expect(try library.lookup("hello").name == "localhost/hello:latest")
      #expect(try library.list().count == 1)
    }
  }

  /// An OCI layout of one image with one gzip layer.
  private func layout(_ shop: Workshop, name: String, spoil: Bool = false) throws -> (String, Digest) {
    let (base, baseID) = try shop.layer("base", "1")
    let directory = shop.path + "/layout"
    try makeDirectories(directory + "/blobs/sha256")
    try shop.shell("gzip -nk \(base)")
    func put(_ bytes: [UInt8], _ type: String, annotations: JSON = [:]) throws -> JSON {
      let digest = Digest(of: bytes)
      try replaceFile("\(directory)/blobs/sha256/\(digest.hex)", with: bytes, durable: false)
      return [
        "mediaType": JSON("application/vnd.oci.image." + type), "digest": JSON(digest.description),
        "size": JSON(bytes.count), "annotations": annotations,
      ]
    }
    let layer = try put(readFile(base + ".gz"), "layer.v1.tar+gzip")
    if spoil, let digest = layer["digest"]?.string?.dropFirst(7) {
      try shop.shell("printf x | dd of=\(directory)/blobs/sha256/\(digest) bs=1 seek=4 conv=notrunc 2>/dev/null")
    }
    let config = try put(shop.config([baseID]), "config.v1+json")
    let manifest: JSON = ["schemaVersion": 2, "config": config, "layers": [layer]]
    let entry = try put(
      manifest.bytes(), "manifest.v1+json", annotations: ["org.opencontainers.image.ref.name": JSON(name)])
    let index: JSON = ["schemaVersion": 2, "manifests": [entry]]
    try replaceFile(directory + "/index.json", with: index.bytes(), durable: false)
    return (directory, baseID)
  }

  // covers LP-14
  @Test func wrongLayerDigestLeavesNothing() throws {
    try Workshop.with { shop in
      let (directory, _) = try layout(shop, name: "bad:1", spoil: true)
      let library = try shop.library()
      let found = problem { _ = try library.load(from: directory) { _ in } }
      #expect(found?.code == .invalid)
      #expect(found?.message.contains("has the wrong digest: expected sha256:") == true, "\(found?.message ?? "")")
      let left = try shop.leftovers()
      #expect(left.layers.isEmpty && left.blobs.isEmpty && left.intents == 0, "\(left)")
      #expect(try library.list().isEmpty)
    }
  }

  // covers LP-14
  @Test func layerThatIsNotTheConfigurationsIsRefused() throws {
    try Workshop.with { shop in
      let (base, _) = try shop.layer("base", "1")
      let (_, other) = try shop.layer("other", "2")
      let archive = try shop.dockerArchive([
        Workshop.Image(tags: ["one:1"], layers: [base], config: shop.config([other]))
      ])
      let library = try shop.library()
      let found = problem { _ = try library.load(from: archive) { _ in } }
      #expect(found?.code == .invalid)
      #expect(found?.message.contains("but the image's configuration says \(other)") == true)
      #expect(try shop.leftovers().layers.isEmpty)
    }
  }

  // Hostile archives: each is refused with a word about it, and nothing stays.
  @Test(arguments: [
    ("rm manifest.json", "is no image archive"),
    ("echo '{' >manifest.json", "manifest.json"),
    ("echo '[]' >manifest.json", "holds no image"),
    (manifest("../../../etc/passwd"), "open \"../../../etc/passwd\""),
    (manifest("/etc/passwd"), "open \"/etc/passwd\""),
    ("ln -s /etc/passwd c; " + manifest("c"), "open \"c\""),
    ("mkfifo c; " + manifest("c"), "open \"c\""),
    (#"sed -i 's/"one:1"/"..\/x:1"/' manifest.json"#, "invalid image name"),
    ("rm 0-0.tar", "open \"0-0.tar\""),
    ("rm 0-0.tar; ln -s /etc/passwd 0-0.tar", "open \"0-0.tar\""),
    ("truncate -s 700 0-0.tar", "error: layer "),
    ("head -c 20000 /dev/zero | tr '\\0' '[' >manifest.json", "nested deeper"),
  ])
  func hostileArchives(_ mangle: String, _ wording: String) throws {
    try Workshop.with { shop in
      let (base, baseID) = try shop.layer("base", "1")
      let archive = try shop.dockerArchive(
        [Workshop.Image(tags: ["one:1"], layers: [base], config: shop.config([baseID]))], mangle: mangle)
      let library = try shop.library()
      let found = problem { _ = try library.load(from: archive) { _ in } }
      #expect(found?.description.contains(wording) == true, "\(found?.description ?? "no problem")")
      let left = try shop.leftovers()
      #expect(left.layers.isEmpty && left.blobs.isEmpty && left.intents == 0, "\(left)")
    }
  }
  private static func manifest(_ config: String) -> String {
    #"echo '[{"Config":"\#(config)","RepoTags":["a:1"],"Layers":[]}]' >manifest.json"#
  }
}
