import Digests
import ImageSpec
import JSON
import Problems
import TestKit
import Testing

private let a = "sha256:" + String(repeating: "a", count: 64)
private let b = "sha256:" + String(repeating: "b", count: 64)

private func manifest(_ changes: (inout JSON.Object) -> Void = { _ in }) -> [UInt8] {
  var object = JSON.Object([
    ("schemaVersion", 2), ("mediaType", JSON(MediaType.ociManifest.rawValue)),
    ("config", ["mediaType": JSON(MediaType.ociConfig.rawValue), "digest": JSON(a), "size": 10]),
    ("layers", [["mediaType": JSON(MediaType.ociLayerGzip.rawValue), "digest": JSON(b), "size": 20]]),
  ])
  changes(&object)
  return JSON.object(object).bytes()
}

// covers PD-87
@Test func manifestIsRead() throws {
  guard case .manifest(let read) = try ManifestDocument(parsing: manifest(), mediaType: .ociManifest) else {
    Issue.record("an index?")
    return
  }
  #expect(read.config.digest.description == a)
  #expect(read.config.size == 10)
  #expect(read.layers.map(\.digest.description) == [b])
  #expect(read.layers[0].mediaType.layerCompression == .gzip)
  try read.requireImage()
  #expect(try ManifestDocument(parsing: read.json.bytes()) == .manifest(read))
}

@Test func dockerManifestIsRead() throws {
  let bytes = manifest {
    $0["mediaType"] = JSON(MediaType.dockerManifest.rawValue)
    $0["config"] = ["mediaType": JSON(MediaType.dockerConfig.rawValue), "digest": JSON(a), "size": 10]
    $0["layers"] = [["mediaType": JSON(MediaType.dockerLayerGzip.rawValue), "digest": JSON(b), "size": 20]]
  }
  guard case .manifest(let read) = try ManifestDocument(parsing: bytes, mediaType: .dockerManifest) else {
    Issue.record("an index?")
    return
  }
  try read.requireImage()
}

/// What strangers may send, and the words that must be in the answer.
@Test(arguments: [
  ("", "unexpected end"),
  ("[]", "expected an object"),
  ("{\"schemaVersion\":2}", "neither a manifest nor an index"),
  ("{\"schemaVersion\":3,\"layers\":[]}", "schemaVersion"),
  ("{\"schemaVersion\":\"2\",\"layers\":[]}", "schemaVersion"),
  ("{\"schemaVersion\":2,\"manifests\":[],\"layers\":[]}", "both a manifest and an index"),
  ("{\"schemaVersion\":2,\"layers\":[]}", "config: missing"),
  ("{\"schemaVersion\":2,\"config\":{}}", "mediaType: missing"),
  (
    "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":\"\(a)\",\"size\":-1},\"layers\":[]}",
    "negative size"
  ),
  (
    "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":\"\(a)\",\"size\":1e30},\"layers\":[]}",
    "integer in range"
  ),
  (
    "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":\"\(a)\",\"size\":1.5},\"layers\":[]}",
    "integer in range"
  ),
  (
    "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":\"md5:aa\",\"size\":1},\"layers\":[]}",
    "not a sha256 digest"
  ),
  (
    "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":\"\(a)\",\"size\":1},\"layers\":{}}",
    "expected an array"
  ),
  (
    "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":\"\(a)\",\"size\":1},\"layers\":[7]}",
    "layers[0]: expected an object"
  ),
  (
    "{\"schemaVersion\":2,\"config\":{\"mediaType\":\"x\",\"digest\":\"\(a)\",\"size\":99999999},\"layers\":[]}",
    "more than the limit"
  ),
  ("{\"schemaVersion\":2,\"mediaType\":\"text/html\",\"manifests\":[]}", "does not fit"),
  (
    "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"manifests\":[]}",
    "does not fit"
  ),
]) func manifestErrors(_ text: String, _ words: String) {
  let problem = #expect(throws: Problem.self) { try ManifestDocument(parsing: Array(text.utf8)) }
  #expect(problem?.code == .invalid)
  #expect(problem?.sentence.contains(words) == true, "\(problem?.sentence ?? "")")
}

@Test func manifestMayNotContradictItsAnnouncement() {
  #expect(throws: Problem.self) { try ManifestDocument(parsing: manifest(), mediaType: .dockerManifest) }
  #expect(throws: Never.self) {
    try ManifestDocument(parsing: manifest(), mediaType: MediaType(rawValue: "application/json"))
  }
}

@Test func schemaOneIsUnsupported() {
  let problem = #expect(throws: Problem.self) {
    try ManifestDocument(parsing: Array("{\"schemaVersion\":1,\"fsLayers\":[]}".utf8))
  }
  #expect(problem?.code == .unsupported)
}

@Test func artifactsAreNoImages() throws {
  let bytes = manifest {
    $0["config"] = ["mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": JSON(a), "size": 1]
  }
  guard case .manifest(let read) = try ManifestDocument(parsing: bytes) else { return }
  #expect(throws: Problem.self) { try read.requireImage() }
}

@Test func bombsAreRefused() {
  let layer: JSON = ["mediaType": "x", "digest": JSON(b), "size": 1]
  let many = manifest { $0["layers"] = .array(Array(repeating: layer, count: ImageLimit.layersMax + 1)) }
  #expect(throws: Problem.self) { try ManifestDocument(parsing: many) }
  let large = [UInt8](repeating: 0x20, count: ImageLimit.manifestBytesMax + 1)
  #expect(throws: Problem.self) { try ManifestDocument(parsing: large) }
  let deep = Array(String(repeating: "[", count: 100_000).utf8)
  #expect(throws: Problem.self) { try ManifestDocument(parsing: deep) }
  #expect(throws: Problem.self) { try ImageConfig(parsing: deep) }
}

/// Any change of some bytes is either read or refused; nothing else happens.
@Test(arguments: 1...20) func mutatedManifests(_ seed: UInt64) {
  var random = Seeded(seed)
  let good = manifest()
  for _ in 0..<500 {
    var bytes = good
    for _ in 0..<Int.random(in: 1...4, using: &random) {
      let place = Int.random(in: 0..<bytes.count, using: &random)
      switch Int.random(in: 0..<3, using: &random) {
      case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
      case 1: bytes.remove(at: place)
      default: bytes.insert(Array("{}[],:\"0-".utf8).randomElement(using: &random)!, at: place)
      }
    }
    _ = try? ManifestDocument(parsing: bytes)
    _ = try? ImageConfig(parsing: bytes)
  }
}

@Test func indexPicksThePlatform() throws {
  func entry(_ letter: Character, _ platform: JSON?) -> JSON {
    var object = JSON.Object([
      ("mediaType", JSON(MediaType.ociManifest.rawValue)),
      ("digest", JSON("sha256:" + String(repeating: letter, count: 64))), ("size", 5),
    ])
    object["platform"] = platform
    return .object(object)
  }
  let json: JSON = [
    "schemaVersion": 2,
    "manifests": [
      entry("0", ["os": "unknown", "architecture": "unknown"]),
      entry("1", ["os": "linux", "architecture": "arm", "variant": "v6"]),
      entry("2", ["os": "linux", "architecture": "arm", "variant": "v7"]),
      entry("3", ["os": "linux", "architecture": "amd64"]),
      entry("4", ["os": "linux", "architecture": "arm64", "variant": "v8"]),
      entry("5", ["os": "windows", "architecture": "amd64"]),
      entry("6", ["os": "linux", "architecture": "amd64", "variant": "v3"]),
    ],
  ]
  guard case .index(let index) = try ManifestDocument(parsing: json.bytes()) else {
    Issue.record("a manifest?")
    return
  }
  func picked(_ platform: String) throws -> Character? {
    index.entry(for: try Platform(parsing: platform))?.digest.hex.first
  }
  #expect(try picked("linux/amd64") == "3")
  #expect(try picked("amd64") == "3")
  #expect(try picked("linux/x86_64") == "3")
  #expect(try picked("linux/amd64/v3") == "6")
  #expect(try picked("linux/amd64/v4") == "6")
  #expect(try picked("linux/arm64") == "4")
  #expect(try picked("linux/aarch64") == "4")
  #expect(try picked("linux/arm") == "2")
  #expect(try picked("linux/arm/v6") == "1")
  #expect(try picked("linux/arm/v5") == nil)
  #expect(try picked("windows/amd64") == "5")
  #expect(try picked("linux/s390x") == nil)
}

@Test(arguments: ["", "/", "linux/", "a/b/c/d", "linux/amd 64", "../x"]) func platformErrors(_ text: String) {
  #expect(throws: Problem.self) { try Platform(parsing: text) }
}

@Test(
  arguments: [
    (MediaType.ociLayer, .plain), (.ociLayerGzip, .gzip), (.ociLayerZstd, .zstd), (.dockerLayer, .plain),
    (.dockerLayerGzip, .gzip),
    (MediaType(rawValue: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"), .gzip),
    (MediaType(rawValue: "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"), .zstd),
    (MediaType(rawValue: "application/vnd.oci.image.layer.v1.tar+encrypted"), nil), (.ociConfig, nil),
  ] as [(MediaType, LayerCompression?)]) func layerTypes(_ type: MediaType, _ compression: LayerCompression?)
{
  #expect(type.layerCompression == compression)
}
