import CSys
import Digests
import Glibc
import JSON
import Problems
import RegistryProtocol
import Sys
import TestKit
import Testing

/// Registries that mean harm, and what the program that meets them cannot do. covers LP-14, PD-160
@Suite(.needs(.root), .needs(.installed)) struct RegistryHostileTests {
  private func withStrangeRegistry(_ name: String = #function, _ body: (RegistryServers, String) throws -> Void) throws
  {
    try withScratch(name) { scratch in
      let servers = RegistryServers(scratch: scratch)
      try servers.withStrangeRegistry { try body(servers, $0) }
    }
  }

  @Test(arguments: [
    ("recursion", Problem.Code.invalid, "index in an index"), ("bomb", .invalid, "larger than 4194304 bytes"),
    ("html", .invalid, "not valid JSON"), ("broken", .unavailable, "status 500"),
    ("forbidden", .denied, "denied access"),
  ]) func manifests(_ mode: String, _ code: Problem.Code, _ words: String) throws {
    try withStrangeRegistry { servers, host in
      let connection = try servers.connect(tlsVerify: false)
      let problem = #expect(throws: Problem.self) { try connection.resolve("\(host)/\(mode)/x:1") }
      #expect(problem?.code == code)
      #expect(problem?.sentence.contains(words) == true, "\(problem.map { "\($0)" } ?? "")")
      #expect(problem?.sentence.contains("\u{1b}") == false)
      // and it goes on
      try connection.fetchAll(try connection.resolve("\(host)/plain/x:1"))
    }
  }

  @Test func aManifestWithAnotherDigestIsRefused() throws {
    try withStrangeRegistry { servers, host in
      let connection = try servers.connect(tlsVerify: false)
      let digest = try connection.resolve("\(host)/plain/x:1").digest
      let problem = #expect(throws: Problem.self) { try connection.resolve("\(host)/wrongmanifest/x@\(digest)") }
      #expect(problem?.code == .invalid)
      #expect(problem?.message.contains("wrong digest") == true)
    }
  }

  @Test(arguments: [
    ("long", Problem.Code.invalid, "longer than"), ("circle", .invalid, "redirects"), ("outside", .invalid, "redirect"),
    ("never", .unavailable, "five times in a row"),
  ]) func blobs(_ mode: String, _ code: Problem.Code, _ words: String) throws {
    try withStrangeRegistry { servers, host in
      let connection = try servers.connect(tlsVerify: false)
      let image = try connection.resolve("\(host)/\(mode)/x:1")
      let layer = try #require(try JSON.parse(image.manifest)["layers"]?.array?.first)
      let problem = #expect(throws: Problem.self) { try connection.fetch(image.name, layer, .layer) }
      #expect(problem?.code == code)
      #expect(problem?.sentence.contains(words) == true, "\(problem.map { "\($0)" } ?? "")")
    }
  }

  /// The layer's bytes are checked by whoever reads them: here it is seen that they come as they are.
  @Test func aChangedLayerIsForTheReaderToRefuse() throws {
    try withStrangeRegistry { servers, host in
      let connection = try servers.connect(tlsVerify: false)
      let image = try connection.resolve("\(host)/wrong/x:1")
      let layer = try #require(try JSON.parse(image.manifest)["layers"]?.array?.first)
      let bytes = try connection.fetch(image.name, layer, .layer)
      #expect(Digest(of: bytes).description != layer["digest"]?.string)
    }
  }

  @Test func aSlowReaderHoldsUpNobody() throws {
    try withStrangeRegistry { servers, host in
      let connection = try servers.connect(tlsVerify: false)
      let image = try connection.resolve("\(host)/plain/x:1")
      let layer = try #require(try JSON.parse(image.manifest)["layers"]?.array?.first)
      let size: Int64 = try #require(layer["size"]?.integer())
      let blob = RegistryRequest.BlobRequest(
        name: image.name, digest: try #require(layer["digest"]?.string), size: size, kind: .layer)
      var unread: [CInt] = []
      defer { for fd in unread { close(fd) } }
      for _ in 0..<8 {  // more than the program has threads
        let pipe = try Pipe.make()
        _ = try connection.send(.blob(blob), descriptor: pipe.writer.borrowed)
        unread.append(pipe.closingWriter().release())
      }
      try connection.fetchAll(image)
    }
  }

  @Test func aReaderThatGoesEndsOnlyItsOwnLayer() throws {
    try withStrangeRegistry { servers, host in
      let connection = try servers.connect(tlsVerify: false)
      let image = try connection.resolve("\(host)/plain/x:1")
      let layer = try #require(try JSON.parse(image.manifest)["layers"]?.array?.first)
      let blob = RegistryRequest.BlobRequest(
        name: image.name, digest: try #require(layer["digest"]?.string), size: try #require(layer["size"]?.integer()),
        kind: .layer)
      let pipe = try Pipe.make()
      let id = try connection.send(.blob(blob), descriptor: pipe.writer.borrowed)
      let reader = pipe.closingWriter()
      _ = consume reader
      #expect(throws: Problem.self) { try connection.finish(id) }
      try connection.fetchAll(image)
    }
  }
}
