import Glibc
import Sys
import TestKit
import Testing

/// A docker-registry of one test's own, and images in it that umoci made and skopeo pushed.
struct ImagesFixture {
  let scratch: String
  let port: Int
  var address: String { "127.0.0.1:\(port)" }
  var storage: String { scratch + "/registry" }
  var layout: String { scratch + "/layout" }

  /// Runs `body` with a registry that ends with it.
  static func with<R>(_ name: String = #function, _ body: (ImagesFixture, TestEngine) throws -> R) throws -> R {
    try withScratch(name) { scratch in
      let fixture = ImagesFixture(scratch: scratch, port: try freePort())
      let configuration = """
        version: 0.1
        log: {level: error, accesslog: {disabled: true}}
        storage: {filesystem: {rootdirectory: \(fixture.storage)}}
        http: {addr: \(fixture.address)}
        """
      try replaceFile(scratch + "/registry.yml", with: Array(configuration.utf8), durable: false)
      let server = try start(["docker-registry", "serve", scratch + "/registry.yml"])
      defer {
        try? server.signal(SIGKILL)
        _ = try? server.wait()
      }
      let ready = try eventually(10) {
        try TestKit.run(["curl", "-sf", "http://\(fixture.address)/v2/"]).code == 0
      }
      #expect(ready, "docker-registry does not answer")
      try TestKit.run(["umoci", "init", "--layout", fixture.layout])
      return try body(fixture, TestEngine(scratch: scratch + "/engine"))
    }
  }

  private static func freePort() throws -> Int {
    let listener = try TestKit.run([
      "python3", "-c", "import socket;s=socket.socket();s.bind(('127.0.0.1',0));print(s.getsockname()[1])",
    ])
    return try #require(Int(listener.trimmed))
  }

  @discardableResult
  func shell(_ script: String) throws -> Outcome {
    let outcome = try TestKit.run(["/bin/bash", "-ec", script])
    #expect(outcome.code == 0, "\(outcome)")
    return outcome
  }

  /// An image of several layers, pushed as `name`: the first ones are those of `base`, if given.
  /// - Parameter layers: for each layer a script that runs in the root filesystem.
  func push(_ name: String, from base: String? = nil, layers: [String]) throws {
    let tag = name.replacing("/", with: "-").replacing(":", with: "-")
    let baseTag = base.map { $0.replacing("/", with: "-").replacing(":", with: "-") }
    try shell("umoci \(baseTag.map { "tag --image \(layout):\($0) \(tag)" } ?? "new --image \(layout):\(tag)")")
    for script in layers {
      try shell(
        """
        cd \(scratch); rm -rf bundle; umoci unpack --image \(layout):\(tag) bundle
        (cd bundle/rootfs; \(script)); umoci repack --image \(layout):\(tag) bundle; rm -rf bundle
        """)
    }
    try shell("skopeo copy -q --dest-tls-verify=false oci:\(layout):\(tag) docker://\(address)/\(name)")
  }

  /// The file in which the registry keeps a blob.
  func blobFile(_ hex: String) -> String {
    "\(storage)/docker/registry/v2/blobs/sha256/\(hex.prefix(2))/\(hex)/data"
  }
  /// The digests (hex) of the layers that the registry has under a name.
  func layers(of name: String) throws -> [String] {
    let raw = try shell(
      "skopeo inspect --raw --tls-verify=false docker://\(address)/\(name) | python3 -c 'import json,sys;[print(l[\"digest\"][7:]) for l in json.load(sys.stdin)[\"layers\"]]'"
    )
    return raw.lines
  }
}

extension TestEngine {
  func pull(_ name: String) throws -> Outcome { try berth("pull", "-q", "--tls-verify=false", name) }

  var layerNames: [String] { ((try? entries(ofPath: root + "/layers")) ?? []).map(\.name).sorted() }
  var blobNames: [String] { ((try? entries(ofPath: root + "/blobs/sha256")) ?? []).map(\.name).sorted() }

  /// No image, no layer whole or partial, no blob, no intent, no lock of a layer.
  func expectEmptyStore(sourceLocation: SourceLocation = #_sourceLocation) throws {
    #expect(try berth("images", "-q", "-a").trimmed == "", sourceLocation: sourceLocation)
    #expect(layerNames == [], sourceLocation: sourceLocation)
    #expect(blobNames == [], sourceLocation: sourceLocation)
    for kind in ["intents", "layers"] {
      let left = ((try? entries(ofPath: "\(runroot)/locks/\(kind)")) ?? []).map(\.name)
      #expect(left == [], "locks/\(kind)", sourceLocation: sourceLocation)
    }
  }
}
