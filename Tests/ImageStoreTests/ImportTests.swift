import Digests
import ImageSpec
import ImageStore
import JSON
import Problems
import StateStore
import Sys
import Testing

struct ImportTests {
  // covers PD-93
  @Test func tarBecomesAnImage() throws {
    try Workshop.with { shop in
      let (tar, digest) = try shop.layer("base", "1")
      let library = try shop.library()
      var options = ImportOptions()
      options.reference = "me/base:3"
      options.changes = ["CMD [\"sh\", \"-c\"]", "ENV A=1 B='two words'", "USER=web", "EXPOSE 80"]
      options.message = "by hand"
      let receipt = try library.importTar(from: tar, options) { _ in }
      #expect(receipt.names == ["localhost/me/base:3"])
      let image = try library.lookup("me/base:3").image
      #expect(image.layers == [digest.hex])
      let json = try library.inspect(receipt.id)
      #expect(json["Config"]?["Cmd"]?.strings == ["sh", "-c"])
      #expect(json["Config"]?["Env"]?.strings == ["A=1", "B=two words"])
      #expect(json["Config"]?["User"]?.string == "web")
      #expect(json["Config"]?["ExposedPorts"]?["80/tcp"] != nil)
      #expect(json["Comment"]?.string == "by hand")
      #expect(try shop.leftovers().layers == [digest.hex])
      // the same layer under another configuration: no second copy
      _ = try library.importTar(from: tar, ImportOptions()) { _ in }
      #expect(try shop.leftovers().layers == [digest.hex])
      #expect(try library.list().count == 2)
    }
  }

  // covers PD-93
  @Test func badInputLeavesNothing() throws {
    try Workshop.with { shop in
      let (tar, _) = try shop.layer("base", "1")
      let library = try shop.library()
      var options = ImportOptions()
      options.changes = ["FROM scratch"]
      let change = problem { _ = try library.importTar(from: tar, options) { _ in } }
      #expect(change?.code == .invalid)
      #expect(change?.message == "change \"FROM scratch\": unknown instruction \"FROM\"")
      func code(_ path: String) -> Problem.Code? {
        problem { _ = try library.importTar(from: path, ImportOptions()) { _ in } }?.code
      }
      #expect(code(shop.path + "/none") == .notFound)
      #expect(code(shop.path) == .invalid)
      #expect(code("http://x/y") != nil, "no registry program here")
      try replaceFile(shop.path + "/junk", with: Array(repeating: 0x41, count: 5000), durable: false)
      #expect(code(shop.path + "/junk") == .invalid)
      let left = try shop.leftovers()
      #expect(left.layers.isEmpty && left.blobs.isEmpty && left.intents == 0, "\(left)")
    }
  }

  // covers PD-93
  @Test(arguments: [
    ("CMD echo hi", #"{"Cmd":["/bin/sh","-c","echo hi"]}"#),
    ("cmd [\"a\"]", #"{"Cmd":["a"]}"#),
    ("ENTRYPOINT [\"/init\"]", #"{"Entrypoint":["/init"]}"#),
    ("ENV A b c", #"{"Env":["A=b c"]}"#),
    ("ENV A=b\\ c D=\"e\\\"f\"", #"{"Env":["A=b c","D=e\"f"]}"#),
    ("LABEL=blue=image", #"{"Labels":{"blue":"image"}}"#),
    ("LABEL a=1 \"b c\"=2", #"{"Labels":{"a":"1","b c":"2"}}"#),
    ("EXPOSE 80 53/udp 80", #"{"ExposedPorts":{"53/udp":{},"80/tcp":{}}}"#),
    ("VOLUME [\"/b\", \"/a\"]", #"{"Volumes":{"/a":{},"/b":{}}}"#),
    ("VOLUME /a /b", #"{"Volumes":{"/a":{},"/b":{}}}"#),
    ("WORKDIR srv", #"{"WorkingDir":"/srv"}"#),
    ("STOPSIGNAL SIGUSR1", #"{"StopSignal":"SIGUSR1"}"#),
  ])
  func changes(_ text: String, _ expected: String) throws {
    var config = ContainerDefaults()
    try ImageChange.apply(text, to: &config)
    #expect(config.json.text() == expected)
  }

  // covers PD-93
  @Test(arguments: [
    "", "CMD", "RUN x", "CMD [1]", "CMD [\"a\"", "ENV A", "ENV =1", "EXPOSE 0", "EXPOSE 70000", "EXPOSE 80/xyz",
    "USER a b", "LABEL a=\"1", "ENV A=1 B", "WORKDIR \\",
  ])
  func badChanges(_ text: String) {
    var config = ContainerDefaults()
    let found = problem { try ImageChange.apply(text, to: &config) }
    #expect(found?.code == .invalid)
    #expect(config == ContainerDefaults())
  }

  @Test(arguments: [
    ("1970-01-01T00:00:00Z", Int64(0)), ("2026-01-02T03:04:05.5Z", 1_767_323_045_500_000_000),
    ("2026-01-02T04:04:05.5+01:00", 1_767_323_045_500_000_000), ("1969-12-31T23:59:59.999999999Z", -1),
  ])
  func times(_ text: String, _ value: Int64) {
    #expect(nanoseconds(ofTime: text) == value)
    #expect(nanoseconds(ofTime: timeText(ofNanoseconds: value)) == value)
    for bad in ["", "2026", "2026-01-02", text + "x", "2026-13-02T03:04:05Z"] {
      #expect(nanoseconds(ofTime: bad) == nil)
    }
  }
}
